"""95% intervals of measures: over trainings with several seeds, or over resamples of groups of test examples.

Examples of a group, such as neighbouring windows, are not independent, so that whole groups are drawn.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import t
from sklearn.metrics import r2_score

from genoglot.embeddings.classification import recalls
from genoglot.examples.target import Target
from genoglot.variants.measures import Ranking, area_under_roc, average_precision, rank_correlation

BOOTSTRAPS = 1000
FEWEST_RUNS = 3
CONFIDENCE = 0.95


def interval_of_runs(values: np.ndarray) -> tuple[float, float] | None:
    """95% t interval of the mean of several runs, None of fewer than three."""
    if len(values) < FEWEST_RUNS:
        return None
    half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def interval_of_samples(values: np.ndarray) -> tuple[float, float] | None:
    """95% percentile interval of resamples, None where none of them has a value."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return None
    low, high = np.quantile(kept, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def resampled(
    target: Target, truth: np.ndarray, predictions: np.ndarray, groups: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Measures of resamples of whole groups, each float64 (BOOTSTRAPS,); NaN where a resample has none.

    Classes: balanced_accuracy, mcc. Labels: auroc, auprc, mcc. Values and counts: pearson, spearman, mse, r2. Labels
    and numbers are means over those that a resample can measure; so is the accuracy over the classes that it has. The
    same seed draws the same groups, whatever the predictions.

    Args:
        truth, predictions, groups: of the test examples, as in `Examples`.
    """
    drawn = _draws(groups, seed)
    of_kind = {"classes": _class_samples, "labels": _label_samples}.get(target.kind, _value_samples)
    with np.errstate(invalid="ignore", divide="ignore"):
        return of_kind(truth, predictions.astype(np.float64), drawn)


def _draws(groups: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """How often each example is there in each resample: float64 (examples,)."""
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    generator = np.random.default_rng(seed)
    for _ in range(BOOTSTRAPS):
        yield generator.multinomial(count, np.full(count, 1 / count))[group].astype(np.float64)


def mcc_of(confusions: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficients of counts (..., classes, classes), the true class first (Gorodkin 2004,
    doi:10.1016/j.compbiolchem.2004.09.006); 0 where truth or predictions are of one class."""
    true, predicted = confusions.sum(axis=-1), confusions.sum(axis=-2)
    total, right = true.sum(axis=-1), np.trace(confusions, axis1=-2, axis2=-1)
    together = right * total - (true * predicted).sum(axis=-1)
    scale = np.sqrt((total**2 - (true**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1)))
    return np.divide(together, scale, out=np.zeros_like(scale), where=scale > 0)


def _confusions(truth: np.ndarray, predicted: np.ndarray, classes: int, draws: Iterator[np.ndarray]) -> np.ndarray:
    """Confusion counts of resamples, float64 (draws, classes, classes), the true class first."""
    places = (np.arange(len(truth)), truth * classes + predicted)
    cells = csr_array((np.ones(len(truth)), places), shape=(len(truth), classes**2)).T.tocsr()
    return np.array([cells @ weights for weights in draws]).reshape(-1, classes, classes)


def _class_samples(truth: np.ndarray, probabilities: np.ndarray, draws: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    confusions = _confusions(truth, probabilities.argmax(axis=1), probabilities.shape[1], draws)
    return {"balanced_accuracy": np.nanmean(recalls(confusions), axis=1), "mcc": mcc_of(confusions)}


def _label_samples(truth: np.ndarray, probabilities: np.ndarray, draws: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    columns = []
    for true, likely in zip(truth.T, probabilities.T, strict=True):
        rows = np.flatnonzero(np.isfinite(true))
        positive = (true[rows] > 0.5).astype(np.float64)
        if 0 < positive.sum() < len(rows):
            columns.append((rows, positive, Ranking.of(likely[rows]), likely[rows] > 0.5))
    samples = np.full((BOOTSTRAPS, len(columns), 3), np.nan)
    for number, weights in enumerate(draws):
        for place, (rows, positive, ranking, called) in enumerate(columns):
            drawn = weights[rows]
            found, seen = ranking.path(drawn, positive)
            if not 0 < found[-1] < seen[-1]:
                continue
            cells = np.bincount((2 * positive + called).astype(int), drawn, 4).reshape(2, 2)
            samples[number, place] = area_under_roc(found, seen), average_precision(found, seen), mcc_of(cells)
    return dict(zip(("auroc", "auprc", "mcc"), _means(samples), strict=True))


def _value_samples(truth: np.ndarray, predictions: np.ndarray, draws: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    columns = []
    for true, predicted in zip(truth.T.astype(np.float64), predictions.T, strict=True):
        rows = np.flatnonzero(np.isfinite(true))
        if len(np.unique(true[rows])) > 1:
            ranks = [np.unique(side[rows], return_inverse=True)[1] for side in (true, predicted)]
            columns.append((rows, true[rows], predicted[rows], *ranks))
    samples = np.full((BOOTSTRAPS, len(columns), 4), np.nan)
    for number, weights in enumerate(draws):
        for place, (rows, true, predicted, *ranks) in enumerate(columns):
            drawn = weights[rows]
            there = drawn > 0
            if len(np.unique(true[there])) > 1:
                samples[number, place] = _of_values(true, predicted, ranks, drawn)
    return dict(zip(("pearson", "spearman", "mse", "r2"), _means(samples), strict=True))


def _of_values(true: np.ndarray, predicted: np.ndarray, ranks: list[np.ndarray], weights: np.ndarray) -> list[float]:
    """Pearson's and Spearman's correlation (0 of predictions that are all the same), mean squared error and R2."""
    error = float(np.average(np.square(true - predicted), weights=weights))
    determined = float(r2_score(true, predicted, sample_weight=weights))
    if np.ptp(predicted[weights > 0]) == 0:
        return [0.0, 0.0, error, determined]
    deviations = [side - np.average(side, weights=weights) for side in (true, predicted)]
    variances = [float(weights @ np.square(side)) for side in deviations]
    pearson = float(weights @ (deviations[0] * deviations[1])) / np.sqrt(variances[0] * variances[1])
    return [pearson, rank_correlation(ranks[0], ranks[1], weights), error, determined]


def _means(samples: np.ndarray) -> np.ndarray:
    """Means over columns of (draws, columns, measures), with the measures first; NaN where there is no column."""
    count = np.isfinite(samples).sum(axis=1)
    return (np.nansum(samples, axis=1) / np.where(count > 0, count, np.nan)).T
