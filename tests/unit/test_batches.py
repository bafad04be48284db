"""Batches against the sequence they are drawn from, and against what their documentation promises."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_corpus import random_sequence
from torch.utils.data import DataLoader

from genoglot.corpus.batches import TrainingBatches, mask, select
from genoglot.corpus.reader import WindowReader
from genoglot.corpus.sampler import Draws, rows_of_step
from genoglot.errors import InputError
from genoglot.genome.store import encode

WINDOW = 42  # not a whole number of the generator's counts
COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")


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


def expected_rows(windows: int, seed: int, passes: int) -> np.ndarray:
    """The order of equal weights, which models trained before must find again."""
    return np.concatenate([np.random.default_rng([seed, 1, number]).permutation(windows) for number in range(passes)])


def same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


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
    drawn = TrainingBatches(reader, 4, 0, 1, 1, None, 1.0).draws.before(10)
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
    batches = TrainingBatches(reader, 6, 0, 20, 1, None, 0.1)
    order = expected_rows(len(reader), 1, 20)
    for step, (tokens, targets, weights) in enumerate(batches):
        rows = order[step * 6 : step * 6 + 6]
        turned = np.random.default_rng([1, 2, step]).random(6) < 0.5
        for row, reverse, codes, target, weight in zip(rows, turned, tokens, targets, weights, strict=True):
            place = windows.loc[row]
            text = contigs[place["contig"]][place["start"] : place["end"]]
            text = text[::-1].translate(COMPLEMENT) if reverse else text
            expected = (encode(text) & 7).tolist()
            assert codes.tolist() == expected
            assert target.tolist() == [code if code < 4 else -100 for code in expected]
            assert weight.tolist() == [np.float32(0.1 if letter.islower() else 1) for letter in text]
    assert (tokens.dtype, targets.dtype, weights.dtype) == (torch.int64, torch.int64, torch.float32)
    assert same(TrainingBatches(reader, 6, 2, 3, 1, None, 0.1).at(2), batches.at(2))


def test_masked_batches_hide_what_they_ask_for(reader):
    plain = TrainingBatches(reader, 8, 0, 50, 1, None, 1.0)
    asked_of_known = []
    for step, (tokens, targets, weights) in enumerate(TrainingBatches(reader, 8, 0, 50, 1, 0.3, 1.0)):
        codes = plain.at(step)[0]
        asked = targets >= 0
        assert (targets[asked] == codes[asked]).all()
        assert (tokens[~asked] == codes[~asked]).all()
        assert not asked[codes == 4].any()
        assert (weights == 1).all()
        asked_of_known.append(asked[codes < 4].float())
    assert abs(torch.cat(asked_of_known).mean() - 0.3) < 0.02


def test_corruption_shares_of_every_number():
    """All 65,536 random numbers once for each code: shares are counted, not sampled."""
    numbers = np.tile(np.arange(1 << 16, dtype=np.uint16), (5, 1))
    codes = np.repeat(np.arange(5, dtype=np.uint8), 1 << 16).reshape(5, -1)
    for rate in (0.15, 0.05, 0.5, 0.9999):
        tokens, chosen = mask(codes, rate, numbers)
        assert not chosen[4].any()
        assert (tokens[~chosen] == codes[~chosen]).all()
        for code in range(4):
            assert abs(chosen[code].mean() - rate) <= 0.5 / (1 << 16)
            share = np.bincount(tokens[code][chosen[code]], minlength=6) / chosen[code].sum()
            expected = np.full(6, 0.025)
            expected[[4, code, 5]] = 0, 0.125, 0.8
            np.testing.assert_allclose(share, expected, atol=0.002)
            drawn = np.delete(share[:4], code)
            assert (drawn == drawn[0]).all()


def test_select_is_where():
    rng = np.random.default_rng(0)
    condition, one, other = rng.random((9, 7)) < 0.5, *rng.integers(0, 256, (2, 9, 7), dtype=np.uint8)
    np.testing.assert_array_equal(select(condition, one, other), np.where(condition, one, other))
    np.testing.assert_array_equal(select(condition, np.uint8(5), other), np.where(condition, 5, other))


@pytest.mark.parametrize("rate", [None, 0.15])
def test_ranks_share_the_batch_of_one_process(reader, rate):
    whole = TrainingBatches(reader, 12, 0, 9, 5, rate, 0.1)
    for ranks in (2, 3, 12):
        shares = [TrainingBatches(reader, 12, 0, 9, 5, rate, 0.1, rank, ranks) for rank in range(ranks)]
        for step in (0, 8):
            joined = tuple(torch.cat(parts) for parts in zip(*(share.at(step) for share in shares), strict=True))
            assert same(joined, whole.at(step))


def test_batch_that_cannot_be_shared_evenly(reader):
    with pytest.raises(
        InputError, match=r"6 windows of 42 bases cannot be shared evenly by 4 .* multiple of 168 tokens"
    ):
        TrainingBatches(reader, 6, 0, 1, 1, None, 1.0, 1, 4)


def test_workers_take_turns_by_steps(reader):
    batches = TrainingBatches(reader, 6, 3, 12, 1, 0.15, 0.1)
    expected = [batches.at(step) for step in range(3, 12)]
    found = list(DataLoader(batches, batch_size=None, num_workers=2))
    assert len(found) == len(expected)
    assert all(same(tuple(one), other) for one, other in zip(found, expected, strict=True))


def test_a_reader_is_sent_without_its_genome(make_genome):
    genome = make_genome({"one": random_sequence(100_000, 1)})
    reader = WindowReader(
        pd.DataFrame({"genome": "g", "contig": "one", "start": [5], "end": [65]}), {"g": genome.folder}
    )
    before = reader.read(np.array([0]))
    sent = pickle.dumps(reader)
    assert len(sent) < 10_000
    np.testing.assert_array_equal(pickle.loads(sent).read(np.array([0])), before)
