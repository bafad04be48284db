"""Numbers of bins of a genome: bins of some bases each that lie side by side from the start of every contig."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genoglot.genome.store import CODE_MASK, N_CODE, Genome

PIECE = 1 << 22  # bases that are looked at at once


@dataclass(frozen=True)
class Bins:
    """The bins of a genome, contig after contig; the last one of a contig may have fewer bases.

    Attributes:
        size: bases of a bin.
        lengths: bases of each contig, int64.
    """

    size: int
    lengths: np.ndarray

    @classmethod
    def of(cls, genome: Genome, size: int) -> "Bins":
        return cls(size, genome.contigs["length"].to_numpy(dtype=np.int64))

    @cached_property
    def ends(self) -> np.ndarray:
        """How many bins there are up to the end of each contig, int64 (contigs,)."""
        return np.cumsum(-(-self.lengths // self.size))

    @property
    def total(self) -> int:
        return int(self.ends[-1])

    def of_contig(self, number: int) -> slice:
        """The bins of a contig, by its number."""
        return slice(int(self.ends[number - 1]) if number else 0, int(self.ends[number]))

    def of_windows(self, numbers: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
        """Numbers of the `count` bins of windows that begin with a bin, int64 (windows, count); -1 beyond a contig.

        Args:
            numbers, starts: contig and first base of each window, (windows,).
        """
        before = np.concatenate([[0], self.ends])
        bins = (before[numbers] + starts // self.size)[:, None] + np.arange(count)
        inside = (bins >= before[numbers][:, None]) & (bins < self.ends[numbers][:, None])
        return np.where(inside, bins, -1)

    def bases(self, number: int) -> np.ndarray:
        """Bases of each bin of a contig, int64."""
        here = self.of_contig(number)
        bases = np.full(here.stop - here.start, self.size, dtype=np.int64)
        bases[-1:] = self.lengths[number] - self.size * (len(bases) - 1)
        return bases


def sequenced(genome: Genome, bins: Bins) -> np.ndarray:
    """In which bins half of the bases or more are known, bool (bins of the genome,)."""
    found = np.zeros(bins.total, dtype=bool)
    step = max(1, PIECE // bins.size) * bins.size
    for number, contig in enumerate(genome.contigs.index):
        stored, here = genome.contig(contig), bins.of_contig(number)
        parts = [np.empty(0, dtype=np.int64)]
        for start in range(0, len(stored), step):
            known = (stored[start : start + step] & CODE_MASK) != N_CODE
            parts.append(np.add.reduceat(known, np.arange(0, len(known), bins.size), dtype=np.int64))
        found[here] = 2 * np.concatenate(parts) >= bins.bases(number)
    return found


class Summary:
    """What intervals with values say of each bin of one contig."""

    def __init__(self, bases: np.ndarray, size: int, aggregate: str):
        """`bases` of each bin; `aggregate`: mean, sum or max of the values of a bin's bases."""
        self._bases, self._size, self._aggregate = bases, size, aggregate
        # bases with a value that is a number, and with one that is none
        self._known, self._strange = np.zeros(len(bases)), np.zeros(len(bases))
        start = -np.inf if aggregate == "max" else 0.0
        self._value = np.full(len(bases), start)

    def add(self, starts: np.ndarray, ends: np.ndarray, values: np.ndarray) -> None:
        """Take in intervals of the contig (0-based, half-open, sorted, without overlap), each with its value."""
        bins, bases, of = parts_in_bins(starts, ends, self._size)
        values = values[of]
        known = np.isfinite(values)
        if not known.all():
            np.add.at(self._strange, bins[~known], bases[~known])
            bins, bases, values = bins[known], bases[known], values[known]
        np.add.at(self._known, bins, bases)
        if self._aggregate == "max":
            np.maximum.at(self._value, bins, values)
        else:
            np.add.at(self._value, bins, values * bases)

    def result(self, zero: bool) -> np.ndarray:
        """The aggregate of each bin, float32 (bins,); NaN where fewer than half of the bases have a value.

        `zero`: bases that no interval covers count as 0, otherwise they have no value. Of a bin some of whose bases
        have none, the mean and the maximum are of the others, and the sum is their mean times its bases.
        """
        known, value = self._known, self._value
        if zero:
            bare = self._bases - known - self._strange
            known = known + bare
            value = np.where(bare > 0, np.maximum(value, 0), value) if self._aggregate == "max" else value
        enough = 2 * known >= self._bases
        if self._aggregate != "max":
            value = value / np.maximum(known, 1)
        if self._aggregate == "sum":
            value = value * self._bases
        return np.where(enough, value, np.nan).astype(np.float32)


def parts_in_bins(starts: np.ndarray, ends: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What intervals have in bins that they reach into: number of the bin, bases there, and number of the interval."""
    first = starts // size
    count = (ends - 1) // size - first + 1
    of = np.repeat(np.arange(len(starts)), count)
    bins = first[of] + np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    bases = np.minimum(ends[of], (bins + 1) * size) - np.maximum(starts[of], bins * size)
    return bins, bases, of
