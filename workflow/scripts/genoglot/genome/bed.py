"""Regions of a genome that a user gives as BED: read, checked and in the genome's own contig names."""

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from genoglot.compression import BLOCK, blocks, open_plain
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames

log = logging.getLogger(__name__)

# Lines that hold no interval: comments, names of columns, and what the UCSC browser reads before the first one.
NAMES = r"[^\t]+\t(?i:(?:chrom_?)?start\t(?:chrom_?)?end)(?:\t|\s*$)"
HEADER = rf"#|track(?:\s|$)|browser(?:\s|$)|{NAMES}"

NO_INTERVALS = "{bed}: the file holds no intervals; expected lines of contig, start and end, as in BED"


def read_bed(bed: str | Path, contigs: pd.DataFrame, names: str | Path | None = None) -> pd.DataFrame:
    """Intervals of a plain, gzip or bgzip BED file, as columns contig, start and end, in file order.

    Intervals on contigs that cleaning dropped are left out.

    Args:
        bed: three or more columns, separated by tabs, or by spaces where there is no tab.
        contigs: columns contig and length of the genome.
        names: the genome's `names.tsv`, for files that call contigs by other names; without it they are called as in
            the genome.

    Raises:
        InputError: a line is no interval, names a contig that the genome does not have, or reaches past its end; or
            the file holds no interval at all. The message names the line.
    """
    rows = bed_rows(bed)
    resolved = ContigNames.of(contigs["contig"], names).resolve(rows["contig"])
    if (unknown := resolved.isna()).any():
        refuse_contigs(bed, rows[unknown], contigs)
    dropped = resolved == ""
    if dropped.any():
        log.info("%s: %d intervals lie on contigs that were dropped from the genome", bed, dropped.sum())
    rows = rows.assign(contig=resolved)[~dropped]
    check_ends(bed, rows, contigs)
    return rows[["contig", "start", "end"]].reset_index(drop=True)


def check_ends(bed: str | Path, rows: pd.DataFrame, contigs: pd.DataFrame) -> None:
    """Raise `InputError` where an interval, columns contig, start, end and line, reaches past the end of its contig."""
    length = rows["contig"].map(contigs.set_index("contig")["length"])
    past = rows[rows["end"] > length]
    if len(past):
        row = past.iloc[0]
        raise InputError(
            f"{bed}, line {row['line']}: {row['contig']} {row['start']} {row['end']} reaches past the end of the "
            f"contig, which has {length[past.index[0]]} bases; is the file made for another assembly version?"
        )


def bed_rows(bed: str | Path) -> pd.DataFrame:
    """Columns contig, start, end (int64), line (number) and text of the lines that hold intervals.

    The attribute `header` of the table is the last comment, or line of names, before the first of them, or None.

    Raises InputError if a line is no interval, or there is none.
    """
    with open_plain(bed) as handle:
        everything = _lines(handle.read(), 1)
    fields = _intervals(bed, everything)
    if fields.empty:
        raise InputError(NO_INTERVALS.format(bed=bed))
    before = everything[: fields.index[0] - 1]
    before = before[before.str.match(rf"#|{NAMES}")]
    fields.attrs["header"] = before.iloc[-1] if len(before) else None
    return fields


def bed_blocks(bed: str | Path, size: int = BLOCK) -> Iterator[pd.DataFrame]:
    """The same rows for files that are too long for the memory, some `size` bytes of lines at a time."""
    line, rest, found = 1, b"", False
    with open_plain(bed) as handle:
        for block in chain(blocks(handle, size), [None]):
            whole, rest = (rest, b"") if block is None else _whole_lines(rest + block)
            text = _lines(whole, line)
            line += len(text)
            rows = _intervals(bed, text)
            if len(rows):
                found = True
                yield rows
    if not found:
        raise InputError(NO_INTERVALS.format(bed=bed))


def _whole_lines(raw: bytes) -> tuple[bytes, bytes]:
    """What ends with a line, and the part of a line after it."""
    end = raw.rfind(b"\n") + 1
    return raw[:end], raw[end:]


def _lines(raw: bytes, first: int) -> pd.Series:
    text = pd.Series(raw.decode("utf-8", "replace").splitlines(), dtype="str")
    text.index += first
    return text


def _intervals(bed: str | Path, text: pd.Series) -> pd.DataFrame:
    """Columns contig, start, end, line and text of lines, by their number, that hold intervals."""
    text = text[(text.str.strip() != "") & ~text.str.match(HEADER)]
    fields = text.str.extract(r"^(?P<contig>[^\t]+)\t(?P<start>\d{1,18})\t(?P<end>\d{1,18})(?:\t|\s*$)")
    spaced = text[~text.str.contains("\t", regex=False)]
    if len(spaced):
        fields.loc[spaced.index] = spaced.str.extract(r"^\s*(\S+) +(\d{1,18}) +(\d{1,18})(?:\s|$)").to_numpy()
    wrong = fields["contig"].isna()
    if not wrong.any():
        fields = fields.astype({"start": "int64", "end": "int64"})
        wrong = fields["start"] >= fields["end"]
    if wrong.any():
        line = int(wrong.idxmax())
        raise InputError(
            f"{bed}, line {line}: found {text[line][:80]!r}, expected contig, start and end separated by tabs, as in "
            "BED: whole numbers from 0, start < end"
        )
    return fields.assign(line=fields.index, text=text)


def refuse_contigs(bed: str | Path, rows: pd.DataFrame, contigs: pd.DataFrame) -> None:
    """Raise `InputError` for intervals, columns contig and line, on contigs that the genome does not have."""
    unknown = rows["contig"].drop_duplicates().tolist()
    known = contigs["contig"].tolist()
    raise InputError(
        f"{bed}, line {rows['line'].iloc[0]}: the genome has no contig {unknown[0]!r} (unknown: {few(unknown)}; the "
        f"genome has {few(known)}); give the file made for this FASTA, or its other names in the column `aliases` of "
        "the sheet of genomes"
    )
