"""Scores against allele frequency: by bins, by rank, and rare variants against common ones."""

from typing import Any

import numpy as np
import pandas as pd

from genoglot.variants.baselines import BASELINES
from genoglot.variants.comparisons import MODEL, contests, measure, suspicion
from genoglot.variants.labels import NEGATIVE, POSITIVE, UNLABELLED
from genoglot.variants.measures import Z, spearman, with_interval

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRATA = ("region", "consequence", "kind")


def frequency_bins(frame: pd.DataFrame, edges: list[float]) -> list[dict[str, Any]]:
    """Scores by bins of allele frequency, each from its lower edge on and below its upper one, the last up to 1.

    Args:
        frame: columns frequency, llr and those of the baselines that there are.
        edges: ascending, between 0 and 1.

    Returns:
        For each bin low, high, n (scored variants), and of the log-likelihood ratio mean, mean_low and mean_high (95%,
        by the standard error), sd and quantiles; `baselines` has mean and n of each. Null where a bin is too small.
    """
    known = frame[np.isfinite(frame["frequency"]) & np.isfinite(frame["llr"])]
    bins = np.searchsorted(edges, known["frequency"].to_numpy(), side="right")
    limits = [0.0, *edges, 1.0]
    rows = []
    for number in range(len(edges) + 1):
        part = known[bins == number]
        values = part["llr"].to_numpy(dtype=np.float64)
        baselines = {
            name: {"n": int(part[column].notna().sum()), "mean": _mean(part[column])}
            for name, (column, _) in BASELINES.items()
            if column in part
        }
        row = {"low": limits[number], "high": limits[number + 1], "n": len(part), **_moments(values)}
        rows.append({**row, "baselines": baselines})
    return rows


def _mean(values: pd.Series) -> float | None:
    mean = float(values.mean())
    return mean if np.isfinite(mean) else None


def _moments(values: np.ndarray) -> dict[str, Any]:
    names = [f"q{round(100 * quantile):02d}" for quantile in QUANTILES]
    moments: dict[str, Any] = dict.fromkeys(("mean", "mean_low", "mean_high", "sd", *names))
    if len(values):
        moments |= {"mean": float(values.mean())}
        moments |= zip(names, map(float, np.quantile(values, QUANTILES)), strict=True)
    if len(values) > 1:
        sd = float(values.std(ddof=1))
        half = Z * sd / len(values) ** 0.5
        moments |= {"sd": sd, "mean_low": moments["mean"] - half, "mean_high": moments["mean"] + half}
    return moments


def rare_and_common(frequency: np.ndarray, rare_below: float, common_from: float) -> np.ndarray:
    """Rare variants as positives (1), common ones as negatives (0), the others as neither (-1); int8 (variants,)."""
    classes = np.full(len(frequency), UNLABELLED, dtype=np.int8)
    classes[frequency >= common_from] = NEGATIVE
    classes[frequency < rare_below] = POSITIVE
    return classes


def correlations(frame: pd.DataFrame, bootstraps: int, seed: list[int]) -> dict[str, Any]:
    """Spearman's correlation of scores with allele frequency, beside each baseline's on the same variants.

    All are turned such that a positive one says that what scores as suspicious is rare.
    """
    frequency = frame["frequency"].to_numpy(dtype=np.float64)
    scores = {name: values[np.isfinite(frequency)] for name, values in suspicion(frame).items()}
    frequency = frequency[np.isfinite(frequency)]
    result: dict[str, Any] = {}
    baselines: dict[str, Any] = {}
    for number, (mask, names) in enumerate(contests(scores)):
        columns = -np.column_stack([scores[name][mask] for name in names])
        generator = np.random.default_rng([*seed, number])
        samples = spearman(columns, frequency[mask], bootstraps if mask.sum() > 1 else 0, generator)
        model = with_interval("spearman", samples[0, 0], samples[1:, 0])
        if number == 0:
            result = {"n": int(mask.sum()), **model}
        for place, name in enumerate(names[1:], start=1):
            difference = samples[:, 0] - samples[:, place]
            baselines[name] = {
                "n": int(mask.sum()),
                **with_interval("spearman", samples[0, place], samples[1:, place]),
                **{f"{MODEL}_{key}": value for key, value in model.items()},
                **with_interval("difference", difference[0], difference[1:]),
            }
    return {**result, "baselines": baselines}


def against_frequency(
    frame: pd.DataFrame, rare_below: float, common_from: float, bootstraps: int, seed: list[int], fewest: int
) -> dict[str, Any]:
    """Correlation with frequency, and rare against common variants: over all, and by region class, consequence, kind.

    Args:
        frame: columns frequency, llr and, as there are, those of baselines and of `STRATA`; only scored variants of
            known frequency count.
        rare_below, common_from: frequencies below which a variant is rare, and from which on it is common.
        bootstraps: resamples.
        seed: of the resamples.
        fewest: variants that a stratum must have to be measured, and variants of each class for rare against common.
    """
    known = frame[np.isfinite(frame["frequency"]) & np.isfinite(frame["llr"])]

    def measured(part: pd.DataFrame, number: int, floor: int) -> dict[str, Any]:
        classes = rare_and_common(part["frequency"].to_numpy(dtype=np.float64), rare_below, common_from)
        sizes = [int((classes == kind).sum()) for kind in (POSITIVE, NEGATIVE)]
        rare: dict[str, Any] = {"n_positives": sizes[0], "n_negatives": sizes[1]}
        if min(sizes) >= floor:
            chosen = part[classes >= 0]
            rare = measure(suspicion(chosen), classes[classes >= 0] == POSITIVE, bootstraps, [*seed, number, 1])
        return {"correlation": correlations(part, bootstraps, [*seed, number, 0]), "rare_against_common": rare}

    strata, left_out = [], []
    number = 0
    for column in STRATA:
        values = known[column].fillna("") if column in known else pd.Series(dtype=object)
        sizes = values[values != ""].value_counts()
        # one value alone would be the whole over again
        for name, size in sorted(sizes.items()) if len(sizes) > 1 else []:
            number += 1
            if size < fewest:
                left_out.append({"by": column, "name": name, "n": int(size)})
            else:
                strata.append({"by": column, "name": name, **measured(known[values == name], number, fewest)})
    return {**measured(known, 0, 2), "strata": strata, "strata_left_out": left_out}
