"""FASTA as it comes, block by block: names and bases in one spelling, and what is wrong in words."""

from dataclasses import dataclass, field
from typing import Protocol

from genoglot.errors import InputError

MAX_HEADER = 1 << 16
IUPAC = b"RYSWKMBDHV"
SPACE = b" \t\r\n\v\f"
INVALID = 0


def _normal_letters() -> bytes:
    """Translation table: A, C, G, T, N kept; U to T; other IUPAC codes to N; case kept; all else to `INVALID`."""
    table = bytearray([INVALID]) * 256
    for letter in b"ACGTN":
        table[letter] = letter
    table[ord("U")] = ord("T")
    for letter in IUPAC:
        table[letter] = ord("N")
    for letter in range(ord("A"), ord("Z") + 1):
        lower = letter + 32
        table[lower] = table[letter] + 32 if table[letter] != INVALID else INVALID
    for letter in SPACE:
        table[letter] = letter
    return bytes(table)


NORMAL = _normal_letters()
NORMAL_UPPER = NORMAL.upper()


class ContigSink(Protocol):
    """What takes the contigs of a FASTA, one after another."""

    def start(self, name: str) -> None:
        """A contig begins."""

    def add(self, raw: bytes, bases: bytes) -> None:
        """More of it: the bytes as they were (with line ends and blanks), and their bases."""

    def end(self) -> None:
        """All of it was given; a contig has at least one base."""


@dataclass
class FastaParser:
    """The state between two blocks of a FASTA file.

    Attributes:
        source: the file, for messages.
        sink: takes what is read.
        table: translation of bytes, `NORMAL` or `NORMAL_UPPER`.
        crlf: whether a line ended in carriage return and line feed.
        spaces: blanks and tabs inside sequence lines.
    """

    source: str
    sink: ContigSink
    table: bytes = NORMAL
    crlf: bool = False
    spaces: int = 0
    _header_lines: dict[str, int] = field(default_factory=dict)
    _name: str = ""
    _length: int = 0
    _line: int = 1
    _at_line_start: bool = True
    _header: bytes | None = None

    def feed(self, block: bytes) -> None:
        """Read one block.

        Raises:
            InputError: it is no FASTA, or not one of DNA; the message names the line.
        """
        position = 0
        while position < len(block):
            if self._header is not None or (self._at_line_start and block[position : position + 1] == b">"):
                position = self._read_header(block, position)
            elif not self._header_lines:
                position = self._skip_blank(block, position)
            else:
                position = self._read_sequence(block, position)

    def close(self) -> None:
        """Say that there are no more blocks.

        Raises:
            InputError: there was no sequence, or the last one is empty.
        """
        if self._header is not None:
            self._start_contig(self._header)
        if not self._header_lines:
            raise InputError(f"{self.source}: the file is empty; expected a FASTA file")
        self._end_contig()

    def _read_header(self, block: bytes, position: int) -> int:
        end = block.find(b"\n", position)
        piece = block[position : end if end >= 0 else len(block)]
        self._header = (self._header or b"") + piece
        if len(self._header) > MAX_HEADER:
            raise InputError(
                f"{self.source}, line {self._line}: the header is longer than {MAX_HEADER} bytes; "
                "is this a FASTA file with line ends?"
            )
        if end < 0:
            return len(block)
        self._start_contig(self._header)
        self._header = None
        self._line += 1
        self._at_line_start = True
        return end + 1

    def _start_contig(self, header: bytes) -> None:
        if self._header_lines:
            self._end_contig()
        text = header[1:]
        if text.endswith(b"\r"):
            self.crlf = True
            text = text[:-1]
        words = text.decode("utf-8", "replace").split()
        if not words or text[:1].isspace():
            raise InputError(
                f"{self.source}, line {self._line}: the header {header.decode('utf-8', 'replace').strip()!r} has no "
                "name; expected the sequence's name directly after '>'"
            )
        if b"\r" in text:
            raise InputError(f"{self.source}: lines end with carriage returns alone; convert them, e.g. with mac2unix")
        name = words[0]
        if name in self._header_lines:
            raise InputError(
                f"{self.source}: two sequences are called {name!r}, in lines {self._header_lines[name]} and "
                f"{self._line}; names must be unique"
            )
        self._header_lines[name] = self._line
        self._name, self._length = name, 0
        self.sink.start(name)

    def _end_contig(self) -> None:
        if self._length == 0:
            raise InputError(
                f"{self.source}, line {self._header_lines[self._name]}: the sequence {self._name!r} is empty; "
                "remove its header or give its bases"
            )
        self.sink.end()

    def _skip_blank(self, block: bytes, position: int) -> int:
        """Pass blank lines before the first header; anything else there is an error."""
        rest = block[position:].lstrip(SPACE)
        end = len(block) - len(rest)
        self._line += block.count(b"\n", position, end)
        if rest and (rest[:1] != b">" or block[end - 1 : end] != b"\n"):
            raise InputError(f"{self.source}, line {self._line}: {_not_fasta(rest)}")
        self._at_line_start = True
        return end

    def _read_sequence(self, block: bytes, position: int) -> int:
        """Take bases up to the next header or the end of the block."""
        found = block.find(b"\n>", position)
        raw = block[position : found + 1] if found >= 0 else block[position:]
        bases = raw.translate(self.table, SPACE)
        if INVALID in bases:
            self._refuse(raw, raw.translate(self.table).index(INVALID))
        self._length += len(bases)
        self.crlf = self.crlf or b"\r" in raw
        self.spaces += raw.count(b" ") + raw.count(b"\t")
        self._line += raw.count(b"\n")
        self._at_line_start = raw.endswith(b"\n")
        self.sink.add(raw, bases)
        return position + len(raw)

    def _refuse(self, raw: bytes, index: int) -> None:
        letter = raw[index : index + 1].decode("latin-1")
        line = self._line + raw.count(b"\n", 0, index)
        if letter.upper() in "EFILPQZ":
            hint = "that is an amino acid; a genome FASTA (DNA) is needed, not a protein FASTA"
        elif letter in "-.*":
            hint = "that is a gap or a stop; give the genome itself, not an alignment, and N for unknown bases"
        else:
            hint = "replace it by N if the base is unknown"
        raise InputError(
            f"{self.source}, line {line}, sequence {self._name!r}: found {letter!r}, "
            f"expected A, C, G, T, N or an IUPAC code; {hint}"
        )


def _not_fasta(start: bytes) -> str:
    """What a file is that does not start with a FASTA header."""
    head = start[:200].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "this is an HTML page, not a FASTA file; check the address it was downloaded from"
    if head.startswith(b"id   "):
        return "this looks like an EMBL file; convert it to FASTA or GenBank"
    shown = start[:40].splitlines()[0].decode("utf-8", "replace")
    return f"found {shown!r}, expected a FASTA header starting with '>'"
