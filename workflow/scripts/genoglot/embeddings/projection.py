"""Maps of embeddings: principal components, and UMAP of them (McInnes et al. 2018, arXiv:1802.03426)."""

import warnings
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

COMPONENTS = 50
# UMAP's spectral start needs more windows than this
MIN_SPECTRAL = 50
MIN_UMAP = 5
MAX_EXACT = 60_000


def principal_components(vectors: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal components (windows, at most COMPONENTS) of standardised embeddings, and their shares of variance."""
    scaled = StandardScaler().fit_transform(vectors)
    model = PCA(min(COMPONENTS, *scaled.shape), svd_solver="covariance_eigh", random_state=seed)
    components = model.fit_transform(scaled)
    return components.astype(np.float32), np.nan_to_num(model.explained_variance_ratio_)


def umap_positions(components: np.ndarray, seed: int, max_points: int, neighbours: int, min_dist: float) -> np.ndarray:
    """Positions (windows, 2) on a UMAP fitted on at most `max_points` windows; fewer than MIN_UMAP lie on the PCA."""
    n_windows = len(components)
    if n_windows < MIN_UMAP:
        flat = np.zeros((n_windows, 2), dtype=np.float32)
        flat[:, : components.shape[1]] = components[:, :2]
        return flat
    # imported here: it compiles for seconds, which the rest of this module does not need
    from umap import UMAP

    fitted = np.arange(n_windows)
    if n_windows > max_points:
        fitted = np.sort(np.random.default_rng(seed).choice(n_windows, max_points, replace=False))
    settings: dict[str, Any] = {
        "n_neighbors": min(neighbours, len(fitted) - 1),
        "min_dist": min_dist,
        "init": "spectral" if len(fitted) > MIN_SPECTRAL else "random",
        "random_state": seed,
        "n_jobs": 1,
    }
    if len(fitted) == n_windows <= MAX_EXACT:
        # exact neighbours cost less than compiling the approximate search, and are the same everywhere
        settings["precomputed_knn"] = nearest(components, settings["n_neighbors"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*transform will be unavailable")
            return UMAP(**settings).fit_transform(components)
    model = UMAP(**settings)
    positions = np.empty((n_windows, 2), dtype=np.float32)
    positions[fitted] = model.fit_transform(components[fitted])
    others = np.setdiff1d(np.arange(n_windows), fitted)
    if len(others):
        positions[others] = model.transform(components[others])
    return positions


def nearest(components: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of and Euclidean distances to the `count` nearest windows, each window's own self among them."""
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(components)
    distances, numbers = search.kneighbors(components)
    return numbers, distances.astype(np.float32)


def describe_components(components: np.ndarray, shares: np.ndarray, gc: np.ndarray) -> dict:
    """Share of variance and rank correlation with GC content of the first five components."""
    usable = np.isfinite(gc)
    correlations = []
    for column in components[usable, :5].T:
        varies = len(column) > 2 and np.ptp(column) > 0 and np.ptp(gc[usable]) > 0
        correlations.append(float(spearmanr(column, gc[usable]).statistic) if varies else None)
    return {"explained_variance": [float(share) for share in shares[:5]], "gc_correlation": correlations}
