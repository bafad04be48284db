"""Markov-chain baselines: what a model must beat to have learnt more than local composition.

Two families, both fitted on both strands of the training windows: `left` predicts a base from the k bases before it,
`both` from the k bases on either side. Counts are interpolated with the next lower order (Dirichlet prior, after
MacKay & Peto 1995, doi:10.1017/S1351324900000218), so that rare contexts do not hurt. Order and prior are those that
predict the validation windows best, on which a model's checkpoint is chosen too. Training sequence would not do for it:
where genomes are strains of one species, what is held back of one stands in the others, and the longest memory wins.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from genoglot.corpus.windows import read_windows
from genoglot.files import atomic_path
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import CODE_MASK, N_CODE, Genome

log = logging.getLogger(__name__)

MAX_ORDER = {"left": 10, "both": 5}
PRIORS = (4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0)
STRETCH = 1 << 22


@dataclass(frozen=True)
class MarkovModel:
    """Log-probabilities (nats) of the base given its context.

    `tables["left"]` has shape (4**k, 4), `tables["both"]` (4**(2k), 4) with the left k-mer in the high digits;
    `background` (4,) serves where a context holds N or passes a contig's end.
    """

    tables: dict[str, np.ndarray]
    background: np.ndarray

    def order(self, family: str) -> int:
        contexts = len(self.tables[family])
        return round(np.log(contexts) / np.log(4 if family == "left" else 16))

    def log_probabilities(self, codes: np.ndarray, family: str) -> np.ndarray:
        """Log-probabilities of the four bases at every position, float32 (..., length, 4), of codes (..., length)."""
        k = self.order(family)
        context = _context_ids(codes, k, family)
        result = self.tables[family][np.maximum(context, 0)]
        result[context < 0] = self.background
        return result

    def save(self, path: Path) -> None:
        with atomic_path(path) as temporary:
            save_file({**self.tables, "background": self.background}, temporary)

    @classmethod
    def load(cls, path: Path) -> "MarkovModel":
        tensors = load_file(path)
        background = tensors.pop("background")
        return cls(tensors, background)


def _kmer_ids(codes: np.ndarray, k: int) -> np.ndarray:
    """Number of the k-mer that starts at each position (..., length - k + 1); -1 where it holds N."""
    ids, known = kmer_numbers(codes, k)
    ids[~known] = -1
    return ids


def _context_ids(codes: np.ndarray, k: int, family: str) -> np.ndarray:
    """Number of each position's context, (..., length); -1 where it holds N or passes the end."""
    pad = [(0, 0)] * (codes.ndim - 1) + [(k, k)]
    padded = np.pad(codes & CODE_MASK, pad, constant_values=N_CODE)
    length = codes.shape[-1]
    kmers = _kmer_ids(padded, k)
    left = kmers[..., :length]
    if family == "left":
        return left
    right = kmers[..., k + 1 : k + 1 + length]
    return np.where((left < 0) | (right < 0), -1, left * 4**k + right)


def training_stretches(
    windows: pd.DataFrame, sequences: dict[str, Path], overlap: int, longest: int = STRETCH
) -> Iterator[np.ndarray]:
    """Base codes of the union of the windows, each base once, in stretches of at most `longest` bases.

    Consecutive stretches of one run share `overlap` bases, so that no k-mer is lost at their border.
    """
    for (genome, contig), group in windows.groupby(["genome", "contig"], observed=True, sort=False):
        codes = Genome(Path(sequences[genome])).contig(contig)
        group = group.sort_values("start")
        reach = group["end"].cummax().shift(fill_value=-1)
        run = (group["start"] > reach).cumsum()
        for _, rows in group.groupby(run):
            start, end = int(rows["start"].min()), int(rows["end"].max())
            for begin in range(start, end, longest):
                yield codes[begin : min(begin + longest + overlap, end)] & CODE_MASK


def kmer_counts(windows: pd.DataFrame, sequences: dict[str, Path], k: int) -> np.ndarray:
    """How often each k-mer occurs in the union of the windows, on both strands together; int64 (4**k,)."""
    counts = np.zeros(4**k, dtype=np.int64)
    for codes in training_stretches(windows, sequences, k - 1):
        if len(codes) >= k:
            ids = _kmer_ids(codes, k)
            counts += np.bincount(ids[ids >= 0], minlength=4**k)
    # the complement of a base counts down where the base counts up
    forward = counts.reshape((4,) * k)
    backward = np.flip(forward).transpose(tuple(reversed(range(k))))
    return (forward + backward).reshape(-1)


def _as_contexts(counts: np.ndarray, k: int, family: str) -> np.ndarray:
    """k-mer counts as (contexts, 4), the last axis being the predicted base."""
    if family == "left":
        return counts.reshape(4**k, 4)
    return counts.reshape(4**k, 4, 4**k).transpose(0, 2, 1).reshape(16**k, 4)


def _lower(counts: np.ndarray, k: int, family: str) -> np.ndarray:
    """Counts (contexts, 4) of order k summed to those of order k - 1."""
    if family == "left":
        return counts.reshape(4, 4 ** (k - 1), 4).sum(axis=0)
    return counts.reshape(4, 4 ** (k - 1), 4 ** (k - 1), 4, 4).sum(axis=(0, 3)).reshape(16 ** (k - 1), 4)


def _expand(probabilities: np.ndarray, k: int, family: str) -> np.ndarray:
    """Probabilities of order k - 1 repeated over the contexts of order k."""
    if family == "left":
        return np.tile(probabilities, (4, 1))
    inner = 4 ** (k - 1)
    grid = probabilities.reshape(1, inner, inner, 1, 4)
    return np.broadcast_to(grid, (4, inner, inner, 4, 4)).reshape(16**k, 4)


def _interpolate(counts: np.ndarray, k: int, family: str, prior: float) -> list[np.ndarray]:
    """Probabilities (contexts, 4) of every order from 0 to k, each resting on the one below."""
    by_order = [counts]
    for order in range(k, 0, -1):
        by_order.append(_lower(by_order[-1], order, family))
    result = [(by_order[-1] + 1) / (by_order[-1].sum() + 4)]
    for order in range(1, k + 1):
        level = by_order[k - order]
        total = level.sum(axis=1, keepdims=True)
        result.append((level + prior * _expand(result[-1], order, family)) / (total + prior))
    return result


def _max_order(family: str, bases: int) -> int:
    """Highest order whose table has no more cells than there are training bases."""
    per_order = 1 if family == "left" else 2
    return max(1, min(MAX_ORDER[family], int((np.log(max(bases, 4)) / np.log(4) - 1) / per_order)))


def fit_markov(windows: Path, sequences: dict[str, Path], output: Path) -> None:
    """Fit both families on the training windows and save their log-probability tables."""
    training, validation = read_windows(windows, "train"), read_windows(windows, "validation")
    bases = int((training["end"] - training["start"]).sum())
    tables: dict[str, np.ndarray] = {}
    background = np.full(4, 0.25)
    for family in ("left", "both"):
        k = _max_order(family, bases)
        span = k + 1 if family == "left" else 2 * k + 1
        fitted = _as_contexts(kmer_counts(training, sequences, span), k, family)
        held_out = _as_contexts(kmer_counts(validation, sequences, span), k, family)
        order, prior = _choose(fitted, held_out, k, family)
        levels = _interpolate(fitted, k, family, prior)
        tables[family] = np.log(levels[order]).astype(np.float32)
        background = levels[0].reshape(4)
        log.info("Markov chain, %s context: order %d, prior %g", family, order, prior)
    MarkovModel(tables, np.log(background).astype(np.float32)).save(output)


def _choose(fitted: np.ndarray, held_out: np.ndarray, k: int, family: str) -> tuple[int, float]:
    """Order and prior with the highest likelihood of the counts held out."""
    best, choice = -np.inf, (0, PRIORS[0])
    for prior in PRIORS:
        levels = _interpolate(fitted, k, family, prior)
        counts = held_out
        for order in range(k, -1, -1):
            likelihood = float((counts * np.log(levels[order])).sum())
            if likelihood > best:
                best, choice = likelihood, (order, prior)
            if order:
                counts = _lower(counts, order, family)
    return choice
