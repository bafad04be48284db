"""Draws of few examples: as many as asked, within each other, by the seed."""

import numpy as np
import pytest

from genoglot.examples.target import Target
from genoglot.tasks.few_shot import draw_few, few_shot_means, short_classes

CLASSES = Target("classes", ("common", "rare", "absent"))
LABELS = Target("labels", ("x", "y"))
VALUES = Target("values", ("u", "v"))
TRUTH = np.random.default_rng(1).permutation(np.repeat([0, 1], [300, 20]))


@pytest.mark.parametrize(("size", "counts"), [(8, [8, 8]), (32, [32, 20]), (1000, [300, 20])])
def test_as_many_of_each_class_as_there_are(size, counts):
    rows = draw_few(CLASSES, TRUTH, size, 0, 1)
    assert np.bincount(TRUTH[rows]).tolist() == counts
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("target", [CLASSES, LABELS, VALUES])
def test_a_larger_draw_contains_the_smaller(target):
    rng = np.random.default_rng(2)
    truth = TRUTH if target is CLASSES else (rng.random((320, 2)) < 0.4).astype(np.float32)
    for draw in range(3):
        draws = [set(draw_few(target, truth, size, draw, 7)) for size in (8, 32, 128)]
        assert draws[0] < draws[1] < draws[2]


def test_draws_and_seeds_differ_and_come_again():
    drawn = {(draw, seed): tuple(draw_few(CLASSES, TRUTH, 8, draw, seed)) for draw in range(3) for seed in (1, 2)}
    assert len(set(drawn.values())) == 6
    assert tuple(draw_few(CLASSES, TRUTH, 8, 2, 1)) == drawn[2, 1]


def test_every_example_is_as_likely_as_another():
    truth = np.zeros(10, dtype=int)
    counts = np.bincount(np.concatenate([draw_few(CLASSES, truth, 3, draw, 1) for draw in range(2000)]), minlength=10)
    # binomial with a standard deviation of sqrt(2000 * 0.3 * 0.7) = 20.5
    assert np.abs(counts - 600).max() < 4 * 20.5


def test_what_falls_short_is_said():
    assert short_classes(CLASSES, TRUTH, 8) == [{"class": "absent", "per_class": 8, "n": 0}]
    short = {entry["class"]: entry["n"] for entry in short_classes(CLASSES, TRUTH, 32)}
    assert short == {"rare": 20, "absent": 0}


def test_labels_have_examples_with_each_and_with_none():
    truth = np.array([[1, 0]] * 6 + [[0, 1]] * 6 + [[0, np.nan]] * 6 + [[np.nan, np.nan]] * 6, dtype=np.float32)
    rows = draw_few(LABELS, truth, 4, 0, 1)
    assert np.bincount(rows // 6, minlength=4).tolist() == [4, 4, 4, 0]
    both = np.vstack([truth, np.ones((6, 2), dtype=np.float32)])
    drawn = both[draw_few(LABELS, both, 4, 0, 1)]
    assert (np.nansum(drawn, axis=0) >= 4).all()
    assert [entry["class"] for entry in short_classes(LABELS, truth[:12], 7)] == ["x", "y", "none of the labels"]


def test_values_count_in_all():
    truth = np.array([[1, np.nan], [np.nan, np.nan], [2, 3], [np.nan, 4]] * 5, dtype=np.float32)
    rows = draw_few(VALUES, truth, 10, 0, 1)
    assert len(rows) == 10
    assert (rows % 4 != 1).all()
    assert short_classes(VALUES, truth, 16) == [{"class": "all", "per_class": 16, "n": 15}]
    assert short_classes(VALUES, truth, 15) == []


def test_means_over_draws():
    drawn = (("kmer", 8, [1.0, 2.0, 3.0]), ("pretrained", 8, [0.5, None]), ("kmer", 32, [None]))
    points = [
        {"contestant": contestant, "per_class": size, "draw": draw, "value": value}
        for contestant, size, values in drawn
        for draw, value in enumerate(values)
    ]
    first, second, third = few_shot_means(points)
    assert (first["contestant"], first["per_class"], first["draws"], first["value"]) == ("kmer", 8, 3, 2)
    assert first["value_high"] - first["value"] == pytest.approx(4.302653 / np.sqrt(3))
    assert (second["draws"], second["value"], second["value_low"]) == (1, 0.5, None)
    assert (third["draws"], third["value"]) == (0, None)
