"""Windows of a genome with the class of each base, from its annotation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.examples.finishing import finished
from genoglot.examples.grid import dense_windows, hide_margins, margin_of
from genoglot.examples.sequences import genome_sequences, row_chunks
from genoglot.examples.store import TRAIN, Examples
from genoglot.examples.target import UNKNOWN, Target
from genoglot.examples.task_genome import TaskGenome
from genoglot.genes.labels import CLASSES, base_classes, other_strand
from genoglot.genome.store import N_CODE, Genome

FEWEST = 20  # bases of a class on either strand, in training, below which it is not learnt


def annotated_windows(on: TaskGenome, annotation: Path, settings: Mapping[str, Any]) -> Examples:
    """Windows with what each base is to the genes that code for proteins (`genoglot.genes.labels`).

    Classes are those of which training has `FEWEST` bases on either strand; bases of others are not known. Windows are
    those of `grid.dense_windows`; those without a known base are left out and counted.

    Raises:
        InputError: no gene of the annotation codes for a protein, or a split is empty.
    """
    margin = margin_of(settings, on.window, 1)
    classes = base_classes(annotation, on.sequence)
    if not (classes > 0).any():
        raise InputError(f"{annotation}: no gene of {on.name} codes for a protein; there is nothing to learn")
    frame, left_out, origin = dense_windows(on, margin, settings["split"], settings["max_windows"])
    codes = genome_sequences(on.sequence, frame)
    truth = _classes_of(classes, on.sequence, frame, codes)
    hide_margins(truth, frame, margin, UNKNOWN)
    target, truth, elsewhere = _common(truth, (frame["split"] == TRAIN).to_numpy())
    kept = np.flatnonzero((truth != UNKNOWN).any(axis=1))
    about = {
        "source": ["the annotation"],
        "left_out": {**left_out, "without a known base": len(truth) - len(kept), "bases of rare classes": elsewhere},
        "origin": origin,
        "margin": margin,
    }
    found = Examples(target, frame, codes, truth, about).take(kept)
    return finished(found, settings["split"]["drop"], f"annotation of {on.name}")


def _classes_of(classes: np.ndarray, genome: Genome, frame: pd.DataFrame, codes: np.ndarray) -> np.ndarray:
    """The class of each base of windows, int16 (windows, bases); `UNKNOWN` where there is no known base."""
    offset, size = (genome.contigs[key].to_numpy()[frame["number"]][:, None] for key in ("offset", "length"))
    start, window = frame["start"].to_numpy()[:, None], codes.shape[1]
    truth = np.full(codes.shape, UNKNOWN, dtype=np.int16)
    for rows in row_chunks(*codes.shape):
        places = start[rows] + np.arange(window)
        inside = (places >= 0) & (places < size[rows]) & (codes[rows] < N_CODE)
        truth[rows] = np.where(inside, classes[offset[rows] + np.where(inside, places, 0)], UNKNOWN)
    return truth


def _common(truth: np.ndarray, training: np.ndarray) -> tuple[Target, np.ndarray, int]:
    """The target, the truth in its classes, and how many bases are of others."""
    swap = other_strand(CLASSES)
    held = truth[training]
    counts = np.bincount(held[held != UNKNOWN], minlength=len(CLASSES))
    there = [number for number in range(len(CLASSES)) if max(counts[number], counts[swap[number]]) >= FEWEST]
    # the last entry is that of UNKNOWN
    new = np.full(len(CLASSES) + 1, UNKNOWN, dtype=np.int16)
    new[there] = np.arange(len(there))
    names = [CLASSES[number] for number in there]
    elsewhere = int((truth != UNKNOWN).sum() - (new[truth] != UNKNOWN).sum())
    return Target("classes", tuple(names), 1, other_strand(names)), new[truth], elsewhere
