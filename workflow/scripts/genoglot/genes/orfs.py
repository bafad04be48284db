"""Open reading frames: the oldest rule by which genes are found, and the floor of all others."""

from collections.abc import Iterator

import numpy as np

from genoglot.genome.store import N_CODE, reverse_complement

# numbers of codons, first base first, A 0 to T 3
START = 0 * 16 + 3 * 4 + 2
STOPS = (3 * 16 + 0 * 4 + 0, 3 * 16 + 0 * 4 + 2, 3 * 16 + 2 * 4 + 0)


def open_reading_frames(codes: np.ndarray, shortest: int) -> np.ndarray:
    """From the first ATG after a stop to the next stop in frame, which it includes; both strands, standard code.

    Args:
        codes: base codes, uint8 (bases,), without soft-mask bits; an N is part of no start or stop.
        shortest: bases of the shortest.

    Returns:
        int64 (frames, 3): start and end, 0-based half-open, and the strand, 0 for + and 1 for -; sorted by start.
    """
    found = [np.empty((0, 3), dtype=np.int64)]
    for strand, bases in enumerate((codes, reverse_complement(codes))):
        for start, end in _of_strand(bases):
            if strand:
                start, end = len(codes) - end, len(codes) - start
            long = end - start >= shortest
            found.append(np.column_stack([start[long], end[long], np.full(long.sum(), strand)]))
    frames = np.concatenate(found)
    return frames[np.lexsort((frames[:, 2], frames[:, 1], frames[:, 0]))]


def _of_strand(bases: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Starts and ends of the open reading frames of each of the three frames of a strand."""
    for frame in range(3):
        usable = (len(bases) - frame) // 3 * 3
        triplets = bases[frame : frame + usable].reshape(-1, 3).astype(np.int64)
        codon = np.where((triplets < N_CODE).all(axis=1), triplets @ np.array([16, 4, 1]), -1)
        starts, stops = np.flatnonzero(codon == START), np.flatnonzero(np.isin(codon, STOPS))
        if not len(starts) or not len(stops):
            continue
        # the first start after the stop before
        place = np.searchsorted(starts, np.concatenate([[-1], stops[:-1]]), side="right")
        first = starts[np.minimum(place, len(starts) - 1)]
        open_ = (place < len(starts)) & (first < stops)
        yield frame + 3 * first[open_], frame + 3 * stops[open_] + 3


def painted(frames: np.ndarray, length: int, plus: int, minus: int) -> np.ndarray:
    """Class numbers, int16 (length,): `plus` and `minus` where a frame lies, the longer over the shorter, else 0."""
    classes = np.zeros(length, dtype=np.int16)
    for start, end, strand in frames[np.argsort(frames[:, 1] - frames[:, 0], kind="stable")]:
        classes[start:end] = minus if strand else plus
    return classes
