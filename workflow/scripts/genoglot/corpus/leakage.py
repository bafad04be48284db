"""How much of a held-out window a model has seen already in its training windows.

Measured by k-mers on either strand, of which a sample is kept that depends on the k-mers themselves (FracMinHash,
Irber et al. 2022, doi:10.1101/2022.01.11.475838): the same k-mers are kept wherever they occur. The share of a
window's k-mers that occur elsewhere is then estimated without bias, to about 0.09 (one standard error of 32 k-mers).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import mix
from genoglot.corpus.markov import training_stretches
from genoglot.corpus.reader import WindowReader
from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, N_CODE

LONGEST_KMER = 31
KEPT_PER_WINDOW = 32
BLOCK = 1 << 16  # bases hashed at once: their k-mers fit in a processor's cache
COMPARED = 1 << 20  # least number of training k-mers compared at once


def shared_kmers(
    held_out: pd.DataFrame,
    training: pd.DataFrame,
    sequences: dict[str, Path],
    kmer: int,
    scale: float | None = None,
) -> np.ndarray:
    """Share of each held-out window's k-mers that occur, on either strand, in the training windows.

    Training windows that overlap or touch count as one sequence. Memory grows with the held-out windows only.

    Args:
        held_out, training: windows, columns genome, contig, start, end (0-based half-open); the held-out of one size.
        sequences: folder of each genome's tokenized sequence.
        kmer: length of the k-mers, 1 to 31 bases; an odd one is never its own reverse complement.
        scale: one in `scale` of all possible k-mers is kept; by default about 32 in a window.

    Returns:
        float32 (held-out windows,): of a window's distinct k-mers among those kept, the share that training has;
        NaN where none is kept, as in a window of N.

    Raises:
        InputError: k-mers of this length cannot be counted, or do not fit into a window.
    """
    if not len(held_out):
        return np.empty(0, dtype=np.float32)
    size = int(held_out["end"].iloc[0] - held_out["start"].iloc[0])
    if not 1 <= kmer <= min(LONGEST_KMER, size):
        raise InputError(
            f"leakage: k-mers of {kmer} bases; expected 1 to {LONGEST_KMER}, and no more than the {size} of a window; "
            "21 tells most sequences apart"
        )
    limit = _limit(max(1.0, (size - kmer + 1) / KEPT_PER_WINDOW) if scale is None else scale)
    window, sketch = _held_out_sketch(WindowReader(held_out, sequences), kmer, limit)
    reference, place = np.unique(sketch, return_inverse=True)
    seen = _seen(reference, _training_sketch(training, sequences, kmer, limit))
    kept = np.bincount(window, minlength=len(held_out))
    shared = np.bincount(window, weights=seen[place], minlength=len(held_out))
    return np.divide(shared, kept, out=np.full(len(held_out), np.nan), where=kept > 0).astype(np.float32)


def _limit(scale: float) -> np.uint64:
    """The largest hash that is kept."""
    return np.uint64(min(int(2**64 / scale), 2**64) - 1)


def canonical_kmers(codes: np.ndarray, kmer: int) -> np.ndarray:
    """The smaller of each k-mer and its reverse complement, two bits a base, uint64 (..., length - k + 1).

    `codes` are base codes (..., length). N counts as A here; `holds_n` tells where.
    """
    forward = codes & 3
    backward = 3 - forward
    span = 1
    while 2 * span <= kmer:
        # as narrow as holds them, since time goes by bytes
        width = np.dtype(f"u{max(1, span // 2)}")
        forward, backward = forward.astype(width), backward.astype(width)
        bits = width.type(2 * span)
        forward, backward = (
            forward[..., :-span] << bits | forward[..., span:],
            backward[..., span:] << bits | backward[..., :-span],
        )
        span *= 2
    forward, backward = forward.astype(np.uint64), backward.astype(np.uint64)
    rest = kmer - span
    if rest:
        # a second k-mer of the same span, shifted so that both together end with the last base
        bits, low = np.uint64(2 * rest), np.uint64(4**rest - 1)
        forward, backward = (
            forward[..., :-rest] << bits | forward[..., rest:] & low,
            backward[..., rest:] << bits | backward[..., :-rest] & low,
        )
    return np.minimum(forward, backward)


def holds_n(codes: np.ndarray, kmer: int) -> np.ndarray:
    """Whether the k-mer that starts at each position holds N, bool (..., length - k + 1)."""
    unknown = codes >= N_CODE
    if not unknown.any():
        return np.zeros((*codes.shape[:-1], codes.shape[-1] - kmer + 1), dtype=bool)
    before = np.zeros((*codes.shape[:-1], codes.shape[-1] + 1), dtype=np.int32)
    np.cumsum(unknown, axis=-1, out=before[..., 1:])
    return before[..., kmer:] > before[..., :-kmer]


def _held_out_sketch(reader: WindowReader, kmer: int, limit: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """Number of the window, int32, and hash of each distinct k-mer that is kept of it."""
    windows, sketches = [], []
    rows = max(1, BLOCK // reader.size)
    for first in range(0, len(reader), rows):
        codes = reader.read(np.arange(first, min(first + rows, len(reader)))) & CODE_MASK
        hashes = mix(canonical_kmers(codes, kmer))
        window, position = np.nonzero((hashes <= limit) & ~holds_n(codes, kmer))
        kept = hashes[window, position]
        order = np.lexsort((kept, window))
        window, kept = window[order], kept[order]
        new = np.ones(len(kept), dtype=bool)
        new[1:] = (window[1:] != window[:-1]) | (kept[1:] != kept[:-1])
        windows.append((first + window[new]).astype(np.int32))
        sketches.append(kept[new])
    return np.concatenate(windows), np.concatenate(sketches)


def _training_sketch(
    training: pd.DataFrame, sequences: dict[str, Path], kmer: int, limit: np.uint64
) -> Iterator[np.ndarray]:
    """Hashes of the k-mers that are kept of the training windows, block by block."""
    for codes in _joined(training_stretches(training, sequences, kmer - 1, BLOCK)):
        if len(codes) >= kmer:
            hashes = mix(canonical_kmers(codes, kmer))
            yield hashes[(hashes <= limit) & ~holds_n(codes, kmer)]


def _joined(stretches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Base codes of stretches, short ones joined with an N between them: a block costs the same however short."""
    gap = np.array([N_CODE], dtype=np.uint8)
    waiting: list[np.ndarray] = []
    bases = 0
    for stretch in stretches:
        waiting += [gap, stretch] if waiting else [stretch]
        bases += len(stretch)
        if bases >= BLOCK:
            yield np.concatenate(waiting)
            waiting, bases = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _seen(reference: np.ndarray, sketches: Iterable[np.ndarray]) -> np.ndarray:
    """Which of the sorted hashes `reference` are among the sketches, bool."""
    seen = np.zeros(len(reference), dtype=bool)
    waiting: list[np.ndarray] = []
    hashes = 0
    # sorting a batch no smaller than the reference keeps the search for the reference in it the lesser cost
    enough = max(COMPARED, len(reference))
    for sketch in sketches:
        waiting.append(sketch)
        hashes += len(sketch)
        if hashes >= enough:
            _mark(reference, seen, np.concatenate(waiting))
            waiting, hashes = [], 0
    if waiting:
        _mark(reference, seen, np.concatenate(waiting))
    return seen


def _mark(reference: np.ndarray, seen: np.ndarray, hashes: np.ndarray) -> None:
    """Mark in `seen` the hashes of the reference that are among these."""
    if not len(hashes):
        return
    hashes.sort()
    missing = np.flatnonzero(~seen)
    wanted = reference[missing]
    place = np.searchsorted(hashes, wanted)
    place[place == len(hashes)] = 0
    seen[missing] = hashes[place] == wanted
