"""What the embeddings of a genome's windows know: a map (PCA, then UMAP) and how well they tell region classes apart.

Each number stands beside those of three other representations of the same windows: 3-mer and 6-mer frequencies
(both strands merged) and the embeddings of the same network before training.
"""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from genoglot.embeddings.classification import (
    Fold,
    bootstrap_balanced_accuracy,
    confusion_by_block,
    explained_out_of_fold,
    make_folds,
    predict_out_of_fold,
    recalls,
)
from genoglot.embeddings.kmers import kmer_frequencies
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.store import Genome

LOGGER = logging.getLogger(__name__)

COLUMNS = ["contig", "start", "end", "region", "gc", "soft_masked"]
UNANNOTATED = "unannotated"
COMPONENTS = 50
MIN_PER_CLASS = 10
MAX_CLASSIFIED = 100_000
MAX_SILHOUETTE = 5_000
# UMAP's spectral start needs more windows than this
MIN_SPECTRAL = 50
MIN_UMAP = 5
MAX_EXACT = 60_000
SUFFIXES = {"model": "", "3mer": "_3mer", "6mer": "_6mer", "untrained": "_untrained"}


# sums in another order would give another UMAP, and many small matrices are slower on several threads
@threadpool_limits.wrap(limits=1)
def analyse_embeddings(
    embeddings: str | Path,
    sequence_folder: str | Path,
    umap: str | Path,
    metrics: str | Path,
    seed: int,
    max_points: int = 50_000,
    neighbours: int = 15,
    min_dist: float = 0.1,
) -> None:
    """Map the windows of `embeddings` and measure what their embeddings know.

    Windows whose embedding holds a value that is not finite, or that hold no base but N, are left out and counted.
    Region classes with fewer than `MIN_PER_CLASS` windows are left out of the classification and named.

    Args:
        embeddings: Parquet with contig, start, end (0-based half-open), region, gc, soft_masked, embedding, untrained.
        sequence_folder: tokenized genome of these windows.
        umap: Parquet written: contig, start, end, region, gc, soft_masked, umap_1, umap_2, pca_1, pca_2.
        metrics: JSON written: `balanced_accuracy` of the model and, with the suffixes `_3mer`, `_6mer` and
            `_untrained`, of the baselines; each with `_low` and `_high` (95% bootstrap interval over runs of
            neighbouring windows); null where there are not two classes to tell apart.
        seed: fixes sampling, UMAP and bootstrap.
        max_points: UMAP is fitted on at most so many windows; the others are placed by it afterwards.
        neighbours, min_dist: UMAP's own (McInnes et al. 2018, arXiv:1802.03426).

    Raises:
        InputError: no window is left, or a window lies on a contig that the genome does not have.
    """
    table, vectors, untrained = _read(Path(embeddings))
    contigs = Genome(Path(sequence_folder)).contig_numbers(table["contig"])
    if (contigs < 0).any():
        name = table["contig"][contigs < 0].iloc[0]
        raise InputError(
            f"{embeddings}: a window lies on contig {name!r}, which {sequence_folder} does not have; "
            "make the embeddings of this genome again"
        )
    finite = np.isfinite(vectors).all(axis=1) & np.isfinite(untrained).all(axis=1)
    trimers = _kmers(sequence_folder, table, contigs, 3)
    known = trimers.any(axis=1)
    rows = np.flatnonzero(finite & known)
    if len(rows) == 0:
        raise InputError(f"{embeddings}: none of {len(table)} windows has both bases and an embedding")
    left_out = len(table) - len(rows)
    order = rows[np.lexsort((table["start"].to_numpy()[rows], contigs[rows]))]
    table, contigs = table.iloc[order].reset_index(drop=True), contigs[order]
    vectors, untrained, trimers = vectors[order], untrained[order], trimers[order]
    LOGGER.info("%d windows, %d left out", len(order), left_out)

    components, shares = _principal_components(vectors, seed)
    positions = _umap(components, seed, max_points, neighbours, min_dist)
    _write_umap(Path(umap), table, positions, components)
    LOGGER.info("map done")
    features = {"model": vectors, "untrained": untrained, "3mer": trimers}
    result = _classify(table, contigs, features, sequence_folder, seed)
    result |= _gc_explained(table, features, seed)
    result |= {
        "windows": len(order),
        "dropped": {"not_finite": int((~finite).sum()), "no_bases": int((finite & ~known).sum())},
        "umap": {"fitted": min(len(order), max_points), "neighbours": neighbours, "min_dist": min_dist, "seed": seed},
        "pca": _describe_components(components, shares, table["gc"].to_numpy()),
    }
    write_json(Path(metrics), result)


def _read(path: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The table of windows, and the two embeddings as float32 of shape (windows, dim), NaN where there is none."""
    stored = pq.read_table(path)
    vectors = []
    for name in ("embedding", "untrained"):
        column = stored[name].combine_chunks()
        matrix = np.array(column.values, dtype=np.float32).reshape(len(column), -1)
        matrix[~np.asarray(column.is_valid())] = np.nan
        vectors.append(matrix)
    return stored.select(COLUMNS).to_pandas(), vectors[0], vectors[1]


def _kmers(folder: str | Path, table: pd.DataFrame, contigs: np.ndarray, k: int) -> np.ndarray:
    return kmer_frequencies(Genome(Path(folder)), contigs, table["start"].to_numpy(), table["end"].to_numpy(), k)


def _principal_components(vectors: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal components (windows, at most COMPONENTS) of standardised embeddings, and their shares of variance."""
    scaled = StandardScaler().fit_transform(vectors)
    model = PCA(min(COMPONENTS, *scaled.shape), svd_solver="covariance_eigh", random_state=seed)
    components = model.fit_transform(scaled)
    return components.astype(np.float32), np.nan_to_num(model.explained_variance_ratio_)


def _umap(components: np.ndarray, seed: int, max_points: int, neighbours: int, min_dist: float) -> np.ndarray:
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
        settings["precomputed_knn"] = _neighbours(components, settings["n_neighbors"])
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


def _neighbours(components: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of and Euclidean distances to the `count` nearest windows, each window's own self among them."""
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(components)
    distances, numbers = search.kneighbors(components)
    return numbers, distances.astype(np.float32)


def _write_umap(path: Path, table: pd.DataFrame, positions: np.ndarray, components: np.ndarray) -> None:
    second = components[:, 1] if components.shape[1] > 1 else np.zeros(len(components), dtype=np.float32)
    columns = {"umap_1": positions[:, 0], "umap_2": positions[:, 1], "pca_1": components[:, 0], "pca_2": second}
    with atomic_path(path) as temporary:
        table.assign(**columns).to_parquet(temporary, index=False)


def _describe_components(components: np.ndarray, shares: np.ndarray, gc: np.ndarray) -> dict:
    """Share of variance and rank correlation with GC content of the first five components."""
    usable = np.isfinite(gc)
    correlations = []
    for column in components[usable, :5].T:
        varies = len(column) > 2 and np.ptp(column) > 0 and np.ptp(gc[usable]) > 0
        correlations.append(float(spearmanr(column, gc[usable]).statistic) if varies else None)
    return {"explained_variance": [float(share) for share in shares[:5]], "gc_correlation": correlations}


def _classify(
    table: pd.DataFrame, contigs: np.ndarray, features: dict[str, np.ndarray], folder: str | Path, seed: int
) -> dict:
    """Balanced accuracies, confusion and silhouette; `features` has every representation but 6-mers."""
    counts = table["region"].value_counts().to_dict()
    classes = sorted(name for name, n in counts.items() if n >= MIN_PER_CLASS and name != UNANNOTATED)
    result = {
        "classes": {name: int(counts[name]) for name in classes},
        "left_out": {str(name): int(n) for name, n in counts.items() if name not in classes},
        "classified": 0,
        "fold_kind": None,
        "folds": [],
        "confusion": {"labels": classes, "counts": []},
        "silhouette": None,
    }
    if len(classes) < 2:
        found = f"only {classes[0]}" if classes else "none"
        result["why_no_accuracy"] = f"it takes two region classes of at least {MIN_PER_CLASS} windows; there is {found}"
        for suffix in SUFFIXES.values():
            result |= dict.fromkeys(f"balanced_accuracy{suffix}{end}" for end in ("", "_low", "_high"))
        return result
    rows = _sample(np.flatnonzero(table["region"].isin(classes)), seed)
    labels = np.searchsorted(classes, table["region"].to_numpy()[rows].astype(str))
    part = table.iloc[rows]
    kind, folds = make_folds(*(part[column].to_numpy() for column in ("contig", "start", "end")))
    result |= {"classified": len(rows), "fold_kind": kind, "folds": _describe_folds(folds)}
    inputs = {key: values[rows] for key, values in features.items()}
    inputs["6mer"] = _kmers(folder, part, contigs[rows], 6)
    result |= _accuracies(inputs, labels, contigs[rows], folds, classes, seed)
    result["silhouette"] = _silhouette(inputs["model"], labels, seed)
    return result


def _gc_explained(table: pd.DataFrame, features: dict[str, np.ndarray], seed: int) -> dict[str, float | None]:
    """R² of a window's GC content from the embeddings, out of fold, of the model and of the untrained network."""
    gc = table["gc"].to_numpy(dtype=np.float64)
    rows = _sample(np.flatnonzero(np.isfinite(gc)), seed)
    part = table.iloc[rows]
    _, folds = make_folds(*(part[column].to_numpy() for column in ("contig", "start", "end")))
    return {
        f"gc_r2{SUFFIXES[key]}": explained_out_of_fold(features[key][rows], gc[rows], folds)
        for key in ("model", "untrained")
    }


def _sample(rows: np.ndarray, seed: int) -> np.ndarray:
    if len(rows) <= MAX_CLASSIFIED:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_CLASSIFIED, replace=False))


def _describe_folds(folds: list[Fold]) -> list[dict]:
    return [{"contigs": fold.contigs, "train": len(fold.train), "test": len(fold.test)} for fold in folds]


def _accuracies(
    inputs: dict[str, np.ndarray],
    labels: np.ndarray,
    contigs: np.ndarray,
    folds: list[Fold],
    classes: list[str],
    seed: int,
) -> dict:
    """Balanced accuracy with interval per representation, its paired difference to the model's, and the confusion."""
    result: dict = {}
    draws: dict[str, np.ndarray] = {}
    for key, suffix in SUFFIXES.items():
        predicted = predict_out_of_fold(inputs[key], labels, contigs, folds, seed)
        tested = predicted >= 0
        blocks = confusion_by_block(labels[tested], predicted[tested], contigs[tested], len(classes))
        draws[key] = bootstrap_balanced_accuracy(blocks, seed)
        confusion = blocks.sum(axis=0)
        # a class may have no tested window where a sample was drawn, or where a fold has nothing to train on
        value = float(np.nanmean(recalls(confusion)))
        LOGGER.info("balanced accuracy, %s: %.3f", key, value)
        result[f"balanced_accuracy{suffix}"] = value
        result |= _interval(f"balanced_accuracy{suffix}", draws[key])
        if key == "model":
            result["confusion"] = {"labels": classes, "counts": confusion.tolist()}
        else:
            result[f"difference{suffix}"] = result["balanced_accuracy"] - value
            result |= _interval(f"difference{suffix}", draws["model"] - draws[key])
    return result


def _interval(name: str, draws: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return {f"{name}_low": float(low), f"{name}_high": float(high)}


def _silhouette(vectors: np.ndarray, labels: np.ndarray, seed: int) -> float | None:
    """Mean silhouette of the classes on standardised embeddings, on at most MAX_SILHOUETTE windows."""
    if len(labels) > MAX_SILHOUETTE:
        sample = np.random.default_rng(seed).choice(len(labels), MAX_SILHOUETTE, replace=False)
        vectors, labels = vectors[sample], labels[sample]
    if not 1 < len(np.unique(labels)) < len(labels):
        return None
    return float(silhouette_score(StandardScaler().fit_transform(vectors), labels))
