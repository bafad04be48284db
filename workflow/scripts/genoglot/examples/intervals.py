"""Labelled intervals of a genome, from a BED."""

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.errors import InputError, few
from genoglot.examples.finishing import finished
from genoglot.examples.labels import read_labels, unknown_cells
from genoglot.examples.sequences import genome_sequences
from genoglot.examples.splitting import by_column, groups_of
from genoglot.examples.store import Examples
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.bed import bed_rows, check_ends, refuse_contigs
from genoglot.genome.names import ContigNames
from genoglot.genome.store import N_CODE, Genome, reverse_complement

log = logging.getLogger(__name__)

STRAND = 6  # the column of a BED that has it, from 1
STRANDS = ("+", "-", ".", "")


def read_intervals(on: TaskGenome, settings: Mapping[str, Any]) -> Examples:
    """Windows of a model's length, each around the middle of an interval, with its label; in the order of the BED.

    A window of an interval on the strand `-` is read as its reverse complement. It may reach past the ends of its
    contig, where there is N. Intervals without a label, on contigs that the genome does not have, whose window has no
    known base, or whose window lies across a border of the splits, are left out and counted.

    Args:
        settings: `bed`, `column`, `kind` and `split`, as the configuration has them.

    Raises:
        InputError: the file is no BED of this genome, a label does not fit, or there is nothing to learn.
    """
    bed = Bed.read(settings["bed"])
    chosen = settings["column"] if isinstance(settings["column"], list) else [settings["column"]]
    bed, elsewhere = on_genome(bed, on.sequence, on.known)
    labels = pd.DataFrame({bed.called(column): bed.column(column) for column in chosen})
    target, truth, labelled = read_labels(labels, settings["kind"], bed.where)
    if not labelled.any():
        raise InputError(f"{bed.path}: no interval has a label in {few(labels.columns)}")
    if not labelled.all():
        log.warning("%d intervals have no label and are left out: %s", (~labelled).sum(), few(bed.where[~labelled]))
    bed, truth = bed.take(labelled), truth[labelled]
    frame = windows_around(bed, on.sequence, on.window)
    codes = genome_sequences(on.sequence, frame)
    minus = (frame["strand"] == "-").to_numpy()
    codes[minus] = reverse_complement(codes[minus])
    empty = (codes == N_CODE).all(axis=1)
    split, across, origin = _split(bed, frame, on, settings["split"])
    frame.insert(0, "split", split)
    left_out = {
        "no label": int((~labelled).sum()),
        **elsewhere,
        "no known base": int(empty.sum()),
        "across a border of the splits": int((across & ~empty).sum()),
    }
    kept = np.flatnonzero(~across & ~empty)
    about = {
        "source": [str(bed.path)],
        "left_out": {**left_out, "cells without a value": unknown_cells(target, truth[kept])},
        "minus_strand": int(minus[kept].sum()),
        "origin": origin,
    }
    examples = Examples(target, frame, codes, truth, about).take(kept)
    return finished(examples, settings["split"]["drop"], str(bed.path))


@dataclass(frozen=True)
class Bed:
    """The lines of a BED that hold intervals.

    Attributes:
        path: of the file.
        rows: columns contig, start, end and line, as of `genoglot.genome.bed.bed_rows`.
        fields: all columns as text, numbered from 1.
        header: their names, where the line before the first interval has them.
    """

    path: str | Path
    rows: pd.DataFrame
    fields: pd.DataFrame
    header: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Bed":
        rows = bed_rows(path)
        text = rows["text"].str.rstrip("\r")
        tabs = text.str.count("\t")
        if not tabs.all():
            spaced = text[tabs == 0].str.strip().str.replace(r"\s+", "\t", regex=True)
            text = text.where(tabs > 0, spaced)
            tabs = text.str.count("\t")
        columns = range(1, int(tabs.max()) + 2)
        fields = pd.read_csv(
            StringIO("\n".join(text)), sep="\t", header=None, names=columns, index_col=False, dtype=str,
            keep_default_na=False, quoting=csv.QUOTE_NONE, skip_blank_lines=False,
        ).fillna("")  # fmt: skip
        fields = fields.apply(lambda column: column.str.strip())
        names = (rows.attrs["header"] or "").lstrip("#").split("\t")
        header = tuple(name.strip() for name in names) if len(names) == len(columns) else ()
        return cls(path, rows.drop(columns="text").reset_index(drop=True), fields, header)

    @property
    def where(self) -> pd.Series:
        """The file and line of each interval."""
        return f"{self.path}, line " + self.rows["line"].astype(str)

    def take(self, kept: np.ndarray) -> "Bed":
        """Some of the intervals, by a mask."""
        rows, fields = (table[kept].reset_index(drop=True) for table in (self.rows, self.fields))
        return Bed(self.path, rows, fields, self.header)

    def column(self, column: int | str) -> pd.Series:
        """A column by its number from 1, or by its name in the header."""
        number = int(column) if str(column).isdigit() else 0
        if column in self.header:
            number = self.header.index(column) + 1
        if number not in self.fields:
            has = f"a header with {few(self.header)}" if self.header else "no header"
            raise InputError(
                f"{self.path}: there is no column {column!r}; the file has {self.fields.shape[1]} columns and {has}"
            )
        return self.fields[number]

    def called(self, column: int | str) -> str:
        """What a column is called."""
        if isinstance(column, str):
            return column
        return self.header[column - 1] if 0 < column <= len(self.header) else f"column {column}"

    def strands(self) -> pd.Series:
        """`+`, `-`, or `.` where the file does not say: of the column that the header calls strand, or else column 6.

        Column 6 of a table that is no BED of six columns may hold anything else, and then says nothing.
        """
        names = [name.lower() for name in self.header]
        named = "strand" in names
        number = names.index("strand") + 1 if named else STRAND
        nothing = pd.Series(".", index=self.fields.index)
        if number not in self.fields:
            return nothing
        strand = self.fields[number]
        said, wrong = strand.isin(["+", "-"]), ~strand.isin(STRANDS)
        if wrong.any() and not named and not said.any():
            return nothing
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(f"{self.where.iloc[row]}: found {strand.iloc[row]!r} as the strand, expected +, - or .")
        return strand.where(said, ".")


def on_genome(bed: Bed, genome: Genome, known: ContigNames) -> tuple[Bed, dict[str, int]]:
    """The intervals on contigs of the genome, by its own names for them, and how many others there are and why."""
    contigs = genome.contigs.reset_index()
    resolved = known.resolve(bed.rows["contig"])
    unknown, dropped = resolved.isna().to_numpy(), (resolved == "").to_numpy()
    if unknown.all():
        refuse_contigs(bed.path, bed.rows, contigs)
    if unknown.any():
        log.warning(
            "%s: %d intervals lie on contigs that the genome does not have, and are left out: %s",
            bed.path, unknown.sum(), few(bed.rows["contig"][unknown].unique()),
        )  # fmt: skip
    if (unknown | dropped).all():
        raise InputError(f"{bed.path}: no interval lies on a contig that cleaning left in the genome")
    found = Bed(bed.path, bed.rows.assign(contig=resolved), bed.fields, bed.header).take(~(unknown | dropped))
    check_ends(bed.path, found.rows, contigs)
    counts = {"contig not in the genome": int(unknown.sum()), "contig dropped from the genome": int(dropped.sum())}
    return found, counts


def windows_around(bed: Bed, genome: Genome, window: int) -> pd.DataFrame:
    """Columns group, line, contig, number, start, end and strand of the window of each interval."""
    frame = pd.DataFrame(
        {
            "line": bed.rows["line"],
            "contig": bed.rows["contig"].astype(str),
            "number": genome.contig_numbers(bed.rows["contig"]),
            "start": (bed.rows["start"] + bed.rows["end"]) // 2 - window // 2,
        }
    )
    frame["end"] = frame["start"] + window
    frame["strand"] = bed.strands()
    frame.insert(0, "group", groups_of(frame))
    return frame


def _split(
    bed: Bed, frame: pd.DataFrame, on: TaskGenome, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, str]:
    """The split of each window, which lie across a border and belong to none, and where the splits are from."""
    if settings["by"] == "column":
        column = settings["column"]
        return by_column(bed.column(column), bed.where), np.zeros(len(frame), dtype=bool), f"the column {column}"
    return on.splits(frame, settings)
