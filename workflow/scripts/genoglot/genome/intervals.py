"""A set of positions of one contig, held as sorted disjoint intervals."""

import numpy as np


def runs_of(there: np.ndarray) -> np.ndarray:
    """Starts and ends of the runs of true of a mask, int64 (runs, 2)."""
    edges = np.diff(np.concatenate([[False], there, [False]]).astype(np.int8))
    return np.column_stack([np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)])


class Intervals:
    """Union of 0-based half-open intervals; overlapping and touching ones are merged.

    Attributes:
        starts, ends: int64 of shape (intervals,), sorted and disjoint.
        total: number of positions in the union.
    """

    def __init__(self, pairs: np.ndarray) -> None:
        """`pairs`: int of shape (n, 2), start and end, in any order; empty intervals are dropped."""
        pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
        pairs = pairs[pairs[:, 1] > pairs[:, 0]]
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        reach = np.maximum.accumulate(pairs[:, 1])
        opens = np.ones(len(pairs), dtype=bool)
        opens[1:] = pairs[1:, 0] > reach[:-1]
        closes = np.roll(opens, -1)
        self.starts = pairs[opens, 0]
        self.ends = reach[closes]
        self._before = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        self.total = int(self._before[-1])

    @property
    def pairs(self) -> np.ndarray:
        """int64 of shape (intervals, 2)."""
        return np.column_stack([self.starts, self.ends])

    def contains(self, positions: np.ndarray) -> np.ndarray:
        """Whether each position lies in the union; bool of the shape of `positions`."""
        if not len(self.starts):
            return np.zeros(np.shape(positions), dtype=bool)
        number = np.searchsorted(self.starts, positions, side="right") - 1
        return (number >= 0) & (positions < self.ends[number])

    def touches(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether each interval of at least one position shares one with the union; bool of the shape of `starts`."""
        return np.searchsorted(self.starts, ends, side="left") > np.searchsorted(self.ends, starts, side="right")

    def rank(self, positions: np.ndarray) -> np.ndarray:
        """How many positions of the union lie before each of `positions`, all of which must lie in it."""
        number = np.searchsorted(self.starts, positions, side="right") - 1
        return self._before[number] + positions - self.starts[number]

    def locate(self, ranks: np.ndarray) -> np.ndarray:
        """Position of each rank in 0..total - 1; the inverse of `rank`."""
        number = np.searchsorted(self._before, ranks, side="right") - 1
        return self.starts[number] + ranks - self._before[number]

    def complement(self, length: int) -> "Intervals":
        """The positions of 0..length - 1 that are not in the union."""
        starts = np.concatenate([[0], np.minimum(self.ends, length)])
        ends = np.concatenate([np.minimum(self.starts, length), [length]])
        return Intervals(np.column_stack([starts, ends]))
