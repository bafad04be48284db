"""GFF3 and GTF as they come: rows with their line numbers, and what is wrong with them in words."""

import csv
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.compression import open_plain
from genoglot.errors import InputError

COLUMNS = ["contig", "source", "type", "start", "end", "score", "strand", "phase", "attributes"]
SHOWN = 5
KEPT_DIRECTIVES = ("##species", "#!genome-", "#!genebuild-", "#!annotation-", "#!processor")
# The keys of a GTF stand before quoted values (`gene_id "YDL246C";`), those of a GFF3 before an equals sign.
GTF_PATTERN = r'^\s*[^\s=;"]+\s+(?:"|\S+\s*(?:;|$))'
# Characters with a meaning in column 9 of a GFF3; a percent sign is one only before two hexadecimal digits.
RESERVED = str.maketrans({";": "%3B", "=": "%3D", "&": "%26", ",": "%2C", "\t": "%09"})


def read_rows(source: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Feature rows of a plain, gzip or bgzip GFF3 or GTF, and its directives.

    Returns:
        A table with the nine columns (`COLUMNS`; start and end are int64, 1-based inclusive as in the file, the rest
        text) and `line`, the number of the line; and the lines that start with `##` or `#!`. A `##FASTA` section and
        other comments are left out.

    Raises:
        InputError: the file is empty or no GFF, a row has not nine columns, or its coordinates are not numbers with
            1 <= start <= end.
    """
    try:
        with open_plain(source) as handle:
            table = pd.read_csv(
                handle,
                sep="\t",
                header=None,
                names=[*COLUMNS, "extra"],
                index_col=False,
                dtype=str,
                quoting=csv.QUOTE_NONE,
                skip_blank_lines=False,
                na_filter=False,
                encoding_errors="replace",
            )
    except pd.errors.ParserError as error:
        raise InputError(f"{source}: expected lines of nine tab-separated columns ({str(error).strip()})") from None
    table["line"] = np.arange(1, len(table) + 1)
    first = table["contig"]
    ends = np.flatnonzero((first == "##FASTA") | first.str.startswith(">"))
    if len(ends):
        table = table.iloc[: ends[0]]
    comment = table["contig"].str.startswith("#")
    directives = [text for text in table.loc[comment, "contig"] if text.startswith(("##", "#!"))]
    blank = (table["contig"].str.strip() == "") & (table["source"] == "")
    rows = table[~comment & ~blank].reset_index(drop=True)
    if rows.empty:
        raise InputError(f"{source}: the file is empty or holds no features; expected GFF3 or GTF rows")
    _check_columns(rows, source)
    return _with_coordinates(rows, source), directives


def _check_columns(rows: pd.DataFrame, source: str | Path) -> None:
    wrong = (rows["extra"] != "") | (rows[["contig", "source", "type", "strand", "phase", "attributes"]] == "").any(
        axis=1
    )
    if not wrong.any():
        return
    line = int(rows.loc[wrong, "line"].iloc[0])
    with open_plain(source) as handle:
        text = next(islice(handle, line - 1, None)).decode("utf-8", "replace").rstrip("\r\n")
    if text.lower().startswith(("<!doctype html", "<html")):
        raise InputError(f"{source}, line {line}: this is an HTML page, not GFF3 or GTF; check where it came from")
    found = text.count("\t") + 1
    hint = "; are the columns separated by spaces?" if found == 1 and len(text.split()) >= 8 else ""
    what = f"found {found} tab-separated columns" if found != len(COLUMNS) else "a column is empty"
    raise InputError(
        f"{source}, line {line}: {what}, expected nine filled ones (`.` where there is nothing to say), as in GFF3 or "
        f"GTF{hint}: {text[:80]!r}"
    )


def _with_coordinates(rows: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    for column in ("start", "end"):
        wrong = rows[~rows[column].str.fullmatch(r"\d{1,18}")]
        if len(wrong):
            refuse(wrong, source, f"the {column} is no positive whole number", "start and end count bases from 1")
    rows = rows.drop(columns="extra").astype({"start": "int64", "end": "int64"})
    wrong = rows[(rows["start"] > rows["end"]) | (rows["start"] < 1)]
    if len(wrong):
        refuse(wrong, source, "the start is past the end, or below 1", "start and end count bases from 1, start <= end")
    return rows


def refuse(wrong: pd.DataFrame, source: str | Path, found: str, expected: str) -> None:
    """Raise `InputError` about rows, showing the first few with their line numbers."""
    shown = "; ".join(
        f"line {row.line}: {row.contig} {row.type} {row.start} {row.end}" for row in wrong.head(SHOWN).itertuples()
    )
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    raise InputError(f"{source}: {found} ({shown}{more}); expected: {expected}")


def is_gtf(rows: pd.DataFrame) -> bool:
    """Whether most of the first rows write their attributes as GTF does."""
    attributes = rows["attributes"].head(1000)
    gtf = attributes.str.contains(GTF_PATTERN, regex=True) & ~attributes.str.contains(r"^\s*\w+=", regex=True)
    return bool(gtf.mean() > 0.5)


def attribute_values(attributes: pd.Series, keys: Iterable[str]) -> pd.DataFrame:
    """Values of some GFF3 attributes, as written: one column a key, empty where a row does not have it."""
    columns = {key: [""] * len(attributes) for key in keys}
    pattern = re.compile(rf"(?:^|;) *({'|'.join(map(re.escape, columns))}) *=([^;]*)")
    for row, text in enumerate(attributes.tolist()):
        for key, value in pattern.findall(text):
            columns[key][row] = value.strip(" ")
    return pd.DataFrame(columns, index=attributes.index, dtype=attributes.dtype)


@lru_cache(maxsize=1 << 16)
def escape(value: str) -> str:
    """A value as column 9 of a GFF3 has it."""
    return re.sub(r"%(?=[0-9A-Fa-f]{2})", "%25", value).translate(RESERVED)


def first_filled(values: pd.DataFrame) -> pd.Series:
    """The first value in each row that is not empty."""
    first = values.iloc[:, 0]
    for key in values.columns[1:]:
        first = first.mask(first == "", values[key])
    return first


def parent_rows(ids: pd.Series, parents: pd.Series) -> pd.Series:
    """Position (row number) of each row's first parent; -1 where it has none or the parent is not in the table."""
    known = (ids != "") & ~ids.duplicated()
    position = pd.Series(np.flatnonzero(known), index=ids[known].to_numpy())
    return parents.str.replace(",.*", "", regex=True).map(position).fillna(-1).astype("int64")
