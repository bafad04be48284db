"""Dependency maps against a plain loop over pairs of bases, of models of every kind."""

import numpy as np
import pytest
from tiny_corpus import random_sequence
from tiny_models import MATES, WINDOW, plain_table, random_model

from genoglot.genome.store import decode, encode
from genoglot.interpretation.dependencies import dependency_map, log2_odds, turns, why_no_map
from genoglot.interpretation.loci import Locus
from genoglot.model.inference import Predictor

SEQUENCE = random_sequence(100, 5)
TABLES = [
    ("cloze", "single"), ("convnet", "single"), ("encoder", "single"), ("encoder", "kmer"), ("encoder", "blocks"),
    ("decoder", "single"), ("decoder", "kmer"),
]  # fmt: skip
HALF = 0.5  # of the bases hidden in training, so that targets take few turns


@pytest.fixture
def predictor(request, make_genome, tmp_path):
    return Predictor(random_model(*request.param, make_genome, tmp_path), 5, "float32", HALF)


def turned(codes: np.ndarray) -> np.ndarray:
    return encode(decode(codes)[::-1].translate(MATES))


def plain_odds(predictor, codes: np.ndarray, hidden: list[int], target: int) -> np.ndarray:
    """log2 odds of the four bases at a target, the two strands averaged, or as a causal model reads one of them."""
    model, size = predictor.model, len(codes)
    chosen = np.isin(np.arange(size), hidden)
    table = plain_table(model, codes, chosen, target)
    if model.kind != "causal":
        other = plain_table(model, turned(codes), chosen[::-1], size - 1 - target)[::-1]
        table = (table + other) / 2
    shares = np.exp(table) / np.exp(table).sum()
    return np.log2(shares / (1 - shares))


def plain_map(predictor, sequence: str, start: int, end: int) -> np.ndarray:
    """The map, one pair of bases and one change after another."""
    model, length = predictor.model, end - start
    # the locus is in the middle of the window, with as much before it as after
    size = WINDOW - (WINDOW - length) % 2
    place = (size - length) // 2
    codes = encode(("N" * size + sequence + "N" * size)[start - place + size : start - place + 2 * size])
    shift = turns(predictor)
    values = np.full((length, length), np.nan)
    for i in range(length):
        for j in range(length):
            if i == j or codes[place + i] > 3 or codes[place + j] > 3:
                continue
            beside = [k for k in range(length) if k % shift == j % shift and k != i] if model.kind == "masked" else [j]
            window, at, target, hidden = codes, place + i, place + j, [place + k for k in beside]
            if model.kind == "causal" and j < i:
                window = turned(codes)
                at, target = size - 1 - at, size - 1 - target
                hidden = [target]
            before = plain_odds(predictor, window, hidden, target)
            largest = 0.0
            for base in set(range(4)) - {int(window[at])}:
                changed = window.copy()
                changed[at] = base
                largest = max(largest, np.abs(plain_odds(predictor, changed, hidden, target) - before).max())
            values[i, j] = largest
    return values


@pytest.mark.parametrize("predictor", TABLES, indirect=True, ids="-".join)
def test_a_map_is_that_of_a_plain_loop(predictor, make_genome):
    sequence = SEQUENCE[:44] + "N" + SEQUENCE[45:]
    genome = make_genome({"other": "ACGT", "one": sequence})
    for start, end in ((40, 49), (0, 8)):
        found = dependency_map(predictor, genome, Locus("one", start, end))
        np.testing.assert_allclose(found, plain_map(predictor, sequence, start, end), atol=5e-4)
        assert np.nanmax(found) > 0.02


@pytest.mark.parametrize(
    "predictor", [("cloze", "single"), ("encoder", "single"), ("decoder", "single")], indirect=True
)
def test_a_map_turns_with_the_sequence(predictor, make_genome):
    """What a locus is on the other strand has the same map, from its end to its beginning."""
    there = dependency_map(predictor, make_genome({"one": SEQUENCE}, "there"), Locus("one", 40, 52))
    other = make_genome({"one": SEQUENCE[::-1].translate(MATES)}, "back")
    back = dependency_map(predictor, other, Locus("one", 100 - 52, 100 - 40))
    np.testing.assert_allclose(back[::-1, ::-1], there, atol=1e-4)


@pytest.mark.parametrize("predictor", [("convnet", "single")], indirect=True)
def test_a_change_out_of_reach_of_a_convolution_changes_nothing(predictor, make_genome):
    """Two layers of kernel 3 with dilations 1 and 2 see three bases on either side."""
    found = dependency_map(predictor, make_genome({"one": SEQUENCE}), Locus("one", 30, 60))
    near = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    assert (found[near > 6] == 0).all()
    assert (found[(near > 0) & (near <= 2)] > 0).mean() > 0.9


def test_batches_change_nothing(make_genome, tmp_path):
    model = random_model("encoder", "single", make_genome, tmp_path)
    genome, locus = make_genome({"one": SEQUENCE}), Locus("one", 20, 34)
    one, many = (dependency_map(Predictor(model, size, "float32", HALF), genome, locus) for size in (1, 64))
    several = dependency_map(Predictor(model, 7, "float32", HALF, 2), genome, locus)
    np.testing.assert_allclose(one, many, atol=1e-4)
    np.testing.assert_allclose(several, many, atol=1e-4)


def test_targets_are_hidden_no_more_than_in_training(make_genome, tmp_path):
    model = random_model("encoder", "single", make_genome, tmp_path)
    assert turns(Predictor(model, 4, "float32", 0.15)) == 7
    assert turns(Predictor(random_model("cloze", "single", make_genome, tmp_path), 4, "float32", 0.15)) == 1


def test_odds_of_known_probabilities():
    found = log2_odds(np.log([[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]]) + 3)
    np.testing.assert_allclose(found, np.log2([[1, 1 / 3, 1 / 7, 1 / 7], [1 / 3] * 4]))


@pytest.mark.parametrize(
    ("kind", "length", "longest", "words"),
    [
        (("encoder", "bpe"), 8, 100, "no probabilities of single bases"),
        (("decoder", "blocks"), 8, 100, "no probabilities of single bases"),
        (("encoder", "single"), 25, 100, "reads windows of 48"),
        (("encoder", "single"), 24, 100, None),
        (("convnet", "single"), 90, 100, None),
        (("convnet", "single"), 101, 100, "101 bases, and map_length is 100"),
        (("convnet", "single"), 10, 0, "map_length: 0"),
    ],
)
def test_what_has_no_map_is_said(kind, length, longest, words, make_genome, tmp_path):
    found = why_no_map(random_model(*kind, make_genome, tmp_path), length, longest)
    assert found is None if words is None else words in found
