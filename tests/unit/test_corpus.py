"""Windows, splits, batches and Markov chains against slow and obvious versions."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from genoglot.corpus.batches import TrainingBatches, WindowReader, corrupt, rows_of_step
from genoglot.corpus.markov import MarkovModel, fit_markov, training_stretches
from genoglot.corpus.windows import build_corpus, make_windows, read_windows
from genoglot.errors import InputError
from genoglot.genome.store import encode

SETTINGS = {"genomes": ["g"], "window": 40, "step": 15, "max_n": 0.25, "validation": ["two"], "test": []}


def random_sequence(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


@pytest.fixture
def contigs():
    middle = random_sequence(60, 1) + "N" * 30 + random_sequence(77, 2).lower()
    return {"one": middle, "two": random_sequence(133, 3), "short": random_sequence(39, 4)}


@pytest.fixture
def corpus(contigs, make_genome, describe_genome, tmp_path):
    genome = make_genome(contigs)
    make_windows(genome.folder, tmp_path / "part.parquet", "g", SETTINGS)
    build_corpus(
        [tmp_path / "part.parquet"],
        tmp_path / "windows.parquet",
        tmp_path / "corpus.json",
        "c",
        SETTINGS,
        describe_genome(contigs),
    )
    return genome, tmp_path


def test_windows_cover_contigs_by_split(corpus, contigs):
    _, folder = corpus
    for split, contig, step in (("train", "one", 15), ("validation", "two", 40)):
        text = contigs[contig]
        starts = [*range(0, len(text) - 40 + 1, step)]
        if starts[-1] != len(text) - 40:
            starts.append(len(text) - 40)
        expected = [start for start in starts if text[start : start + 40].count("N") <= 10]
        found = read_windows(folder / "windows.parquet", split)
        assert found["start"].tolist() == expected
        assert set(found["contig"]) == {contig}
        assert (found["end"] - found["start"] == 40).all()


def test_manifest_counts_and_fingerprint(corpus, contigs):
    genome, folder = corpus
    manifest = json.loads((folder / "corpus.json").read_text())
    assert manifest["windows"]["g"]["train"] == len(read_windows(folder / "windows.parquet", "train"))
    assert manifest["contigs"]["g"] == {"train": ["one", "short"], "validation": ["two"], "test": []}
    other = {**SETTINGS, "step": 16}
    make_windows(genome.folder, folder / "other.parquet", "g", other)
    genomes = {"g": folder / "genome.json"}
    build_corpus([folder / "other.parquet"], folder / "w", folder / "m.json", "c", other, genomes)
    assert json.loads((folder / "m.json").read_text())["fingerprint"] != manifest["fingerprint"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"validation": ["Two"]}, ["validation contig 'Two'", "did you mean", "two"]),
        ({"validation": []}, ["no window is left for validation"]),
        ({"test": ["two"]}, ["two cannot be both"]),
    ],
)
def test_contigs_that_cannot_be_held_out(corpus, change, words):
    genome, folder = corpus
    settings = {**SETTINGS, **change}
    make_windows(genome.folder, folder / "p.parquet", "g", settings)
    with pytest.raises(InputError) as error:
        build_corpus([folder / "p.parquet"], folder / "w", folder / "m", "c", settings, {"g": folder / "genome.json"})
    assert all(word in str(error.value) for word in words)
    assert not (folder / "m").exists()


def test_genome_shorter_than_a_window_or_without_bases(make_genome, tmp_path):
    genome = make_genome({"one": "ACGT"})
    with pytest.raises(InputError, match="longest contig has 4 bases, and a window has 40"):
        make_windows(genome.folder, tmp_path / "p", "tiny", SETTINGS)
    empty = make_genome({"one": "N" * 100}, "empty")
    with pytest.raises(InputError, match="more than 25% N"):
        make_windows(empty.folder, tmp_path / "p", "empty", SETTINGS)
    assert not (tmp_path / "p").exists()


def test_each_window_once_per_pass():
    rows = np.concatenate([rows_of_step(10, 4, 7, step) for step in range(5)])
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    np.testing.assert_array_equal(rows_of_step(10, 4, 7, 3), rows[12:16])


def test_batches_hold_the_sequence_or_its_reverse_complement(corpus, contigs):
    genome, folder = corpus
    windows = read_windows(folder / "windows.parquet", "train")
    reader = WindowReader(windows, {"g": genome.folder})
    batches = TrainingBatches(reader, 6, 0, 3, 1, None, 0.1)
    turned = 0
    for step, (tokens, targets, weights) in enumerate(batches):
        for row, codes, target, weight in zip(
            rows_of_step(len(reader), 6, 1, step), tokens, targets, weights, strict=True
        ):
            start = windows["start"][row]
            text = contigs["one"][start : start + 40]
            forward = encode(text) & 7
            backward = encode(text[::-1].translate(str.maketrans("ACGTacgt", "TGCAtgca"))) & 7
            reverse = codes.tolist() != forward.tolist()
            turned += reverse
            assert codes.tolist() == (backward if reverse else forward).tolist()
            lower = np.array([letter.islower() for letter in (text[::-1] if reverse else text)])
            np.testing.assert_allclose(weight.numpy(), np.where(lower, 0.1, 1), rtol=1e-6)
            assert target.tolist() == [int(code) if code < 4 else -100 for code in codes]
    assert 0 < turned < 18
    again = TrainingBatches(reader, 6, 2, 3, 1, None, 0.1).at(2)
    assert all((one == other).all() for one, other in zip(again, batches.at(2), strict=True))


def test_masked_batches_hide_what_they_ask_for(corpus):
    genome, folder = corpus
    reader = WindowReader(read_windows(folder / "windows.parquet", "train"), {"g": genome.folder})
    tokens, targets, _ = TrainingBatches(reader, 8, 0, 1, 1, 0.3, 1.0).at(0)
    assert (targets[tokens == 5] >= 0).all()
    asked = targets >= 0
    assert 0.2 < asked.float().mean() < 0.4
    assert (tokens[~asked] != 5).all()


def test_corruption_shares():
    codes = np.zeros((200, 200), dtype=np.uint8)
    chosen = np.zeros(codes.shape, dtype=bool)
    chosen[:, ::2] = True
    tokens = corrupt(codes, chosen, np.random.default_rng(0))
    share = Counter(tokens[chosen].tolist())
    assert abs(share[5] / chosen.sum() - 0.8) < 0.02
    assert abs(share[0] / chosen.sum() - 0.125) < 0.02  # a tenth left, and a quarter of a tenth drawn as A
    assert (tokens[~chosen] == 0).all()


def test_training_stretches_hold_each_base_once(corpus, contigs):
    genome, folder = corpus
    windows = read_windows(folder / "windows.parquet", "train")
    covered = np.zeros(len(contigs["one"]), dtype=bool)
    for start, end in zip(windows["start"], windows["end"], strict=True):
        covered[start:end] = True
    stretches = list(training_stretches(windows, {"g": genome.folder}, 0))
    assert sum(len(stretch) for stretch in stretches) == covered.sum()


@pytest.mark.parametrize("family", ["left", "both"])
def test_markov_chain_against_dictionaries(family, make_genome, tmp_path, monkeypatch):
    text = random_sequence(4000, 5, "AACGTTT")
    genome = make_genome({"one": text})
    rows = {"genome": "g", "contig": "one", "start": [0], "end": [4000], "split": "train", "weight": np.float32(1)}
    pd.DataFrame(rows).to_parquet(tmp_path / "w.parquet")
    k, prior = 2, 16.0
    monkeypatch.setattr("genoglot.corpus.markov._max_order", lambda *_: k)
    monkeypatch.setattr("genoglot.corpus.markov._choose", lambda *_: (k, prior))
    fit_markov(tmp_path / "w.parquet", {"g": genome.folder}, tmp_path / "m.safetensors", 1)
    model = MarkovModel.load(tmp_path / "m.safetensors")
    codes = encode("NACGTTACG")
    found = np.exp(model.log_probabilities(codes, family))
    # the fit cuts a lone stretch in two to choose its order, and counts the halves apart
    halves = [brute_force_counts(text[:2000], k, family), brute_force_counts(text[2000:], k, family)]
    expected = interpolate(
        {key: halves[0].get(key, 0) + halves[1].get(key, 0) for key in {*halves[0], *halves[1]}}, k, prior, family
    )
    for position in (3, 4, 5, 6):
        left, right = "NACGTTACG"[position - k : position], "NACGTTACG"[position + 1 : position + 1 + k]
        key = (left, right if family == "both" else "")
        np.testing.assert_allclose(found[position], expected[key], rtol=1e-5)
    assert np.allclose(found[1], np.exp(model.background))


def brute_force_counts(text: str, k: int, family: str) -> dict[tuple[str, str], np.ndarray]:
    counts: dict[tuple[str, str], np.ndarray] = {}
    for strand in (text, text[::-1].translate(str.maketrans("ACGT", "TGCA"))):
        last = len(strand) - (k if family == "both" else 0)
        for i in range(k, last):
            key = (strand[i - k : i], strand[i + 1 : i + 1 + k] if family == "both" else "")
            counts.setdefault(key, np.zeros(4))["ACGT".index(strand[i])] += 1
    return counts


def interpolate(counts, k, prior, family):
    """Every context of order k, each order resting on the one below, whose counts are sums over the outer bases."""
    levels = [counts]
    for _ in range(k):
        lower: dict[tuple[str, str], np.ndarray] = {}
        for (left, right), count in levels[-1].items():
            key = (left[1:], right[:-1])
            lower[key] = lower.get(key, 0) + count
        levels.append(lower)
    base = levels[-1][("", "")]
    result = {("", ""): (base + 1) / (base.sum() + 4)}
    for order in range(1, k + 1):
        level = levels[k - order]
        result = {
            (left, right): (count + prior * result[(left[1:], right[:-1])]) / (count.sum() + prior)
            for (left, right), count in level.items()
        }
    return result


def test_markov_order_is_chosen_by_sequence_held_back(make_genome, tmp_path):
    """A chain of order 2 is recognised: neither too little context nor too much."""
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.full(4, 0.3), size=16)
    state, letters = 0, []
    for draw in rng.random(120_000):
        base = int(np.searchsorted(table[state].cumsum(), draw))
        letters.append("ACGT"[min(base, 3)])
        state = state % 4 * 4 + min(base, 3)
    genome = make_genome({"one": "".join(letters)})
    rows = {"genome": "g", "contig": "one", "start": [0], "end": [120_000], "split": "train", "weight": np.float32(1)}
    pd.DataFrame(rows).to_parquet(tmp_path / "w.parquet")
    fit_markov(tmp_path / "w.parquet", {"g": genome.folder}, tmp_path / "m.safetensors", 1)
    model = MarkovModel.load(tmp_path / "m.safetensors")
    assert model.order("both") >= 2
    codes = encode("".join(letters))
    bits = {
        family: -model.log_probabilities(codes, family)[np.arange(len(codes)), codes][10:-10].mean() / np.log(2)
        for family in ("left", "both")
    }
    assert bits["both"] < bits["left"] < 2
