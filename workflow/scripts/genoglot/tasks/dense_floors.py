"""What the bins of a task's windows are predicted to be without a network."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from genoglot.embeddings.kmers import canonical_classes
from genoglot.examples.grid import stretches
from genoglot.examples.sequences import row_chunks
from genoglot.examples.store import Examples
from genoglot.examples.target import known_bins
from genoglot.genes.labels import MINUS, PLUS
from genoglot.genes.orfs import open_reading_frames, painted
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import N_CODE
from genoglot.tasks.floors import FLOOR_K, STRENGTHS, kmer_features, majority_predictions
from genoglot.tasks.metrics import choice
from genoglot.tasks.probing import linear_outputs
from genoglot.tasks.training import Objective

log = logging.getLogger(__name__)

FLANK = 72  # bases on either side of a bin whose k-mers are counted with its own
SAMPLE = 8_000  # bins that a regression is fitted on, and as many to choose its penalty
SHORTEST = (150, 225, 300, 450, 600)  # bases of an open reading frame, of which validation chooses


def dense_floors(examples: Examples, settings: Mapping[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Predictions of the test examples' bins by each floor, float32 (examples, bins, names)."""
    found = {"kmer": bin_kmers(examples, settings, seed)}
    if settings["kind"] == "annotation":
        found["orf"] = orf_predictions(examples)
    found["majority"] = _majority(examples)
    return found


def _majority(examples: Examples) -> np.ndarray:
    target, parts, splits = examples.target, [], []
    for split in ("train", "test"):
        (truth,) = known_bins(target, examples.truth[examples.rows(split)])
        # what is asked for has as many rows as there are test bins: one is enough
        parts.append(truth if split == "train" else truth[:1])
        splits.append(np.full(len(parts[-1]), split))
    row = majority_predictions(np.concatenate(parts), np.concatenate(splits), target.flat)
    shape = (len(examples.rows("test")), *target.shape(examples.codes.shape[1]))
    return np.ascontiguousarray(np.broadcast_to(row, shape))


def bin_kmers(examples: Examples, settings: Mapping[str, Any], seed: int) -> np.ndarray:
    """Regression on the 6-mers of a bin and of `FLANK` bases on either side of it: float32 (examples, bins, names).

    It is fitted on a sample of the training bins; its penalty is chosen on one of the validation bins. A linear
    function of counts is a sum over places, so that all bins of a window are predicted from running sums.
    """
    target = examples.target
    both = settings["strands"] == "both" and not target.mirror
    fitted, truth = _sampled_kmers(examples, "train", both, seed)
    asked, wanted = _sampled_kmers(examples, "validation", both, seed)
    scaler = StandardScaler(with_mean=False).fit(fitted)
    fitted, asked = scaler.transform(fitted), scaler.transform(asked)
    objective = Objective(target.flat, truth)
    best, kept = (-np.inf, -np.inf), None
    for strength in STRENGTHS[::2]:
        coefficients, constants = linear_outputs(
            target.flat, fitted, truth, strength, settings["balanced"], seed
        )  # fmt: skip
        outputs = torch.from_numpy(asked @ coefficients.T + constants).float()
        found = choice(target.flat, wanted, objective.predictions(outputs).numpy())
        if kept is None or found > best:
            best, kept = found, (coefficients / scaler.scale_, constants)
            log.info("inverse penalty %g: validation %.4f", strength, found[0])
    assert kept is not None
    weights = kept[0].T[canonical_classes(FLOOR_K)[0]] if both else kept[0].T
    return _predicted(examples, weights.astype(np.float32), kept[1], objective)


def _sampled_kmers(examples: Examples, split: str, both: bool, seed: int) -> tuple[Any, np.ndarray]:
    """6-mer frequencies and truth of a sample of the known bins of a split."""
    rows, target = examples.rows(split), examples.target
    bins = examples.codes.shape[1] // target.bin
    numbers = np.broadcast_to(np.arange(len(rows) * bins).reshape(len(rows), bins), (len(rows), bins))
    truth, number = known_bins(target, examples.truth[rows], numbers)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(truth))[:SAMPLE])
    row, place = rows[number[chosen] // bins], number[chosen] % bins * target.bin
    columns = place[:, None] + np.arange(-FLANK, target.bin + FLANK)
    inside = (columns >= 0) & (columns < examples.codes.shape[1])
    around = np.where(inside, examples.codes[row[:, None], np.where(inside, columns, 0)], N_CODE).astype(np.uint8)
    return kmer_features(around, FLOOR_K, both), truth[chosen]


def _predicted(examples: Examples, weights: np.ndarray, constants: np.ndarray, objective: Objective) -> np.ndarray:
    """Predictions of all bins of the test examples by weights of k-mer frequencies (k-mers, names)."""
    rows, target = examples.rows("test"), examples.target
    length = examples.codes.shape[1]
    bins, names = target.shape(length)
    result = np.empty((len(rows), bins, names), dtype=np.float32)
    first = np.arange(bins) * target.bin
    last = first + target.bin + 2 * FLANK - FLOOR_K + 1
    for part in row_chunks(len(rows), length * names):
        codes = np.pad(examples.codes[rows[part]], ((0, 0), (FLANK, FLANK)), constant_values=N_CODE)
        numbers, known = kmer_numbers(codes, FLOOR_K)
        each = np.where(known[..., None], weights[np.where(known, numbers, 0)], 0)
        sums, counts = (
            np.pad(np.cumsum(values, axis=1, dtype=np.float64), ((0, 0), (1, 0), *[(0, 0)] * (values.ndim - 2)))
            for values in (each, known)
        )
        total = np.maximum(counts[:, last] - counts[:, first], 1)[..., None]
        outputs = (sums[:, last] - sums[:, first]) / total + constants
        result[part] = objective.predictions(torch.from_numpy(outputs).float()).numpy()
    return result


def orf_predictions(examples: Examples) -> np.ndarray:
    """The rule of open reading frames on the test windows: float32 (examples, bases, names).

    What lies in an open reading frame of some length is CDS on its strand, all else is not; the length is chosen by
    the validation windows. Probabilities are how often validation has each class where the rule says CDS, or not, on a
    strand; the classes that the rule knows are the likeliest where it names them.
    """
    called = {split: _called(examples, split, SHORTEST) for split in ("validation", "test")}
    truth = examples.truth[examples.rows("validation")]
    best, kept = (-np.inf, -np.inf), (np.empty(0), 0)
    for number, shortest in enumerate(SHORTEST):
        true, said = known_bins(examples.target, truth, called["validation"][number])
        table = _shares(true, said, examples.target.outputs)
        found = choice(examples.target.flat, true, table[said])
        if found > best:
            best, kept = found, (table, number)
            log.info("open reading frames of %d bases or more: validation %.4f", shortest, found[0])
    table, number = kept
    return table[called["test"][number]].astype(np.float32)


def _called(examples: Examples, split: str, lengths: tuple[int, ...]) -> list[np.ndarray]:
    """For each shortest length the class that the rule names for each base of a split's windows, int64 (windows,
    bases); outside of the parts between margins it is the first class."""
    rows, margin = examples.rows(split), examples.about["margin"]
    plus, minus = (examples.target.names.index(f"CDS_{strand}") for strand in (PLUS, MINUS))
    codes = examples.codes[rows]
    found = [np.zeros(codes.shape, dtype=np.int64) for _ in lengths]
    for stretch in stretches(examples.frame.iloc[rows], margin):
        bases = stretch.joined(codes, margin)
        frames = open_reading_frames(bases, min(lengths))
        for shortest, classes in zip(lengths, found, strict=True):
            long = frames[frames[:, 1] - frames[:, 0] >= shortest]
            middle = painted(long, len(bases), plus, minus).reshape(len(stretch.rows), -1)
            classes[stretch.rows, margin : codes.shape[1] - margin] = middle
    return found


def _shares(truth: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """The share of each class (columns) where a class is said (rows), with the class that is said as the largest."""
    counts = np.bincount(said * classes + truth, minlength=classes**2).reshape(classes, classes) + 1.0
    shares = counts / counts.sum(axis=1, keepdims=True)
    diagonal = np.arange(classes)
    shares[diagonal, diagonal] = np.maximum(shares[diagonal, diagonal], shares.max(axis=1) * (1 + 1e-6))
    return shares / shares.sum(axis=1, keepdims=True)
