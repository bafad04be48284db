"""GenBank flat files: their sequences as FASTA text, their feature tables as rows of a GFF3.

The format is that of the GenBank release notes (section 3.4) and of the INSDC feature table definition,
https://www.insdc.org/submitting-standards/feature-table/.
"""

import io
import logging
import re
import string
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import pandas as pd
from Bio import BiopythonParserWarning
from Bio.GenBank.Scanner import GenBankScanner

from genoglot.annotation.gff import COLUMNS, SHOWN
from genoglot.compression import open_plain
from genoglot.errors import InputError
from genoglot.genbank.features import Feature, FeatureRows

logger = logging.getLogger(__name__)

BLOCK = 1 << 22
# A section begins with a word in capitals, or with the slashes that end a record, in the first column; whatever goes
# on from the line before is indented, or begins with the number of a base.
SECTION_STARTS = frozenset(letter.encode() for letter in string.ascii_uppercase + "/")
NOT_BASES = string.digits.encode() + string.whitespace.encode()
QUALIFIER_COLUMN = 21
# Words that have no blanks: where a line ends within one, nothing was between the pieces.
TOKENS = frozenset({"db_xref", "locus_tag", "old_locus_tag", "protein_id", "transcript_id"})
VERSIONED = re.compile(r"[\w|-]+\.\d+")
LENGTH = re.compile(r"\s(\d+)\s+(bp|aa)\b")
FULL_RECORD = (
    "download the full record: at NCBI choose 'GenBank (full)' instead of 'GenBank', or ask efetch for "
    "rettype=gbwithparts"
)
Lines = Iterator[tuple[int, bytes]]


@dataclass
class _Record:
    """What the head of a record says. `locus` and `version` as written; `line` is the number of the LOCUS line."""

    line: int
    locus: str
    length: int | None
    circular: bool
    version: str = ""
    bases: int = 0
    features: int = 0

    @property
    def name(self) -> str:
        return self.version or self.locus


def is_genbank(path: str | Path) -> bool:
    """Whether the first line that is not blank begins a GenBank record; plain, gzip and bgzip alike.

    Raises:
        InputError: the file is not there or damaged.
    """
    with open_plain(path) as handle:
        return handle.read(1 << 16).lstrip().startswith(b"LOCUS ")


def fasta_blocks(path: str | Path) -> Iterator[bytes]:
    """The sequences of a GenBank file as FASTA text, in blocks of a few megabytes at most.

    A sequence is called by its record's accession.version, or by the name in the LOCUS line where there is none.
    Bases are in upper case: the lower case of flat files says nothing of masks.

    Raises:
        InputError: a record has no sequence or one of another length than it says, is a protein, or is cut short.
    """
    with open_plain(path) as handle:
        for record, keyword, lines in _sections(handle, path):
            if keyword == "ORIGIN":
                yield f">{record.name}\n".encode()
                for block in _bases(lines):
                    record.bases += len(block)
                    yield block
                yield b"\n"
            elif keyword == "//":
                _check_bases(record, path)


def genbank_rows(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Features of a GenBank file as rows of a GFF3.

    Returns:
        A table with the columns of `gff.read_rows` (start and end 1-based inclusive, past the record's length for
        what passes the origin of a circle; `line` is where the feature begins), and directives. Rows are those of
        `genbank_features.FeatureRows`; features that cannot be understood are left out, counted and logged.

    Raises:
        InputError: no record has features, or one has neither a sequence nor features, or is cut short.
    """
    converter = FeatureRows()
    rows: list[tuple] = []
    species: dict[str, None] = {}
    with open_plain(path) as handle:
        for record, keyword, lines in _sections(handle, path):
            if keyword == "FEATURES":
                features = list(_features(lines))
                record.features += sum(feature.key != "source" for feature in features)
                rows += converter.convert(record.name, record.length, record.circular, features)
                species |= dict.fromkeys(_taxa(features))
            elif keyword == "ORIGIN":
                record.bases += sum(len(line) for _, line in lines)
            elif keyword == "//" and not (record.bases or record.features):
                raise _without_sequence(record, path)
    if not rows:
        raise InputError(f"{path}: the GenBank file holds no features; expected a feature table, or give a GFF3")
    if converter.left_out:
        shown = "; ".join(converter.left_out[:SHOWN])
        logger.warning("%s: %d features are left out, such as %s", path, len(converter.left_out), shown)
    taxonomy = "##species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id="
    return pd.DataFrame(rows, columns=[*COLUMNS, "line"]), [taxonomy + taxon for taxon in species]


def _sections(handle: BinaryIO, source: str | Path) -> Iterator[tuple[_Record, str, Lines]]:
    """Each section of each record: the record so far, the section's keyword, and its lines after that, numbered."""
    record = None
    section = 0

    def number_of_section(numbered: tuple[int, bytes]) -> int:
        nonlocal section
        section += numbered[1][:1] in SECTION_STARTS
        return section

    # a gzip file reads lines slowly unless it is buffered
    numbered = enumerate(io.BufferedReader(handle, 1 << 20), 1)  # type: ignore[type-var]
    for _, group in groupby(numbered, number_of_section):
        lines = iter(group)
        number, first = next(lines)
        text = first.decode("utf-8", "replace")
        words = text.split() or [""]
        if words[0] == "LOCUS":
            if record is not None:
                raise _cut_short(record, source)
            record = _begin(number, text, source)
        elif record is None:
            continue
        elif words[0] == "VERSION" and VERSIONED.fullmatch(words[1] if len(words) > 1 else ""):
            record.version = words[1]
        else:
            yield record, words[0], lines
        if words[0] == "//":
            record = None
    if record is not None:
        raise _cut_short(record, source)


def _begin(number: int, text: str, source: str | Path) -> _Record:
    """A record from its LOCUS line. Its words are separated by blanks in all the layouts there have been."""
    words = text.split()
    found = LENGTH.search(text)
    if len(words) < 2 or words[2:3] == ["bp"]:
        raise InputError(
            f"{source}, line {number}: expected a name, a length and `bp` in the LOCUS line, separated by blanks; "
            f"found {text.strip()!r}. If the name is so long that it runs into the length, shorten it (Prokka does "
            "with --compliant)"
        )
    if found and found.group(2) == "aa":
        raise InputError(f"{source}, line {number}: the record {words[1]} is a protein; expected DNA")
    return _Record(number, words[1], int(found.group(1)) if found else None, "circular" in words[2:])


def _bases(lines: Lines) -> Iterator[bytes]:
    """Bases of an ORIGIN section, upper case, in blocks."""
    pieces: list[bytes] = []
    size = 0
    for _, line in lines:
        pieces.append(line)
        size += len(line)
        if size > BLOCK:
            yield b"".join(pieces).translate(None, NOT_BASES).upper()
            pieces, size = [], 0
    yield b"".join(pieces).translate(None, NOT_BASES).upper()


def _check_bases(record: _Record, source: str | Path) -> None:
    if not record.bases:
        raise _without_sequence(record, source)
    if record.length not in (None, record.bases):
        raise InputError(
            f"{source}, line {record.line}: the LOCUS line of {record.name} promises {record.length} bases, but "
            f"{record.bases} follow: the file is damaged, get it again (or correct the line)"
        )


def _without_sequence(record: _Record, source: str | Path) -> InputError:
    return InputError(
        f"{source}, line {record.line}: the record {record.name} has no sequence (no bases after ORIGIN; a CONTIG or "
        f"WGS line only names others): {FULL_RECORD}"
    )


def _cut_short(record: _Record, source: str | Path) -> InputError:
    return InputError(
        f"{source}, line {record.line}: the record {record.name} does not end with a line `//`: the file is cut "
        "short, get it again"
    )


def _features(lines: Lines) -> Iterator[Feature]:
    """Features of a FEATURES section; one that is not written as it should be has an empty location."""
    scanner = GenBankScanner()
    begun: list[tuple[int, str, list[str]]] = []
    for number, line in lines:
        text = line.decode("utf-8", "replace").rstrip()
        if text and text[:QUALIFIER_COLUMN].strip():
            key, _, rest = text.strip().partition(" ")
            if begun:
                yield _parsed(scanner, *begun.pop())
            begun.append((number, key, [rest.strip()]))
        elif text and begun:
            begun[0][2].append(text.strip())
    if begun:
        yield _parsed(scanner, *begun.pop())


def _parsed(scanner: GenBankScanner, number: int, key: str, lines: list[str]) -> Feature:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BiopythonParserWarning)
            _, location, pairs = scanner.parse_feature(key, lines)
    except (AssertionError, IndexError, ValueError):
        return Feature(key, "", {}, number)
    qualifiers: dict[str, list[str]] = {}
    for name, value in pairs:
        qualifiers.setdefault(name, []).append("true" if value is None else _unquoted(name, value))
    return Feature(key, location, qualifiers, number)


def _unquoted(name: str, value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('""', '"')
    return value.replace("\n", "" if name in TOKENS else " ")


def _taxa(features: list[Feature]) -> Iterator[str]:
    for feature in features:
        if feature.key == "source":
            for value in feature.qualifiers.get("db_xref", []):
                if value.startswith("taxon:"):
                    yield value.removeprefix("taxon:")
