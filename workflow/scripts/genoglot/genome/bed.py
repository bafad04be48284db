"""Regions of a genome that a user gives as BED: read, checked and in the genome's own contig names."""

import logging
from pathlib import Path

import pandas as pd

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames

log = logging.getLogger(__name__)

# Lines that hold no interval: comments, and what the UCSC browser reads before the first one.
HEADER = r"#|track(?:\s|$)|browser(?:\s|$)"


def read_bed(
    bed: str | Path, contigs: pd.DataFrame, names: str | Path | None = None, rest: bool = False
) -> pd.DataFrame:
    """Intervals of a plain, gzip or bgzip BED file, as columns contig, start and end, in file order.

    Intervals on contigs that cleaning dropped are left out.

    Args:
        bed: three or more columns, separated by tabs, or by spaces where there is no tab.
        contigs: columns contig and length of the genome.
        names: the genome's `names.tsv`, for files that call contigs by other names; without it they are called as in
            the genome.
        rest: whether to give the columns `line`, its number, and `text`, the line itself, too; the attribute `header`
            of the table is then the last comment before the first interval, or None.

    Raises:
        InputError: a line is no interval, names a contig that the genome does not have, or reaches past its end; or
            the file holds no interval at all. The message names the line.
    """
    rows = _rows(bed)
    if names is None:
        resolved = rows["contig"].where(rows["contig"].isin(contigs["contig"]))
    else:
        resolved = ContigNames.read(names).resolve(rows["contig"])
    if (unknown := resolved.isna()).any():
        _refuse_contigs(bed, rows[unknown], contigs)
    dropped = resolved == ""
    if dropped.any():
        log.info("%s: %d intervals lie on contigs that were dropped from the genome", bed, dropped.sum())
    rows = rows.assign(contig=resolved)[~dropped]
    length = rows["contig"].map(contigs.set_index("contig")["length"])
    past = rows[rows["end"] > length]
    if len(past):
        row = past.iloc[0]
        raise InputError(
            f"{bed}, line {row['line']}: {row['contig']} {row['start']} {row['end']} reaches past the end of the "
            f"contig, which has {length[past.index[0]]} bases; is the file made for another assembly version?"
        )
    columns = ["contig", "start", "end", *(["line", "text"] if rest else [])]
    found = rows[columns].reset_index(drop=True)
    found.attrs["header"] = rows.attrs["header"] if rest else None
    return found


def _rows(bed: str | Path) -> pd.DataFrame:
    """Columns contig, start, end (int64) and line (number) of the lines that hold intervals."""
    with open_plain(bed) as handle:
        text = pd.Series(handle.read().decode("utf-8", "replace").splitlines(), dtype="str")
    text.index += 1
    everything = text
    text = text[(text.str.strip() != "") & ~text.str.match(HEADER)]
    if text.empty:
        raise InputError(f"{bed}: the file holds no intervals; expected lines of contig, start and end, as in BED")
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
    fields = fields.assign(line=fields.index, text=text)
    comments = everything[: text.index[0] - 1]
    comments = comments[comments.str.startswith("#")]
    fields.attrs["header"] = comments.iloc[-1] if len(comments) else None
    return fields


def _refuse_contigs(bed: str | Path, rows: pd.DataFrame, contigs: pd.DataFrame) -> None:
    unknown = rows["contig"].drop_duplicates().tolist()
    known = contigs["contig"].tolist()
    raise InputError(
        f"{bed}, line {rows['line'].iloc[0]}: the genome has no contig {unknown[0]!r} (unknown: {few(unknown)}; the "
        f"genome has {few(known)}); give the file made for this FASTA, or its other names in the column `aliases` of "
        "the sheet of genomes"
    )
