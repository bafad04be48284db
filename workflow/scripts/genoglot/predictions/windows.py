"""Which windows a head reads: those of a whole genome at regular steps, or those around the intervals of a BED."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.examples.intervals import Bed, on_genome, windows_around
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome


@dataclass(frozen=True)
class Plan:
    """The windows to read, in the order of contigs and places, and what has none.

    Attributes:
        length: bases of a window.
        step: bases from one window to the next; None for windows around intervals.
        contigs: number and length of each contig that has windows; int64 (contigs, 2).
        intervals: for windows around intervals: columns number, start, end, strand and line, sorted; else None.
        strands: on which each window of a whole genome is read.
        left_out: how many intervals or contigs have no window, and why.
    """

    length: int
    step: int | None
    contigs: np.ndarray
    intervals: pd.DataFrame | None
    strands: tuple[str, ...]
    left_out: dict[str, int]

    def chunks(self, most: int) -> Iterator[pd.DataFrame]:
        """Windows, at most so many at once: columns number (of the contig), start, end (0-based half-open; of those
        around intervals they may lie beyond the contig), strand and, around intervals, line."""
        if self.intervals is not None:
            for first in range(0, len(self.intervals), most):
                yield self.intervals.iloc[first : first + most]
            return
        assert self.step is not None
        for number, length in self.contigs.tolist():
            count = (length - self.length) // self.step + 1
            for first in range(0, count, max(1, most // len(self.strands))):
                last = min(first + max(1, most // len(self.strands)), count)
                starts = np.repeat(np.arange(first, last) * self.step, len(self.strands))
                strand = list(self.strands) * (last - first)
                yield pd.DataFrame({"number": number, "start": starts, "end": starts + self.length, "strand": strand})


def plan_genome(
    genome: Genome, length: int, step: int, both_strands: bool, contigs: list[str] | None, names: Path | None
) -> Plan:
    """Windows of a whole genome, every `step` bases from the start of each contig, as far as they lie inside it.

    A head that is the mean over the strands reads each once; one that tells them apart, on either strand.

    Args:
        contigs: to which windows are restricted, by any of their names.
        names: the genome's `names.tsv`.

    Raises:
        InputError: the genome lacks one of `contigs`, or none of its contigs holds a window.
    """
    numbers = asked_contigs(genome, contigs, names)
    table = np.stack([numbers, genome.contigs["length"].to_numpy(dtype=np.int64)[numbers]], axis=1)
    holds = table[:, 1] >= length
    if not holds.any():
        raise InputError(
            f"{genome.folder}: no contig holds a window of {length} bases; the longest has {table[:, 1].max()}"
        )
    left_out = {"contigs shorter than a window": int((~holds).sum())}
    return Plan(length, step, table[holds], None, (".",) if both_strands else ("+", "-"), left_out)


def plan_intervals(genome: Genome, length: int, bed: Path, contigs: list[str] | None, names: Path | None) -> Plan:
    """A window around the middle of each interval of a BED, read on the interval's strand, as a task's examples are.

    Raises:
        InputError: the file is no BED of this genome, or no interval lies on one of `contigs`.
    """
    found, left_out = on_genome(Bed.read(bed), genome, ContigNames.of(genome.contigs.index, names))
    frame = windows_around(found, genome, length)[["number", "start", "end", "strand", "line"]]
    asked = frame["number"].isin(asked_contigs(genome, contigs, names))
    if not asked.any():
        raise InputError(f"{bed}: no interval lies on the contigs that are asked for: {', '.join(contigs or [])}")
    frame = frame[asked].sort_values(["number", "start", "line"], ignore_index=True)
    left_out["contig not asked for"] = int((~asked).sum())
    return Plan(length, None, np.empty((0, 2), dtype=np.int64), frame, (), left_out)


def asked_contigs(genome: Genome, contigs: list[str] | None, names: Path | None) -> np.ndarray:
    """Numbers of the contigs that are asked for, in the genome's order."""
    if contigs is None:
        return np.arange(len(genome.contigs))
    found = ContigNames.of(genome.contigs.index, names).find(contigs, "contigs to predict")
    return np.unique(genome.contig_numbers(np.array(found, dtype=object)))
