"""Groups of windows that a model embeds alike, and the region classes that each group has more of than others.

Groups are those of HDBSCAN (Campello et al. 2013, doi:10.1007/978-3-642-37456-2_14) on principal components: dense
places of any shape, and windows between them that belong to none. Where there are more than `MAX_CLUSTERED` windows, a
sample is clustered, and each other window joins its nearest neighbour in the sample.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom
from sklearn.cluster import HDBSCAN
from sklearn.neighbors import NearestNeighbors

from genoglot.genome.region_classes import UNANNOTATED

NOISE = -1
MAX_CLUSTERED = 10_000
# distances in more dimensions are all alike
DIMENSIONS = 5
# smallest cluster: this share of the windows that are clustered, but at least so many
SHARE, FEWEST = 0.005, 10
# neighbours that make a place dense
NEIGHBOURS = 5
DESCRIBED = ("gc", "soft_masked", "perplexity")


def find_clusters(components: np.ndarray, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Cluster of each window, int64 (windows,), by size from 0, `NOISE` for none; and how they were found.

    `components`: principal components (windows, components). The seed draws the sample.
    """
    points = components[:, :DIMENSIONS].astype(np.float64)
    sample = np.arange(len(points))
    if len(points) > MAX_CLUSTERED:
        sample = np.sort(np.random.default_rng(seed).choice(len(points), MAX_CLUSTERED, replace=False))
    smallest = max(FEWEST, int(SHARE * len(sample)))
    about = {"method": "HDBSCAN", "components": points.shape[1], "clustered": len(sample), "smallest": smallest}
    if len(sample) < 2 * smallest:
        return np.full(len(points), NOISE), about
    search = HDBSCAN(min_cluster_size=smallest, min_samples=NEIGHBOURS, copy=True)
    found = search.fit_predict(points[sample])
    if len(sample) < len(points):
        nearest = NearestNeighbors(n_neighbors=1).fit(points[sample])
        labels = found[nearest.kneighbors(points, return_distance=False)[:, 0]]
        labels[sample] = found
        found = labels
    return _by_size(found), about


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters numbered from the largest on, the lower number first where sizes are equal."""
    sizes = np.bincount(labels[labels >= 0])
    rank = np.empty(len(sizes) + 1, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    rank[-1] = NOISE
    return rank[labels]


def describe_clusters(table: pd.DataFrame, clusters: np.ndarray, about: dict[str, Any]) -> dict[str, Any]:
    """`about`, and for each cluster its size, means and region classes.

    Of a class in a cluster: `windows`; `fold`, its share in the cluster to its share in all; `log_odds`, natural, half
    a window added to each of the four counts; `p`, the chance of so many or more if windows were drawn at random
    (hypergeometric, which is Fisher's exact test, one-sided); `fdr`, by Benjamini and Hochberg (1995) over all
    clusters and classes. Neighbouring windows are not independent, so that p and FDR are too small: they order, and do
    not prove.
    """
    region, rows = table["region"].to_numpy(dtype=str), []
    classes = [name for name in np.unique(region) if name != UNANNOTATED]
    annotated = region != UNANNOTATED
    tests: list[dict[str, Any]] = []
    for number in range(clusters.max(initial=NOISE) + 1):
        here = clusters == number
        means = {name: _mean(table[name].to_numpy()[here]) for name in DESCRIBED if name in table}
        counts = [{"region": name, **_count(region == name, here & annotated, annotated)} for name in classes]
        rows.append({"cluster": number, "windows": int(here.sum()), **means, "classes": counts})
        tests += counts
    corrected = np.asarray(false_discovery_control([count["p"] for count in tests])) if tests else np.empty(0)
    for count, value in zip(tests, corrected, strict=True):
        count["fdr"] = float(value)
    return {**about, "noise": int((clusters == NOISE).sum()), "table": rows}


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _count(of_class: np.ndarray, in_cluster: np.ndarray, annotated: np.ndarray) -> dict[str, Any]:
    """Windows of a class in a cluster and its enrichment there, among annotated windows."""
    total, drawn, marked = int(annotated.sum()), int(in_cluster.sum()), int(of_class.sum())
    both = int((of_class & in_cluster).sum())
    odds = np.log((both + 0.5) * (total - drawn - marked + both + 0.5) / ((drawn - both + 0.5) * (marked - both + 0.5)))
    return {
        "windows": both,
        "fold": both * total / (drawn * marked) if drawn and marked else None,
        "log_odds": float(odds),
        "p": float(hypergeom.sf(both - 1, total, marked, drawn)),
    }
