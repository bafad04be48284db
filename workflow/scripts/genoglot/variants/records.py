"""Files of variants as streams of VCF records: VCF and BCF of any compression, and tables of chrom, pos, ref and alt.

The lines of a VCF are kept as they are. Passing them through a parser would write other text, since htslib keeps
numbers in 32 bits: of AF=0.10 it makes 0.1, and of 12345678.9 it makes 1.23457e+07.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from cyvcf2 import VCF

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome

COLUMNS = 8  # of a VCF without samples
AT_ONCE = 8_192  # records held in memory at once
TABLE = ("chrom", "pos", "ref", "alt")
VERSION = "##fileformat=VCFv4.3"
SHOWN = 80  # characters of a line in a message
_CONTIG = re.compile(r"##contig=<(?:.*,)?ID=([^,>]+)")
_INFO_ID = re.compile(r"##INFO=<ID=([^,>]+),")


class Record(NamedTuple):
    """One record: its number in the file (a line, of BCF a record), its text, and what scoring reads of it.

    `position` is 0-based; `info` is the text of the INFO column.
    """

    number: int
    line: bytes
    contig: str
    position: int
    ref: str
    alts: list[str]
    info: str


@dataclass(frozen=True)
class VariantFile:
    """A file of variants. `header` holds the lines of the VCF header, the one of columns last."""

    path: Path
    kind: str  # "VCF", "BCF" or "table"
    header: list[str]

    def records(self) -> Iterator[Record]:
        """The records, in order.

        Raises:
            InputError: a line has too few columns or its position is no number; or the file's data are damaged.
        """
        for number, line in self._lines():
            fields = line.split(b"\t", COLUMNS)
            try:
                contig, position, _, ref, alts, _, _, info = (field.decode() for field in fields[:COLUMNS])
                yield Record(number, line, contig, int(position) - 1, ref, alts.split(","), info)
            except ValueError:  # as is a UnicodeDecodeError
                self._refuse(number, line, f"{COLUMNS} or more columns, separated by tabs, the second a number")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Numbers and lines of the records, as VCF."""
        if self.kind == "BCF":
            yield from _bcf_lines(self.path)
            return
        with open_plain(self.path) as handle:
            columns = _table_columns(handle.readline(), self.path) if self.kind == "table" else []
            for number, line in enumerate(handle, start=2 if columns else 1):
                line = line.rstrip(b"\r\n")
                if line and not line.startswith(b"#"):
                    yield number, self._from_table(number, line, columns) if columns else line

    def _from_table(self, number: int, line: bytes, columns: list[str]) -> bytes:
        """A row of a table as a record; columns beyond the four go into INFO."""
        cells = [cell.strip() for cell in line.decode("utf-8", "replace").split("\t")]
        if len(cells) != len(columns):
            self._refuse(number, line, f"{len(columns)} columns, separated by tabs, as in the first line")
        row = dict(zip(columns, cells, strict=True))
        info = [f"{name}={_escaped(value)}" for name, value in row.items() if name not in (*TABLE, "id") and value]
        fields = [row["chrom"], row["pos"], row.get("id", "."), row["ref"], row["alt"], ".", ".", ";".join(info) or "."]
        return "\t".join(field or "." for field in fields).encode()

    def _refuse(self, number: int, line: bytes, expected: str) -> None:
        found = line[:SHOWN].decode("utf-8", "replace")
        raise InputError(f"{self.path}, {self.unit} {number}: found {found!r}, expected {expected}; is the file whole?")

    @property
    def unit(self) -> str:
        """What the numbers of records count."""
        return "record" if self.kind == "BCF" else "line"

    def declared(self) -> set[str]:
        """Contigs that the header names."""
        return {found[1] for line in self.header if (found := _CONTIG.match(line))}

    def info_fields(self) -> set[str]:
        """INFO fields that the header describes."""
        return {found[1] for line in self.header if (found := _INFO_ID.match(line))}


def open_variants(path: Path) -> VariantFile:
    """Look at the beginning of a file of variants, and read its header.

    A table has a first line that names its columns, in any order and case: chrom, pos (1-based), ref, alt, and, if it
    likes, id; several ALT are separated by commas. Further columns become INFO fields of text.

    Raises:
        InputError: the file is neither VCF nor BCF nor such a table, or it is damaged.
    """
    path = Path(path)
    with open_plain(path) as handle:
        first = handle.read(5)
        if first.startswith(b"BCF"):
            return VariantFile(path, "BCF", _bcf_header(path))
        line = first + handle.readline()
        if not line.startswith(b"##fileformat=VCF"):
            return VariantFile(path, "table", _table_header(_table_columns(line, path)))
        header = [line]
        for line in handle:
            header.append(line)
            if not line.startswith(b"##"):
                break
    if not header[-1].startswith(b"#CHROM\t"):
        found = header[-1][:SHOWN].decode("utf-8", "replace").rstrip()
        raise InputError(
            f"{path}, line {len(header)}: found {found!r}, expected the line of columns that ends a VCF's header, "
            "#CHROM, POS and so on, separated by tabs"
        )
    return VariantFile(path, "VCF", [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in header])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in words what cyvcf2, which raises bare exceptions, finds wrong with a file."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{path}: cannot be read as BCF ({error}); is the file whole?") from error


def _bcf_header(path: Path) -> list[str]:
    with _readable(path):
        return VCF(str(path)).raw_header.rstrip("\n").split("\n")


def _bcf_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with _readable(path):
        for number, record in enumerate(VCF(str(path)), start=1):
            yield number, str(record).rstrip("\n").encode()


def _table_columns(line: bytes, path: Path) -> list[str]:
    """Names of a table's columns; those that are not read get names that INFO fields can have."""
    names = line.decode("utf-8", "replace").lstrip("\ufeff#").rstrip("\r\n").split("\t")
    lower = [name.strip().lower() for name in names]
    if missing := [name for name in TABLE if name not in lower]:
        raise InputError(
            f"{path}: cannot be read as VCF, BCF or a table of variants: its first line is "
            f"{line[:SHOWN].decode('utf-8', 'replace').rstrip()!r}; a table's would name the columns {few(TABLE)}, "
            f"separated by tabs, and this one lacks {few(missing)}"
        )
    known = (*TABLE, "id")
    return [low if low in known else info_name(name) for name, low in zip(names, lower, strict=True)]


def info_name(name: str) -> str:
    """A table's column as the name of an INFO field."""
    return re.sub(r"\W|^(?=\d)", "_", name.strip(), flags=re.ASCII)


def _table_header(columns: list[str]) -> list[str]:
    fields = [
        f'##INFO=<ID={name},Number=1,Type=String,Description="Column of the table of variants">'
        for name in columns
        if name not in (*TABLE, "id")
    ]
    return [VERSION, *fields, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]


def _escaped(text: str) -> str:
    """Text as an INFO value may hold it (VCF 4.3, section 1.2)."""
    return re.sub(r"[%;=,\s:]", lambda found: f"%{ord(found[0]):02X}", text)


def batches(records: Iterator[Record], size: int, block: int) -> Iterator[list[Record]]:
    """Lists of at least `size` records, but for the last; none ends amid a contig's block of `block` bases."""
    batch: list[Record] = []
    for record in records:
        if len(batch) >= size and place(record, block) != place(batch[-1], block):
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch


def place(record: Record, block: int) -> tuple[str, int]:
    """The contig and the number of the block of `block` bases in which a record lies."""
    return record.contig, record.position // block


def contig_numbers(records: Sequence[Record], genome: Genome, names: ContigNames) -> np.ndarray:
    """Number of the genome's contig of each record, -1 where it has none of that name."""
    return genome.contig_numbers(names.resolve(pd.Series([record.contig for record in records], dtype=object)))


def chunked(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    """Lists of `size` records, the last of what is left."""
    while chunk := list(islice(records, size)):
        yield chunk
