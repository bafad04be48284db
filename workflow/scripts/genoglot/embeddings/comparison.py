"""How well region classes can be read from a model's embeddings, beside three other representations of the windows.

These are 3-mer and 6-mer frequencies (both strands merged) and the embeddings of the same network before training.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

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
from genoglot.genome.region_classes import UNANNOTATED
from genoglot.genome.store import Genome

LOGGER = logging.getLogger(__name__)

MIN_PER_CLASS = 10
MAX_SILHOUETTE = 5_000
SUFFIXES = {"model": "", "3mer": "_3mer", "6mer": "_6mer", "untrained": "_untrained"}


def compare_representations(
    table: pd.DataFrame, contigs: np.ndarray, vectors: dict[str, np.ndarray], folder: str | Path, seed: int
) -> dict:
    """Balanced accuracies, confusion, silhouette, and what the vectors say of GC.

    Args:
        table: the windows to compare on, in genome order: contig, start, end, region, gc.
        contigs: their contig numbers.
        vectors: those of the `model` and of the `untrained` network, (windows, dim).
        folder: tokenized genome, of which k-mers are counted.
        seed: of samples and bootstrap.
    """
    return _classify(table, contigs, vectors, folder, seed) | _gc_explained(table, vectors)


def _classify(
    table: pd.DataFrame, contigs: np.ndarray, vectors: dict[str, np.ndarray], folder: str | Path, seed: int
) -> dict:
    """Balanced accuracies, confusion and silhouette."""
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
        why = f"it takes two region classes of at least {MIN_PER_CLASS} windows; there is {found}"
        result["why_no_accuracy"] = why if len(table) else "no window was embedded by the untrained network as well"
        for suffix in SUFFIXES.values():
            result |= dict.fromkeys(f"balanced_accuracy{suffix}{end}" for end in ("", "_low", "_high"))
        return result
    rows = np.flatnonzero(table["region"].isin(classes))
    labels = np.searchsorted(classes, table["region"].to_numpy()[rows].astype(str))
    part = table.iloc[rows]
    kind, folds = make_folds(*(part[column].to_numpy() for column in ("contig", "start", "end")))
    result |= {"classified": len(rows), "fold_kind": kind, "folds": _describe_folds(folds)}
    inputs = {key: values[rows] for key, values in vectors.items()}
    inputs |= {f"{k}mer": _kmers(folder, part, contigs[rows], k) for k in (3, 6)}
    result |= _accuracies(inputs, labels, contigs[rows], folds, classes, seed)
    result["silhouette"] = _silhouette(inputs["model"], labels, seed)
    return result


def _gc_explained(table: pd.DataFrame, vectors: dict[str, np.ndarray]) -> dict[str, float | None]:
    """R² of a window's GC content from the embeddings, out of fold, of the model and of the untrained network."""
    gc = table["gc"].to_numpy(dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(gc))
    part = table.iloc[rows]
    _, folds = make_folds(*(part[column].to_numpy() for column in ("contig", "start", "end")))
    return {
        f"gc_r2{SUFFIXES[key]}": explained_out_of_fold(vectors[key][rows], gc[rows], folds)
        for key in ("model", "untrained")
    }


def _kmers(folder: str | Path, table: pd.DataFrame, contigs: np.ndarray, k: int) -> np.ndarray:
    return kmer_frequencies(Genome(Path(folder)), contigs, table["start"].to_numpy(), table["end"].to_numpy(), k)


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
