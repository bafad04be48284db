"""Sequence that examples of several splits share, and labels that contradict each other."""

import numpy as np

from genoglot.corpus.hashing import mix
from genoglot.corpus.leakage import canonical_kmers, holds_n
from genoglot.genome.store import N_CODE
from genoglot.tasks.examples import TEST, TRAIN, VALIDATION, Examples
from genoglot.tasks.sequences import sequence_keys

KMER = 21
ALIKE = 0.5  # share of a sequence's k-mers from which on it counts as seen
KEPT = 32  # k-mers of a sequence that are compared, about
CHUNK = 1 << 12


def without_overlap(examples: Examples, drop: bool) -> Examples:
    """The examples with what splits share in `about`; with `drop`, without the training examples that share it.

    `shared` has for validation and test how many of their sequences are in training too, on either strand, and how many
    have half or more of their k-mers there, the former among them; `conflicting` is the number of examples of which
    another has the same sequence and another label.
    """
    keys = sequence_keys(examples.codes)
    size = int((examples.codes < N_CODE).sum(axis=1).max(initial=1))
    kmer = KMER if size >= 2 * KMER else max(1, size // 2)
    sketch = _sketch(examples.codes, kmer, size)
    train = examples.rows(TRAIN)
    shared: dict[str, dict[str, int]] = {}
    guilty = np.zeros(len(train), dtype=bool)
    for split in (VALIDATION, TEST):
        rows = examples.rows(split)
        exact, alike = np.isin(keys[rows], keys[train]), _alike(sketch, rows, train)
        counts = {"same_sequence": int(exact.sum()), f"half_of_the_{kmer}-mers": int((exact | alike).sum())}
        shared[f"{split}_and_training"] = counts
        guilty |= np.isin(keys[train], keys[rows]) | _alike(sketch, train, rows)
    about = {**examples.about, "shared": shared, "conflicting": _conflicting(keys, examples.truth)}
    if drop:
        about["left_out"] = {**about["left_out"], "shared with validation or test": int(guilty.sum())}
        kept = np.setdiff1d(np.arange(len(keys)), train[guilty])
        examples = examples.take(kept)
    return Examples(examples.target, examples.frame, examples.codes, examples.truth, about)


def _sketch(codes: np.ndarray, kmer: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of the example and hash of the k-mers that are kept of each, as `genoglot.corpus.leakage` keeps them."""
    if kmer > codes.shape[1]:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    limit = np.uint64(min(int(2**64 / max(1.0, (size - kmer + 1) / KEPT)), 2**64) - 1)
    rows, hashes = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
    for first in range(0, len(codes), CHUNK):
        here = codes[first : first + CHUNK]
        found = mix(canonical_kmers(here, kmer))
        row, place = np.nonzero((found <= limit) & ~holds_n(here, kmer))
        rows.append(first + row)
        hashes.append(found[row, place])
    return np.concatenate(rows), np.concatenate(hashes)


def _alike(sketch: tuple[np.ndarray, np.ndarray], rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the rows have `ALIKE` or more of their k-mers among those of the others, bool (rows,)."""
    number, hashes = sketch
    count = max(int(part.max(initial=-1)) + 1 for part in (number, rows, others))
    among = np.zeros(count, dtype=bool)
    among[others] = True
    seen = np.isin(hashes, np.unique(hashes[among[number]]))
    kept, found = (np.bincount(number, weights=weights, minlength=count)[rows] for weights in (None, seen))
    return (kept > 0) & (found >= ALIKE * kept)


def _conflicting(keys: np.ndarray, truth: np.ndarray) -> int:
    """How many examples share their sequence with one of another label."""
    _, sequence = np.unique(keys, return_inverse=True)
    table = np.nan_to_num(truth.reshape(len(truth), -1), nan=-1)
    _, label = np.unique(table, axis=0, return_inverse=True)
    pairs = np.unique(np.column_stack([sequence, label.reshape(-1)]), axis=0)
    several = np.bincount(pairs[:, 0], minlength=sequence.max(initial=0) + 1) > 1
    return int(several[sequence].sum())
