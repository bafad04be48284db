"""Sequence that examples of several splits share, and labels that contradict each other."""

from dataclasses import replace

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import mix
from genoglot.corpus.leakage import canonical_kmers, holds_n
from genoglot.examples.sequences import pair_keys, row_chunks, sequence_keys
from genoglot.examples.store import TEST, TRAIN, VALIDATION, Examples
from genoglot.genome.store import N_CODE

KMER = 21
ALIKE = 0.5  # share of a sequence's k-mers from which on it counts as seen
KEPT = 32  # k-mers of a sequence that are compared, about, where there are many sequences
ALL_KEPT = 1 << 24  # k-mers of all sequences together, up to which each is compared
SLOTS = 1 << 27  # of the table by which most k-mers are told not to be shared; bytes
LAST = np.uint64(2**64 - 1)

# number of the example and hash of each k-mer that is compared
Sketch = tuple[np.ndarray, np.ndarray]


def without_overlap(examples: Examples, drop: bool) -> Examples:
    """The examples with what splits share in `about`; with `drop`, without the training examples that share it.

    `shared` has for validation and test how many of their sequences are in training too, on either strand, and how many
    have half or more of their k-mers there, the former among them. With `drop`, training examples are left out that are
    in validation or test, or have half of their k-mers there, and `shared` is what remains. That is not always nothing:
    a long training sequence may hold a short one and share little of itself. `conflicting` is the number of examples of
    which another has the same sequence and another label. Of pairs of alleles the sequence with REF counts, and both
    for what contradicts itself.
    """
    codes = examples.sequences
    keys = sequence_keys(codes)
    size = int((codes < N_CODE).sum(axis=1).max(initial=1))
    kmer = KMER if size >= 2 * KMER else max(1, size // 2)
    sketch = _sketch(codes, kmer)
    train, held = examples.split == TRAIN, examples.split != TRAIN
    whole = pair_keys(examples.codes) if examples.paired else keys
    about = {**examples.about, "conflicting": _conflicting(whole, examples.truth)}
    guilty = np.zeros(len(keys), dtype=bool)
    if drop:
        guilty = train & (_same(keys, train, held) | _alike(sketch, train, held))
        about["left_out"] = {**about.get("left_out", {}), "shared with validation or test": int(guilty.sum())}
    about["shared"] = {}
    for split in (VALIDATION, TEST):
        here = examples.split == split
        same = _same(keys, here, train & ~guilty)
        alike = same | _alike(sketch, here, train & ~guilty)
        counts = {"same_sequence": int(same.sum()), f"half_of_the_{kmer}-mers": int(alike.sum())}
        about["shared"][f"{split}_and_training"] = counts
    examples = replace(examples, about=about)
    return examples.take(np.flatnonzero(~guilty)) if guilty.any() else examples


def _sketch(codes: np.ndarray, kmer: int) -> Sketch:
    """The distinct k-mers that are kept of each example, as `genoglot.corpus.leakage` keeps them."""
    if kmer > codes.shape[1]:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint64)
    bases = (codes < N_CODE).sum(axis=1)
    total = int(np.maximum(bases - kmer + 1, 0).sum())
    scale = max(1.0, total / max(ALL_KEPT, KEPT * len(codes)))
    limit = np.uint64(min(int(2**64 / scale), 2**64) - 1)
    numbers, sketches = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.uint64)]
    for rows in row_chunks(*codes.shape):
        hashes = mix(canonical_kmers(codes[rows], kmer))
        hashes[(hashes > limit) | holds_n(codes[rows], kmer)] = LAST
        hashes.sort(axis=1)
        new = hashes != LAST
        new[:, 1:] &= hashes[:, 1:] != hashes[:, :-1]
        numbers.append((rows.start + np.nonzero(new)[0]).astype(np.int32))
        sketches.append(hashes[new])
    return np.concatenate(numbers), np.concatenate(sketches)


def _same(keys: np.ndarray, these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of `these` examples have a sequence that one of the `others` has; masks, bool (examples,)."""
    same = np.zeros(len(keys), dtype=bool)
    same[these] = _among(keys[these], keys[others])
    return same


def _alike(sketch: Sketch, these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of `these` examples have `ALIKE` or more of their k-mers among those of the others, as `_same`."""
    number, hashes = sketch
    mine, theirs = these[number], others[number]
    here = number[mine]
    seen = _among(hashes[mine], hashes[theirs])
    kept, found = (np.bincount(rows, minlength=len(these)) for rows in (here, here[seen]))
    return (kept > 0) & (found >= ALIKE * kept)


def _among(wanted: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which wanted hashes are among the numbers, bool (wanted,).

    A table by their last bits tells first which cannot be: of millions of sequences most k-mers are nowhere else, and
    sorting takes its time.
    """
    bits = np.uint64(min(SLOTS, 1 << (8 * max(1, len(numbers))).bit_length()) - 1)
    table = np.zeros(int(bits) + 1, dtype=bool)
    table[numbers & bits] = True
    found = table[wanted & bits]
    left = wanted[found]
    table[:] = False
    table[left & bits] = True
    near = np.sort(numbers[table[numbers & bits]])
    if len(near):
        place = np.minimum(np.searchsorted(near, left), len(near) - 1)
        found[found] = near[place] == left
    return found


def _conflicting(keys: np.ndarray, truth: np.ndarray) -> int:
    """How many examples share their sequence with one of another label; what is not known contradicts nothing."""
    key = pd.Series(keys)
    twice = key.duplicated(keep=False).to_numpy()
    labels = pd.DataFrame(truth.reshape(len(truth), -1)[twice])
    found = labels.groupby(key[twice].to_numpy())
    differ = (found.transform("min") < found.transform("max")).any(axis=1)
    return int(differ.sum())
