"""Two classes of variants told apart by a model's scores, and by each baseline on the same variants."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from genoglot.variants.baselines import BASELINES
from genoglot.variants.labels import NEGATIVE, POSITIVE
from genoglot.variants.measures import (
    ENDS,
    FEWEST,
    SHARES,
    Ranking,
    of_path,
    resampled,
    tail,
    with_interval,
)

SILENT = "synonymous_variant"
# deleterious first; several negatives: the first of them that has enough scored variants
BY_CONSEQUENCE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("stop_gained", (SILENT,)),
    ("missense_variant", (SILENT,)),
    ("start_lost", (SILENT,)),
    ("stop_lost", (SILENT,)),
    ("splice_donor_variant", ("intron_variant", "intergenic_variant")),
    ("splice_acceptor_variant", ("intron_variant", "intergenic_variant")),
)
MODEL = "model"


def suspicion(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Scores of the model and of those baselines that have any, float64 (variants,), NaN where there is none.

    Higher means that a variant is more likely to matter: the log-likelihood ratios and the rate with their sign turned,
    conservation as it is.
    """
    scores = {MODEL: -frame["llr"].to_numpy(dtype=np.float64)}
    for name, (column, sign) in BASELINES.items():
        if column in frame:
            values = -sign * frame[column].to_numpy(dtype=np.float64)
            if np.isfinite(values).any():
                scores[name] = values
    return scores


def contests(scores: dict[str, np.ndarray]) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Masks of variants on which contestants are measured, each with those that are: the model and its baselines.

    The first is of all variants that the model has scored; a baseline that lacks some of them gets a mask of its own.
    """
    scored = np.isfinite(scores[MODEL])
    groups: dict[bytes, tuple[np.ndarray, list[str]]] = {scored.tobytes(): (scored, [MODEL])}
    for name, values in scores.items():
        mask = scored & np.isfinite(values)
        if name != MODEL and mask.any():
            groups.setdefault(mask.tobytes(), (mask, [MODEL]))[1].append(name)
    yield from groups.values()


def by_consequence(frame: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Positives and negatives of each pair of `BY_CONSEQUENCE`, and the class of each variant, int8 (variants,)."""
    consequence, scored = frame["consequence"].to_numpy(), np.isfinite(frame["llr"].to_numpy(dtype=np.float64))
    for positive, candidates in BY_CONSEQUENCE:
        enough = (term for term in candidates if (scored & (consequence == term)).sum() >= FEWEST)
        negative = next(enough, candidates[-1])
        classes = np.full(len(frame), -1, dtype=np.int8)
        classes[consequence == negative], classes[consequence == positive] = NEGATIVE, POSITIVE
        yield positive, negative, classes


def compare(frame: pd.DataFrame, classes: np.ndarray, bootstraps: int, seed: list[int], fewest: int) -> dict[str, Any]:
    """Measures of one comparison, over all its variants and within each region class.

    Args:
        frame: columns llr, markov_llr and, if there are such, region, trinucleotide, conservation.
        classes: 1 for positives, 0 for negatives, -1 for what takes no part; (variants,).
        bootstraps: resamples.
        seed: of the resamples.
        fewest: variants of each class that a region class must have to be measured by itself.
    """
    members = frame[classes >= 0]
    positive = classes[classes >= 0] == POSITIVE
    result = measure(suspicion(members), positive, bootstraps, seed)
    regions, left_out = [], {}
    if "region" in members:
        scored = np.isfinite(members["llr"].to_numpy(dtype=np.float64))
        region = members["region"].to_numpy()
        present = [name for name in dict.fromkeys(region[scored]) if name]
        # one class alone would be the comparison over again
        for number, name in enumerate(sorted(present) if len(present) > 1 else []):
            inside = region == name
            sizes = [int((scored & inside & (positive == kind)).sum()) for kind in (True, False)]
            if min(sizes) < max(fewest, FEWEST):
                left_out[name] = sizes
                continue
            within = measure(suspicion(members[inside]), positive[inside], bootstraps, [*seed, number + 1])
            regions.append({"region": name, **within})
    return {**result, "regions": regions, "regions_left_out": left_out}


def measure(scores: dict[str, np.ndarray], positive: np.ndarray, bootstraps: int, seed: list[int]) -> dict[str, Any]:
    """AUROC, AUPRC and odds ratios in the tails, with 95% intervals, of the model and beside it of each baseline.

    A variant without a baseline's score is left out for that baseline and the model beside it alone.

    Args:
        scores: of `suspicion`.
        positive: bool (variants,).
        bootstraps: resamples within each class, the same for all that are measured on the same variants.
        seed: of the resamples.
    """
    result: dict[str, Any] = {}
    baselines: dict[str, Any] = {}
    for number, (mask, names) in enumerate(contests(scores)):
        kept = positive[mask]
        columns = [scores[name][mask] for name in names]
        generator = np.random.default_rng([*seed, number] if number else seed)
        found = _measured(columns, kept, bootstraps, generator)
        if number == 0:
            result = {**_sizes(kept), "unscored": int((~mask).sum()), **found[0]}
        for name, values in zip(names[1:], found[1:], strict=True):
            beside = {f"model_{key}": found[0][key] for key in found[0] if key.startswith(("auroc", "auprc", "tails"))}
            lacking = int(result["n"] - mask.sum())
            baselines[name] = {**_sizes(kept), "lacking": lacking, **values, **beside}
    # where no variant has it
    blank = {f"{key}{end}": None for key in ("auroc", "difference") for end in ENDS}
    markov = {key: baselines.get("markov", blank)[key] for key in blank}
    result |= {key if key.startswith("difference") else f"markov_{key}": value for key, value in markov.items()}
    return {**result, "baselines": baselines}


def _sizes(positive: np.ndarray) -> dict[str, Any]:
    count, size = int(positive.sum()), len(positive)
    return {
        "n_positives": count, "n_negatives": size - count, "n": size, "base_rate": count / size if size else None
    }  # fmt: skip


def _measured(
    columns: list[np.ndarray], positive: np.ndarray, bootstraps: int, generator: np.random.Generator
) -> list[dict[str, Any]]:
    """Measures of each column; of all but the first also how much the first is better."""
    if positive.sum() < FEWEST or (~positive).sum() < FEWEST:
        return [_unknown(first=number == 0) for number in range(len(columns))]
    rankings = [Ranking.of(column) for column in columns]
    marks = positive.astype(np.float64)
    points = np.array([of_path(*ranking.path(np.ones(len(marks)), marks)) for ranking in rankings])
    samples = resampled(rankings, positive, bootstraps, generator)
    results = []
    for number, ranking in enumerate(rankings):
        values: dict[str, Any] = {}
        for place, name in enumerate(("auroc", "auprc")):
            values |= with_interval(name, points[number, place], samples[:, number, place])
        values["tails"] = [tail(ranking, positive, share) for share in SHARES]
        if number:
            gained, gains = points[0] - points[number], samples[:, 0] - samples[:, number]
            for place, name in enumerate(("difference", "auprc_difference")):
                values |= with_interval(name, gained[place], gains[:, place])
            for place, entry in enumerate(values["tails"], start=2):
                ratio = with_interval("ratio", np.exp(gained[place]), np.exp(gains[:, place]))
                entry |= {f"model_{key}": value for key, value in ratio.items()}
        results.append(values)
    return results


def _unknown(first: bool) -> dict[str, Any]:
    """The measures of what has too few variants of a class."""
    names = ["auroc", "auprc"] + ([] if first else ["difference", "auprc_difference"])
    return {**{f"{name}{end}": None for name in names for end in ENDS}, "tails": []}
