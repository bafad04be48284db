"""Markov chains against slow and obvious versions."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import corpus_settings, random_sequence

from genoglot.corpus.markov import MarkovModel, fit_markov, kmer_counts, training_stretches
from genoglot.corpus.windows import make_windows, read_windows
from genoglot.genome.store import encode


def write_windows(path, rows):
    """Windows (contig, start, end, split) of a genome g as a corpus has them."""
    frame = pd.DataFrame(rows, columns=["contig", "start", "end", "split"])
    frame.assign(genome="g", weight=np.float32(1)).to_parquet(path)


@pytest.fixture
def corpus(contigs, make_genome, tmp_path):
    genome = make_genome(contigs)
    make_windows(genome.folder, tmp_path / "windows.parquet", "g", corpus_settings(), 1)
    return genome, tmp_path


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
    write_windows(tmp_path / "w.parquet", [("one", 0, 3000, "train"), ("one", 3000, 4000, "validation")])
    k, prior = 2, 16.0
    monkeypatch.setattr("genoglot.corpus.markov._max_order", lambda *_: k)
    monkeypatch.setattr("genoglot.corpus.markov._choose", lambda *_: (k, prior))
    fit_markov(tmp_path / "w.parquet", {"g": genome.folder}, tmp_path / "m.safetensors")
    model = MarkovModel.load(tmp_path / "m.safetensors")
    codes = encode("NACGTTACG")
    found = np.exp(model.log_probabilities(codes, family))
    expected = interpolate(brute_force_counts(text[:3000], k, family), k, prior, family)
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


def test_markov_order_is_chosen_by_sequence_held_out(make_genome, tmp_path):
    """A chain of order 2 is recognised: neither too little context nor too much."""
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.full(4, 0.3), size=16)
    state, letters = 0, []
    for draw in rng.random(120_000):
        base = int(np.searchsorted(table[state].cumsum(), draw))
        letters.append("ACGT"[min(base, 3)])
        state = state % 4 * 4 + min(base, 3)
    genome = make_genome({"one": "".join(letters)})
    write_windows(tmp_path / "w.parquet", [("one", 0, 100_000, "train"), ("one", 100_000, 120_000, "validation")])
    fit_markov(tmp_path / "w.parquet", {"g": genome.folder}, tmp_path / "m.safetensors")
    model = MarkovModel.load(tmp_path / "m.safetensors")
    assert model.order("both") >= 2
    codes = encode("".join(letters))
    bits = {
        family: -model.log_probabilities(codes, family)[np.arange(len(codes)), codes][10:-10].mean() / np.log(2)
        for family in ("left", "both")
    }
    assert bits["both"] < bits["left"] < 2


def test_strains_do_not_make_a_markov_chain_remember(make_genome, tmp_path):
    """What stands there five times is no better known elsewhere: random sequence stays at two bits."""
    rng = np.random.default_rng(3)
    ancestor = random_sequence(60_000, 3)
    contigs = {"held": random_sequence(20_000, 4)}
    for strain in range(5):
        bases = np.array(list(ancestor))
        bases[rng.random(len(bases)) < 0.01] = "A"
        contigs[f"strain{strain}"] = "".join(bases)
    genome = make_genome(contigs)
    rows = [(name, 0, len(text), "validation" if name == "held" else "train") for name, text in contigs.items()]
    write_windows(tmp_path / "w.parquet", rows)
    fit_markov(tmp_path / "w.parquet", {"g": genome.folder}, tmp_path / "m.safetensors")
    model, codes = MarkovModel.load(tmp_path / "m.safetensors"), encode(contigs["held"])
    for family in ("left", "both"):
        bits = -model.log_probabilities(codes, family)[np.arange(len(codes)), codes].mean() / np.log(2)
        assert bits < 2.005


def test_counts_of_both_strands(make_genome, tmp_path):
    text = random_sequence(500, 6, "ACGTN")
    genome = make_genome({"one": text})
    windows = pd.DataFrame({"genome": "g", "contig": "one", "start": [0], "end": [500]})
    found = kmer_counts(windows, {"g": genome.folder}, 3)
    both = [text, text[::-1].translate(str.maketrans("ACGT", "TGCA"))]
    words = ["".join(word) for word in product("ACGT", repeat=3)]
    assert found.tolist() == [sum(strand[i : i + 3] == word for strand in both for i in range(498)) for word in words]
