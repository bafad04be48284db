"""Values along a genome in the lines of a bedGraph, or of a BED with a value in a column, and peaks of a BED."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.examples.bigwig import Stretch
from genoglot.examples.bins import Bins, parts_in_bins
from genoglot.examples.intervals import Bed, on_genome
from genoglot.examples.labels import SHOWN, UNKNOWN
from genoglot.genome.bed import bed_blocks, bed_rows, check_ends, refuse_contigs
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome


class BedGraph:
    """The values of a text on a genome, plain or compressed: lines of contig, start, end and more columns.

    Lines that follow each other on one contig are sorted and do not overlap, as those of a bedGraph are.

    Attributes:
        numbers: of the contigs of the genome, on any of which there may be a value.
        elsewhere: names of contigs that the genome does not have; complete once all was read.

    Args:
        path: of the file.
        known: names of the genome's contigs.
        column: that has the value, from 1.
    """

    def __init__(self, path: str | Path, genome: Genome, known: ContigNames, column: int):
        self._path, self._known, self._column = path, known, column
        self._contigs = genome.contigs.reset_index()
        self.numbers = list(range(len(self._contigs)))
        self.elsewhere: list[str] = []

    def stretches(self) -> Iterator[Stretch]:
        """All values, contig by contig.

        Raises:
            InputError: the lines are no intervals, not sorted, without a number, or all on other contigs.
        """
        seen: set[int] = set()
        number, end = -1, 0
        first_stranger: pd.DataFrame | None = None
        for rows in bed_blocks(self._path):
            rows["contig"], own = self._known.resolve(rows["contig"]), rows["contig"]
            strange = rows["contig"].isna()
            if strange.any():
                self.elsewhere += [name for name in own[strange].unique() if name not in self.elsewhere]
                first_stranger = rows.assign(contig=own)[strange] if first_stranger is None else first_stranger
            rows["number"] = pd.Index(self._contigs["contig"], dtype=object).get_indexer(rows["contig"])
            rows = rows[rows["number"] >= 0]
            check_ends(self._path, rows, self._contigs)
            borders = np.flatnonzero(np.diff(rows["number"], prepend=-1))
            for part in np.split(np.arange(len(rows)), borders[1:]) if len(rows) else []:
                here = rows.iloc[part]
                same = int(here["number"].iloc[0]) == number
                number = int(here["number"].iloc[0])
                self._check_order(here, end if same else 0, number in seen and not same)
                seen.add(number)
                end = int(here["end"].iloc[-1])
                starts, ends, lines = (here[key].to_numpy(dtype=np.int64) for key in ("start", "end", "line"))
                yield Stretch(number, starts, ends, self._values(here), lines)
        if first_stranger is not None and not seen:
            refuse_contigs(self._path, first_stranger, self._contigs)
        if not seen:
            raise InputError(f"{self._path}: no interval lies on a contig that cleaning left in the genome")

    def _check_order(self, rows: pd.DataFrame, end: int, again: bool) -> None:
        """Refuse lines of one contig that begin before the line above them ends, or that come after other contigs."""
        before = np.concatenate([[end], rows["end"].to_numpy()[:-1]])
        wrong = rows["start"].to_numpy() < before
        wrong[0] |= again
        if wrong.any():
            row = rows.iloc[int(wrong.argmax())]
            raise InputError(
                f"{self._path}, line {row['line']}: {row['contig']} {row['start']} {row['end']} overlaps an interval "
                "above it, or comes after those that it lies before; expected intervals that do not overlap, sorted by "
                "contig and start (sort -k1,1 -k2,2n)"
            )

    def _values(self, rows: pd.DataFrame) -> np.ndarray:
        """The column of values, float64; NaN where a cell says that there is none."""
        text = rows["text"].str.rstrip("\r")
        tabs = text.str.contains("\t", regex=False)
        text = text.where(tabs, text.str.strip().str.replace(r"\s+", "\t", regex=True))
        cells = text.str.split("\t", n=self._column).str.get(self._column - 1).astype("str").str.strip()
        known = ~cells.isin(UNKNOWN)
        values = pd.to_numeric(cells.where(known), errors="coerce").astype(np.float64)
        wrong = (cells.isna() | (known & values.isna())).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            cell = cells.iloc[row]
            found = f"{cell[:SHOWN]!r}" if isinstance(cell, str) else "nothing"
            raise InputError(
                f"{self._path}, line {rows['line'].iloc[row]}: found {found} in column {self._column}, expected a "
                "number; `column` says which column has the values"
            )
        return values.to_numpy()


def read_peaks(path: str | Path, genome: Genome, known: ContigNames, bins: Bins) -> tuple[np.ndarray, dict[str, int]]:
    """Where peaks are, float32 (bins of the genome,): 1 or 0; and how many lie on no contig of it and why.

    A bin is 1 where peaks cover half of it or more, or where the middle of one lies, so that none is lost.

    Args:
        path: BED, plain or compressed; peaks may overlap, in any order.
        known: names of the genome's contigs.

    Raises:
        InputError: the file is no BED of this genome.
    """
    rows = bed_rows(path)
    rows = rows.drop(columns="text").reset_index(drop=True)
    bed, elsewhere = on_genome(Bed(path, rows, pd.DataFrame(index=rows.index), ()), genome, known)
    found = np.zeros(bins.total, dtype=np.float32)
    numbers = genome.contig_numbers(bed.rows["contig"])
    for number in np.unique(numbers):
        here = bed.rows[numbers == number].sort_values("start")
        starts, ends = here["start"].to_numpy(), here["end"].to_numpy()
        # what a peak adds to those that begin before it
        reached = np.concatenate([[0], np.maximum.accumulate(ends)[:-1]])
        fresh = np.maximum(starts, reached)
        new = fresh < ends
        bin_of, bases, _ = parts_in_bins(fresh[new], ends[new], bins.size)
        part = found[bins.of_contig(int(number))]
        covered = np.bincount(bin_of, bases, len(part))
        part[2 * covered >= bins.bases(int(number))] = 1
        part[(starts + ends) // 2 // bins.size] = 1
    return found, elsewhere
