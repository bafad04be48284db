"""What the axes of a map go with: function, or composition, repeats and place."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from genoglot.genome.region_classes import UNANNOTATED

COMPONENTS = 5
NUMBERS = ("gc", "soft_masked", "perplexity")
PARTS = 10  # of a contig, to see whether an axis goes with place


def describe_axes(table: pd.DataFrame, positions: np.ndarray, components: np.ndarray, lengths: np.ndarray) -> list:
    """For PC 1 to 5 and both axes of UMAP, the share of their ranks that each property of windows explains.

    Args:
        table: windows: contig, start, end, region, and the numbers in `NUMBERS`.
        positions: UMAP, (windows, 2).
        components: principal components, (windows, any).
        lengths: of each window's contig, (windows,).

    Returns:
        One dictionary an axis, with `axis` and, by property, `share` from 0 to 1, or None where the property does not
        vary: of a number the square of Spearman's `correlation`; of `region` (annotated windows), `contig` and
        `place` (ten equal parts of a contig) epsilon squared, which is eta squared without what chance explains (Kelley
        1935). Properties may share what they explain: the shares do not add up.
    """
    axes = {f"pca_{number + 1}": column for number, column in enumerate(components.T[:COMPONENTS])}
    axes |= {f"umap_{number + 1}": column for number, column in enumerate(positions.T)}
    region = table["region"].to_numpy(dtype=str)
    middle = (table["start"] + table["end"]).to_numpy() / 2
    groups = {
        "region": np.where(region == UNANNOTATED, None, region),
        "contig": table["contig"].to_numpy(dtype=object),
        "place": np.minimum(PARTS * middle // lengths, PARTS - 1).astype(int).astype(object),
    }
    found = []
    for name, values in axes.items():
        row: dict[str, Any] = {"axis": name}
        row |= {key: _correlated(values, table[key].to_numpy()) for key in NUMBERS if key in table}
        row |= {key: {"share": explained_by_groups(values, labels)} for key, labels in groups.items()}
        found.append(row)
    return found


def _correlated(values: np.ndarray, property_: np.ndarray) -> dict[str, float | None]:
    known = np.isfinite(property_)
    one, other = rankdata(values[known]), rankdata(property_[known])
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return {"share": None, "correlation": None}
    correlation = float(np.corrcoef(one, other)[0, 1])
    return {"share": correlation**2, "correlation": correlation}


def explained_by_groups(values: np.ndarray, labels: np.ndarray) -> float | None:
    """Epsilon squared of the ranks of `values` by groups, from 0; windows labelled None are left out.

    None if there are not two groups, or as many as windows.
    """
    known = np.array([label is not None for label in labels], dtype=bool)
    ranks = rankdata(values[known])
    _, group, sizes = np.unique(labels[known].astype(str), return_inverse=True, return_counts=True)
    if not 1 < len(sizes) < len(ranks) or np.ptp(ranks) == 0:
        return None
    total = ((ranks - ranks.mean()) ** 2).sum()
    means = np.bincount(group, weights=ranks) / sizes
    within = ((ranks - means[group]) ** 2).sum()
    return max(0.0, float(1 - within / total * (len(ranks) - 1) / (len(ranks) - len(sizes))))
