"""Batches against the sequence they are drawn from, and against what their documentation promises."""

import hashlib
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_corpus import random_sequence
from tiny_tokens import KINDS, tiny_encoding
from torch.utils.data import DataLoader

from genoglot.corpus.batches import Objective, TrainingBatches
from genoglot.corpus.labels import Labels
from genoglot.corpus.reader import WindowReader
from genoglot.corpus.sampler import Draws, rows_of_step
from genoglot.corpus.schedule import Lengths, Schedule
from genoglot.errors import InputError
from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.genome.store import encode
from genoglot.tokens.encoding import Blocks, Kmers, SingleBase, Tokens

WINDOW = 42  # not a whole number of the generator's counts
COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")
# class of the bases from a place of a contig on
REGIONS = {
    "one": {0: "intergenic", 7: "CDS", 55: "intron", 61: "unannotated", 100: "repeat"},
    "two": {0: "unannotated", 20: "UTR", 26: "promoter", 80: "ncRNA"},
}
CLASSES = {name: REGION_CLASSES.index(name) for name in REGION_CLASSES}


@pytest.fixture
def contigs():
    return {"one": random_sequence(60, 1) + "N" * 30 + random_sequence(77, 2).lower(), "two": random_sequence(133, 3)}


@pytest.fixture
def windows(contigs):
    rows = [
        ("g", contig, start, start + WINDOW)
        for contig, text in contigs.items()
        for start in range(0, len(text) - WINDOW + 1, 9)
    ]
    return pd.DataFrame(rows, columns=["genome", "contig", "start", "end"])


@pytest.fixture
def reader(windows, contigs, make_genome):
    return WindowReader(windows, {"g": make_genome(contigs).folder})


@pytest.fixture
def encodings(make_genome, tmp_path):
    return lambda kind: tiny_encoding(kind, make_genome, tmp_path)


@pytest.fixture
def regions(contigs, tmp_path):
    lines = []
    for contig, classes in REGIONS.items():
        ends = [*list(classes)[1:], len(contigs[contig])]
        lines += [f"{contig}\t{start}\t{end}\t{classes[start]}\n" for start, end in zip(classes, ends, strict=True)]
    (tmp_path / "regions.bed").write_text("".join(lines))
    return tmp_path / "regions.bed"


@pytest.fixture
def labels(reader, windows, regions, tmp_path):
    return Labels(windows, {"g": tmp_path / "sequence"}, {"g": regions})


def class_at(contig: str, base: int) -> int:
    name = REGIONS[contig][max(start for start in REGIONS[contig] if start <= base)]
    return CLASSES.get(name, -100)


def batches(reader, encoding=None, batch=12, first=0, last=1, seed=1, length=WINDOW, **options) -> TrainingBatches:
    """Batches without masks, unless `options` change the objective or the sharing."""
    objective = {"causal": False, "needs_mask": False, "mask_rate": 0.3, "mask_span": 1, "soft_mask_weight": 0.1}
    objective |= {name: options.pop(name) for name in objective if name in options}
    schedule = Schedule(batch, first, last, Lengths(length, length, 0))
    return TrainingBatches(reader, encoding or SingleBase(), Objective(**objective), schedule, seed, **options)


def masked(reader, encoding, **options) -> TrainingBatches:
    return batches(reader, encoding, needs_mask=True, **options)


def texts_of(windows, contigs, rows, seed: int, step: int) -> list[str]:
    """What is drawn in a step, soft-masked bases in lower case."""
    turned = np.random.default_rng([seed, 2, step]).random(len(rows)) < 0.5
    texts = []
    for row, reverse in zip(rows, turned, strict=True):
        place = windows.loc[row]
        text = contigs[place["contig"]][place["start"] : place["end"]]
        texts.append(text[::-1].translate(COMPLEMENT) if reverse else text)
    return texts


def spans_of(written: Tokens) -> list[tuple[int, int]]:
    """First base and the one after the last of each token of a single window."""
    return list(zip(written.starts[0].tolist(), written.ends[0].tolist(), strict=True))


def rows_of(batch: dict[str, torch.Tensor]) -> list[tuple]:
    """The rows of a batch without their padding."""
    sizes = batch["present"].sum(dim=1) if "present" in batch else [None] * len(batch["tokens"])
    names = sorted(set(batch) - {"present"})
    return [tuple(tuple(batch[name][row, :size].tolist()) for name in names) for row, size in enumerate(sizes)]


def expected_rows(windows: int, seed: int, passes: int) -> np.ndarray:
    """The order of equal weights, which models trained before must find again."""
    return np.concatenate([np.random.default_rng([seed, 1, number]).permutation(windows) for number in range(passes)])


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one
    )


def test_each_window_once_per_pass():
    draws = Draws(np.ones(10))
    rows = np.concatenate([rows_of_step(draws, 4, 7, step) for step in range(5)])
    np.testing.assert_array_equal(rows, expected_rows(10, 7, 2))
    np.testing.assert_array_equal(rows_of_step(draws, 4, 7, 3), rows[12:16])
    np.testing.assert_array_equal(rows_of_step(draws, 35, 7, 1), expected_rows(10, 7, 7)[35:70])


def test_weights_say_how_often_a_window_is_drawn():
    weights = np.array([2.0] * 3 + [0.5] * 6 + [0.1] * 20 + [1.0] * 5 + [0.0] * 2 + [1.25] * 8)
    draws = Draws(weights)
    passes = [draws.rows(7, number) for number in range(20)]
    counts = np.array([np.bincount(rows, minlength=len(weights)) for rows in passes])
    assert [draws.before(number) for number in range(21)] == [0, *np.cumsum(counts.sum(axis=1))]
    np.testing.assert_array_equal(counts.sum(axis=0), np.round(20 * weights))
    assert ((counts == np.floor(weights)) | (counts == np.ceil(weights))).all()
    # one turn each, spread evenly, before any second one
    for share, period in ((0.5, 2), (0.1, 10), (1.25, 4)):
        chosen = counts[:, weights == share] - int(share)
        assert set(chosen.sum(axis=1)) == {int((weights == share).sum() / period)}
        np.testing.assert_array_equal(chosen.reshape(20 // period, period, -1).sum(axis=1), 1)
    assert passes[0].tolist() != draws.rows(8, 0).tolist()


def test_steps_follow_each_other_through_weighted_passes():
    """Also where shares do not come out even, and where whole passes are empty."""
    for weights in ([0.3, 0.3, 1.7, 0.77, 0.0], [0.15], [0.2, 0.05]):
        draws = Draws(np.array(weights))
        passes = [
            np.random.default_rng([3, 1, number]).permutation(draws.rows(3, number))
            if len(draws.rows(3, number))
            else np.empty(0, dtype=np.int64)
            for number in range(300)
        ]
        whole = np.concatenate(passes)
        for batch in (1, 4, 7):
            steps = [rows_of_step(draws, batch, 3, step) for step in range(len(whole) // batch)]
            np.testing.assert_array_equal(np.concatenate(steps), whole[: len(steps) * batch])
        assert np.abs(np.bincount(whole, minlength=len(weights)) - 300 * np.array(weights)).max() < 1.01


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_weights_that_draw_nothing(weights):
    with pytest.raises(InputError, match="weights of windows must be 0 or more, and not all 0"):
        Draws(np.array(weights))


def test_reader_takes_weights_from_the_windows(windows, contigs, make_genome):
    sequences = {"g": make_genome(contigs).folder}
    assert (WindowReader(windows, sequences).weights == 1).all()
    weighted = windows.assign(weight=np.where(windows["contig"] == "two", 0.1, 1).astype(np.float32))
    reader = WindowReader(weighted, sequences)
    assert set(reader.weights[windows["contig"] == "two"]) == {0.1}
    drawn = batches(reader).draws.before(10)
    assert drawn == 10 * (windows["contig"] == "one").sum() + (windows["contig"] == "two").sum()


def test_reader_reads_windows_of_several_genomes(make_genome):
    texts = {"a": {"x": random_sequence(50, 1), "y": random_sequence(60, 2)}, "b": {"x": random_sequence(70, 3)}}
    sequences = {name: make_genome(contigs, name).folder for name, contigs in texts.items()}
    rows = [("b", "x", 3), ("a", "y", 40), ("a", "x", 0), ("b", "x", 50), ("a", "y", 0)]
    frame = pd.DataFrame(rows, columns=["genome", "contig", "start"]).assign(end=lambda table: table["start"] + 20)
    frame = frame.astype({"genome": "category", "contig": "category"})
    found = WindowReader(frame, sequences).read(np.array([4, 0, 0, 3, 1]))
    for codes, row in zip(found, [4, 0, 0, 3, 1], strict=True):
        genome, contig, start = rows[row]
        assert codes.tolist() == encode(texts[genome][contig][start : start + 20]).tolist()


def test_batches_hold_the_sequence_or_its_reverse_complement(reader, windows, contigs):
    found = batches(reader, batch=6, last=20)
    order = expected_rows(len(reader), 1, 20)
    for step, batch in enumerate(found):
        assert set(batch) == {"tokens", "targets", "weights"}
        drawn = texts_of(windows, contigs, order[step * 6 : step * 6 + 6], 1, step)
        for text, codes, target, weight in zip(drawn, *batch.values(), strict=True):
            expected = (encode(text) & 7).tolist()
            assert codes.tolist() == expected
            assert target.tolist() == [code if code < 4 else -100 for code in expected]
            assert weight.tolist() == [np.float32(0.1 if letter.islower() else 1) for letter in text]
    assert [batch[name].dtype for name in batch] == [torch.int64, torch.int64, torch.float32]
    assert same(batches(reader, batch=6, first=2, last=3).at(2), found.at(2))


@pytest.mark.parametrize(
    ("rate", "expected"), [(None, "5ea7c865f9be5815"), (0.15, "9fe4745da13cfff5"), (0.4, "49109c1e8eb4288f")]
)
def test_single_bases_are_those_that_earlier_models_saw(reader, rate, expected):
    """Digests of tokens, targets and weights of the first release of these batches."""
    digest = hashlib.sha256()
    for seed, step in ((1, 0), (1, 7), (5, 123)):
        batch = batches(reader, seed=seed, needs_mask=rate is not None, mask_rate=rate).at(step)
        for name in ("tokens", "targets", "weights"):
            digest.update(batch[name].numpy().tobytes())
    assert digest.hexdigest()[:16] == expected


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_each_window(reader, windows, contigs, encodings, kind, causal):
    """Each row against its window's text, written by itself, token after token."""
    encoding = encodings(kind)
    order = expected_rows(len(reader), 1, 9)
    padded = 0
    for step, batch in enumerate(batches(reader, encoding, last=9, causal=causal)):
        drawn = texts_of(windows, contigs, order[step * 12 : step * 12 + 12], 1, step)
        for number, text in enumerate(drawn):
            alone = encoding.encode(encode(text)[None])
            ids, size = alone.ids[0].tolist(), int(alone.lengths[0])
            weights = [np.mean([0.1 if base.islower() else 1 for base in text[a:b]]) for a, b in spans_of(alone)]
            targets = [one if set(encoding.tokens[one]) <= set("ACGT") else -100 for one in ids]
            if causal:
                targets, weights = [*targets[1:], -100], [*weights[1:], 0]
            beyond = batch["tokens"].shape[1] - size
            assert batch["tokens"][number].tolist() == ids + beyond * [encoding.pad]
            assert batch["targets"][number].tolist() == targets + beyond * [-100]
            np.testing.assert_allclose(batch["weights"][number], [*weights, *np.zeros(beyond)], rtol=1e-6)
            if beyond:
                assert batch["present"][number].tolist() == [True] * size + [False] * beyond
                padded += 1
        assert ("present" in batch) == (kind != "single" and not batch.get("present", torch.ones(1)).all())
    assert bool(padded) == (kind in ("blocks", "bpe"))


@pytest.mark.parametrize("span", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_masked_batches_hide_what_they_ask_for(reader, encodings, kind, span):
    encoding = encodings(kind)
    special = torch.tensor([not set(token) <= set("ACGT") for token in encoding.tokens])
    plain = batches(reader, encoding, batch=8, soft_mask_weight=1.0)
    shares, masks = [], []
    for step, batch in enumerate(masked(reader, encoding, batch=8, last=50, mask_span=span, soft_mask_weight=1.0)):
        truth = plain.at(step)["tokens"]
        tokens, asked = batch["tokens"], batch["targets"] >= 0
        assert (batch["targets"][asked] == truth[asked]).all()
        assert (tokens[~asked] == truth[~asked]).all()
        assert not (asked & special[truth]).any()
        assert not (special[tokens[asked]] & (tokens[asked] != encoding.mask)).any()
        assert (batch["weights"] == batch.get("present", torch.ones(1))).all()
        shares.append(asked[~special[truth]].float())
        masks.append((tokens[asked] == encoding.mask).float())
    assert abs(torch.cat(shares).mean() - 0.3) < 0.03
    # with overlapping tokens a token is hidden if any of its bases is
    assert abs(torch.cat(masks).mean() - (0.83 if kind == "kmer" else 0.8)) < 0.04


@pytest.mark.parametrize("objective", ["masked", "spans", "causal", "cloze"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_window_is_the_same_however_a_step_is_shared(reader, encodings, kind, objective, labels):
    options = {
        "masked": {"needs_mask": True},
        "spans": {"needs_mask": True, "mask_span": 4},
        "causal": {"causal": True},
        "cloze": {},
    }[objective]
    shared = dict(batch=12, seed=5, length=21, labels=labels, **options)
    encoding = encodings(kind)
    whole = batches(reader, encoding, **shared)
    for ranks, accumulate in ((2, 1), (1, 3), (3, 2), (12, 1)):
        shares = [
            batches(reader, encoding, rank=rank, ranks=ranks, accumulate=accumulate, **shared) for rank in range(ranks)
        ]
        for step in (0, 8):
            parts = [share.at(step, part) for share in shares for part in range(accumulate)]
            assert [row for part in parts for row in rows_of(part)] == rows_of(whole.at(step))


def test_batch_that_cannot_be_shared_evenly(reader):
    with pytest.raises(
        InputError, match=r"6 windows of 42 bases cannot be shared evenly by 4 .* multiple of 168 tokens"
    ):
        batches(reader, batch=6, rank=1, ranks=4)
    with pytest.raises(InputError, match="by 3 processes with accumulate: 4; choose a multiple of 504 tokens"):
        batches(reader, batch=6, ranks=3, accumulate=4)


def test_windows_without_room_for_a_token(reader):
    assert batches(reader, Kmers(6), length=6).at(0)["tokens"].shape == (84, 1)
    with pytest.raises(InputError, match=r"sequences of 6 bases .* tokens of 6 bases: .* need 7 or more"):
        batches(reader, Kmers(6), length=6, causal=True)
    with pytest.raises(InputError, match=r"sequences of 3 bases .* need 4 or more"):
        batches(reader, Blocks(4), length=3)


@pytest.mark.parametrize(("kind", "accumulate"), [("single", 1), ("blocks", 1), ("kmer", 3)])
def test_workers_take_turns(reader, encodings, kind, accumulate, labels):
    found = masked(reader, encodings(kind), batch=6, first=3, last=8, accumulate=accumulate, labels=labels)
    expected = [found.at(step, part) for step in range(3, 8) for part in range(accumulate)]
    assert all(same(one, other) for one, other in zip(found, expected, strict=True))
    loaded = list(DataLoader(found, batch_size=None, num_workers=2))
    assert all(same(one, other) for one, other in zip(loaded, expected, strict=True))


def test_steps_of_shorter_sequences_read_the_same_bases(reader, regions, labels):
    """Windows are cut after they are turned, and their labels with them."""
    stages = Schedule(4, 0, 3, lambda step: (14, 21, 42)[step])
    objective = Objective(False, False, 0.15, 1, 0.1)
    found = list(TrainingBatches(reader, SingleBase(), objective, stages, 1, labels=labels))
    assert [batch["tokens"].shape for batch in found] == [(12, 14), (8, 21), (4, 42)]
    for step, batch in enumerate(found):
        whole = batches(reader, batch=4, labels=labels).at(step)
        for name in ("tokens", "targets", "weights", "regions"):
            assert torch.equal(batch[name].reshape(4, WINDOW), whole[name])
    pieces = TrainingBatches(reader, SingleBase(), Objective(True, False, 0.15, 1, 1.0), stages, 1).at(0)
    assert (pieces["targets"][:, -1] == -100).all()
    hidden = TrainingBatches(reader, SingleBase(), Objective(False, True, 0.5, 1, 1.0), stages, 1).at(0)["tokens"] == 5
    assert len({tuple(row) for row in hidden.tolist()}) > 9


@pytest.mark.parametrize("kind", KINDS)
def test_regions_are_those_of_middle_bases(reader, windows, contigs, encodings, kind, labels):
    encoding = encodings(kind)
    order = expected_rows(len(reader), 1, 9)
    seen = set()
    for step, batch in enumerate(masked(reader, encoding, last=9, labels=labels)):
        rows = order[step * 12 : step * 12 + 12]
        turned = np.random.default_rng([1, 2, step]).random(12) < 0.5
        drawn = zip(rows, turned, texts_of(windows, contigs, rows, 1, step), strict=True)
        for number, (row, reverse, text) in enumerate(drawn):
            place = windows.loc[row]
            classes = [class_at(place["contig"], base) for base in range(place["start"], place["end"])]
            classes = classes[::-1] if reverse else classes
            expected = [classes[(a + b) // 2] for a, b in spans_of(encoding.encode(encode(text)[None]))]
            beyond = batch["tokens"].shape[1] - len(expected)
            assert batch["regions"][number].tolist() == expected + beyond * [-100]
            seen.update(expected)
    assert batch["regions"].dtype == torch.int64
    assert seen == {*CLASSES.values(), -100}


def test_genomes_without_regions(windows, contigs, regions, make_genome):
    """Semi-supervised: what one genome says, the other does not."""
    both = pd.concat([windows, windows.assign(genome="h")], ignore_index=True)
    sequences = {name: make_genome(contigs, name).folder for name in "gh"}
    rows = np.arange(len(both))
    for given in ({"g": regions}, {"g": regions, "h": None}):
        found = Labels(both, sequences, given).read(rows)
        assert (found[len(windows) :] == -100).all()
        alone = Labels(windows, sequences, given).read(rows[: len(windows)])
        np.testing.assert_array_equal(found[: len(windows)], alone)
    assert (Labels(both, sequences, {}).read(rows) == -100).all()


def test_readers_are_sent_without_their_genome(make_genome, tmp_path):
    genome = make_genome({"one": random_sequence(100_000, 1)})
    place = pd.DataFrame({"genome": "g", "contig": "one", "start": [5], "end": [65]})
    bed = tmp_path / "long.bed"
    bed.write_text("one\t0\t30\tCDS\none\t30\t100000\tintergenic\n")
    for reader in (WindowReader(place, {"g": genome.folder}), Labels(place, {"g": genome.folder}, {"g": bed})):
        before = reader.read(np.array([0]))
        sent = pickle.dumps(reader)
        assert len(sent) < 10_000
        np.testing.assert_array_equal(pickle.loads(sent).read(np.array([0])), before)
