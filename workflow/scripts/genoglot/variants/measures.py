"""How well scores tell two classes of variants apart, or follow a frequency, with intervals from resamples.

Scores are such that a higher one speaks for the positive class. All columns of scores are measured on the same variants
and the same resamples, so that differences between them have intervals too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import fisher_exact

FEWEST = 2
INTERVAL = (2.5, 97.5)
# two-sided 95% of a normal distribution
Z = 1.96
# shares of the variants that make up the tail of the highest scores, as in GPN (Benegas et al. 2023)
SHARES = (0.001, 0.01, 0.1)
ENDS = ("", "_low", "_high")


@dataclass(frozen=True)
class Ranking:
    """Variants by descending score.

    Attributes:
        order: int64 (variants,), the variants with the highest score first.
        ends: int64 (groups,), the place in `order` of the last variant of each group of equal scores.
    """

    order: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray) -> "Ranking":
        """`scores`: float64 (variants,), all finite."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        return cls(order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)))

    def path(self, weights: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positives, and all variants, down to the end of each group: float64 (1 + groups,), from 0.

        `weights` (variants,) says how often each variant is there; `positive` is 1.0 or 0.0.
        """
        drawn = weights[self.order]
        found, seen = np.cumsum(drawn * positive[self.order]), np.cumsum(drawn)
        if len(self.ends) < len(drawn):
            found, seen = found[self.ends], seen[self.ends]
        return np.concatenate([[0.0], found]), np.concatenate([[0.0], seen])


def area_under_roc(found: np.ndarray, seen: np.ndarray) -> float:
    """How often a positive outranks a negative, ties half (Mann & Whitney 1947; Hanley & McNeil 1982); of a path."""
    others = seen - found
    return float(np.trapezoid(found, others) / (found[-1] * others[-1]))


def average_precision(found: np.ndarray, seen: np.ndarray) -> float:
    """Area under the steps of precision over recall, without interpolation between them; of a path."""
    gained = np.diff(found)
    return float((gained * found[1:] / np.maximum(seen[1:], 1.0)).sum() / found[-1])


def in_tail(found: np.ndarray, seen: np.ndarray, size: int) -> float:
    """Positives among the `size` variants of highest score; of a path.

    Where a group of equal scores is cut, it gives as large a share of its positives as of its variants: what breaking
    the tie at random gives on average.
    """
    return float(np.interp(size, seen, found))


def odds_ratio(inside: float, size: int, positives: int, negatives: int) -> tuple[float, float]:
    """Odds of being positive in a tail over those outside it, and the standard error of its logarithm.

    Half a variant is added to each of the four counts if one of them is (next to) empty (Haldane 1956; Anscombe 1956).
    The standard error is Woolf's (1955), of the same counts.

    Args:
        inside: positives in the tail.
        size: variants in the tail.
        positives, negatives: variants of each class, in the tail or not.
    """
    cells = np.array([inside, size - inside, positives - inside, negatives - size + inside])
    if cells.min() < 0.5:
        cells = np.maximum(cells, 0.0) + 0.5
    return float(cells[0] * cells[3] / (cells[1] * cells[2])), float(np.sqrt((1 / cells).sum()))


def telling(size: int, positives: int, negatives: int) -> bool:
    """Whether a tail can tell anything: by chance alone, at least one variant of either class would be in it.

    With less, the half that `odds_ratio` adds would be most of what it finds.
    """
    return size * min(positives, negatives) >= positives + negatives


def tail(ranking: Ranking, positive: np.ndarray, share: float) -> dict[str, Any]:
    """Odds ratio in the tail of the highest scores with its 95% interval, and the p-value of Fisher's exact test.

    The test (two-sided) takes the count of positives rounded, where a tie was shared. All is null in a tail that is not
    `telling`.
    """
    count, size = int(positive.sum()), round(share * len(positive))
    values: dict[str, Any] = {"share": share, "n": size, "positives": None, "p": None}
    values |= {f"odds_ratio{end}": None for end in ENDS}
    if not telling(size, count, len(positive) - count):
        return values
    path = ranking.path(np.ones(len(positive)), positive.astype(np.float64))
    inside = in_tail(*path, size)
    ratio, error = odds_ratio(inside, size, count, len(positive) - count)
    whole = round(inside)
    test = fisher_exact([[whole, size - whole], [count - whole, len(positive) - count - size + whole]])
    low, high = ratio * np.exp(-Z * error), ratio * np.exp(Z * error)
    return values | {
        "positives": inside, "p": float(test.pvalue),
        "odds_ratio": ratio, "odds_ratio_low": float(low), "odds_ratio_high": float(high),
    }  # fmt: skip


def of_path(found: np.ndarray, seen: np.ndarray) -> list[float]:
    """AUROC, area under precision and recall, and the logarithm of the odds ratio in the tail of each of `SHARES`."""
    size, count = round(seen[-1]), round(found[-1])
    ratios = [
        np.log(odds_ratio(in_tail(found, seen, cut), cut, count, size - count)[0])
        if telling(cut, count, size - count)
        else np.nan
        for cut in (round(share * size) for share in SHARES)
    ]
    return [area_under_roc(found, seen), average_precision(found, seen), *ratios]


def resampled(
    rankings: list[Ranking], positive: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """`of_path` of resamples, drawn with replacement within each class; float64 (resamples, rankings, measures).

    A resample is a count for each variant, so that nothing is sorted again.
    """
    up, down = np.flatnonzero(positive), np.flatnonzero(~positive)
    marks, weights = positive.astype(np.float64), np.empty(len(positive))
    result = np.empty((resamples, len(rankings), 2 + len(SHARES)))
    for row in range(resamples):
        weights[up] = draw_counts(len(up), generator)
        weights[down] = draw_counts(len(down), generator)
        result[row] = [of_path(*ranking.path(weights, marks)) for ranking in rankings]
    return result


def draw_counts(size: int, generator: np.random.Generator) -> np.ndarray:
    """How often each of `size` things is drawn in `size` draws with replacement; float64."""
    return np.bincount(generator.integers(size, size=size), minlength=size).astype(np.float64)


def with_interval(name: str, point: float, samples: np.ndarray) -> dict[str, float | None]:
    """A number and the ends of its 95% percentile interval, as `name`, `name_low`, `name_high`; null if it is none."""
    kept = samples[np.isfinite(samples)]
    if not np.isfinite(point) or not len(kept):
        return {f"{name}{end}": None for end in ENDS}
    low, high = np.percentile(kept, INTERVAL)
    return {name: float(point), f"{name}_low": float(low), f"{name}_high": float(high)}


def spearman(values: np.ndarray, other: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Spearman's rank correlation of each column with `other`: float64 (1 + resamples, columns).

    The first row is of the variants themselves, the others of resamples of them, ranked anew; ties have the mean of
    their ranks. NaN where one side is all ties.

    Args:
        values: float64 (variants, columns), all finite.
        other: float64 (variants,).
    """
    codes = [np.unique(column, return_inverse=True)[1] for column in values.T]
    ties = np.unique(other, return_inverse=True)[1]
    return np.array(
        [
            [rank_correlation(column, ties, weights) for column in codes]
            for weights in _weights(len(other), resamples, generator)
        ]
    )


def _weights(size: int, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    yield np.ones(size)
    for _ in range(resamples):
        yield draw_counts(size, generator)


def rank_correlation(one: np.ndarray, two: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's correlation of weighted mean ranks, of the codes of ascending groups of equal values."""
    total = weights.sum()
    deviations = []
    for codes in (one, two):
        size = np.bincount(codes, weights)
        ranks = np.cumsum(size) - (size - 1) / 2
        deviations.append((ranks - (total + 1) / 2)[codes])
    first, second = deviations
    drawn = first * weights
    scale = np.sqrt((drawn * first).sum() * (second * second * weights).sum())
    return float((drawn * second).sum() / scale) if scale else np.nan
