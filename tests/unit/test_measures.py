"""Measures of scores against scikit-learn, scipy and counting by hand."""

import time

import numpy as np
import pytest
from scipy.stats import fisher_exact, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from genoglot.variants import measures
from genoglot.variants.measures import Ranking, in_tail, odds_ratio, of_path, resampled, spearman, tail


def tied_scores(rng, size=300, columns=2):
    positive = rng.random(size) < 0.3
    scores = np.round(rng.normal(size=(size, columns)) + 0.7 * positive[:, None], 1)
    return scores, positive


def path_of(scores, positive):
    return Ranking.of(scores).path(np.ones(len(scores)), positive.astype(float))


def test_areas_with_ties_are_those_of_scikit_learn():
    scores, positive = tied_scores(np.random.default_rng(1))
    for column in scores.T:
        roc, precision, *_ = of_path(*path_of(column, positive))
        assert roc == pytest.approx(roc_auc_score(positive, column), abs=1e-12)
        assert precision == pytest.approx(average_precision_score(positive, column), abs=1e-12)


def test_a_resample_is_drawn_within_each_class_and_measured_as_if_written_out():
    scores, positive = tied_scores(np.random.default_rng(2))
    fast = resampled([Ranking.of(column) for column in scores.T], positive, 20, np.random.default_rng(7))
    generator = np.random.default_rng(7)
    for row in fast:
        high = np.flatnonzero(positive)[generator.integers(positive.sum(), size=positive.sum())]
        low = np.flatnonzero(~positive)[generator.integers((~positive).sum(), size=(~positive).sum())]
        drawn = np.concatenate([high, low])
        for measured, column in zip(row, scores.T, strict=True):
            assert measured[0] == pytest.approx(roc_auc_score(positive[drawn], column[drawn]), abs=1e-12)
            assert measured[1] == pytest.approx(average_precision_score(positive[drawn], column[drawn]), abs=1e-12)
            ratio = tail(Ranking.of(column[drawn]), positive[drawn], 0.1)["odds_ratio"]
            assert np.exp(measured[4]) == pytest.approx(ratio)


def test_interval_has_the_width_of_theory():
    """Standard error of Hanley & McNeil 1982 for two normal classes, which suits large samples."""
    rng = np.random.default_rng(3)
    positive = np.arange(3000) < 1000
    scores = rng.normal(size=3000) + positive
    area = of_path(*path_of(scores, positive))[0]
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + 999 * (first - area**2) + 1999 * (second - area**2)
    samples = resampled([Ranking.of(scores)], positive, 1000, np.random.default_rng(1))[:, 0, 0]
    assert samples.std() == pytest.approx(np.sqrt(variance / (1000 * 2000)), rel=0.12)


@pytest.mark.parametrize("share", measures.SHARES)
def test_a_tail_is_that_of_sorting_and_counting(share):
    rng = np.random.default_rng(4)
    positive = rng.random(5000) < 0.4
    scores = rng.normal(size=5000) + 0.4 * positive
    found = tail(Ranking.of(scores), positive, share)
    size = round(5000 * share)
    inside = positive[np.argsort(-scores)[:size]].sum()
    table = np.array([[inside, size - inside], [positive.sum() - inside, (~positive).sum() - size + inside]])
    assert (found["n"], found["positives"]) == (size, inside)
    if table.min():
        expected = fisher_exact(table)
        assert found["odds_ratio"] == pytest.approx(table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0]))
        assert found["odds_ratio"] == pytest.approx(expected.statistic)
        error = np.sqrt((1 / table).sum())
        assert np.log(found["odds_ratio_high"] / found["odds_ratio"]) == pytest.approx(1.96 * error)
    assert found["p"] == pytest.approx(fisher_exact(table).pvalue)


def test_an_empty_cell_gets_half_a_variant_as_all_others_do():
    ratio, error = odds_ratio(5, 5, 20, 80)
    assert ratio == pytest.approx(5.5 * 80.5 / (0.5 * 15.5))
    assert error == pytest.approx(np.sqrt(1 / 5.5 + 1 / 0.5 + 1 / 15.5 + 1 / 80.5))
    assert odds_ratio(4, 5, 20, 80)[0] == pytest.approx(4 * 79 / (1 * 16))


def test_a_cut_tie_gives_what_breaking_it_at_random_gives_on_average():
    rng = np.random.default_rng(5)
    positive = rng.random(60) < 0.5
    scores = rng.integers(0, 5, 60).astype(float)
    drawn = []
    for _ in range(4000):
        order = np.lexsort((rng.random(60), -scores))
        drawn.append(positive[order[:13]].sum())
    assert in_tail(*path_of(scores, positive), 13) == pytest.approx(np.mean(drawn), abs=0.1)


def test_a_tail_in_which_chance_alone_would_put_none_of_a_class_says_nothing():
    scores = np.arange(1000.0)
    for positives, share, told in ((500, 0.0001, False), (9, 0.1, False), (10, 0.1, True), (991, 0.1, False)):
        positive = np.arange(1000) < positives
        found = tail(Ranking.of(scores), positive, share)
        assert found["n"] == round(1000 * share)
        assert (found["odds_ratio"] is not None) == (found["p"] is not None) == told
        measured = of_path(*path_of(scores, positive))
        assert np.isfinite(measured[2 + measures.SHARES.index(0.1)]) == (positives in (10, 500))


def test_rank_correlation_is_that_of_scipy_for_variants_and_resamples():
    rng = np.random.default_rng(6)
    frequency = np.round(rng.random(200) ** 3, 2)
    values = np.column_stack([frequency + rng.normal(size=200), np.round(rng.normal(size=200)), np.ones(200)])
    found = spearman(values, frequency, 5, np.random.default_rng(8))
    generator = np.random.default_rng(8)
    for row, drawn in zip(found, [np.arange(200), *(generator.integers(200, size=200) for _ in range(5))], strict=True):
        for column in range(2):
            expected = spearmanr(values[drawn, column], frequency[drawn]).statistic
            assert row[column] == pytest.approx(expected, abs=1e-12)
        assert np.isnan(row[2])


def test_a_thousand_resamples_of_a_hundred_thousand_variants_take_a_minute_or_less():
    rng = np.random.default_rng(9)
    positive = rng.random(100_000) < 0.5
    rankings = [Ranking.of(column) for column in rng.normal(size=(2, 100_000))]
    start = time.process_time()
    samples = resampled(rankings, positive, 20, rng)
    # a fiftieth of the thousand, and half of four contestants, with room for a slow machine
    assert time.process_time() - start < 3
    assert np.abs(samples[:, :, 0] - 0.5).max() < 0.02
