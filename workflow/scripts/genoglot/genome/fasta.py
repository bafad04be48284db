"""Reference sequences: any FASTA in, one bgzip FASTA and one tokenized genome out.

Everything works on blocks of bytes, so memory does not grow with the genome.
"""

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from genoglot.compression import blocks, open_plain
from genoglot.errors import InputError
from genoglot.files import atomic_path, digest, write_json
from genoglot.genome.store import ENCODE

logger = logging.getLogger(__name__)

LINE_WIDTH = 80
MAX_HEADER = 1 << 16
FETCH = 1 << 23
# The default level makes DNA a tenth smaller, in eight times the time.
BGZIP_MODE = "wb1"

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


@dataclass
class Contig:
    """What is counted of one sequence: bases in all, and those that are N, ambiguous, U, soft-masked, G or C.

    `n` counts every N of the output, among them the `iupac` that stood for an ambiguity code in the source.
    """

    name: str
    length: int = 0
    n: int = 0
    iupac: int = 0
    uracil: int = 0
    soft_masked: int = 0
    gc: int = 0


@dataclass
class _Parser:
    """The state between two blocks of a FASTA file."""

    source: str
    writer: pysam.BGZFile
    table: bytes = NORMAL
    contigs: list[Contig] = field(default_factory=list)
    header_lines: dict[str, int] = field(default_factory=dict)
    line: int = 1
    at_line_start: bool = True
    header: bytes | None = None
    pending: bytes = b""
    crlf: bool = False
    spaces: int = 0

    def feed(self, block: bytes) -> None:
        position = 0
        while position < len(block):
            if self.header is not None or (self.at_line_start and block[position : position + 1] == b">"):
                position = self._read_header(block, position)
            elif not self.contigs:
                position = self._skip_blank(block, position)
            else:
                position = self._read_sequence(block, position)

    def close(self) -> None:
        if self.header is not None:
            self._start_contig(self.header)
        if not self.contigs:
            raise InputError(f"{self.source}: the file is empty; expected a FASTA file")
        self._end_contig()

    def _read_header(self, block: bytes, position: int) -> int:
        end = block.find(b"\n", position)
        piece = block[position : end if end >= 0 else len(block)]
        self.header = (self.header or b"") + piece
        if len(self.header) > MAX_HEADER:
            raise InputError(
                f"{self.source}, line {self.line}: the header is longer than {MAX_HEADER} bytes; "
                "is this a FASTA file with line ends?"
            )
        if end < 0:
            return len(block)
        self._start_contig(self.header)
        self.header = None
        self.line += 1
        self.at_line_start = True
        return end + 1

    def _start_contig(self, header: bytes) -> None:
        if self.contigs:
            self._end_contig()
        text = header[1:]
        if text.endswith(b"\r"):
            self.crlf = True
            text = text[:-1]
        words = text.decode("utf-8", "replace").split()
        if not words or text[:1].isspace():
            raise InputError(
                f"{self.source}, line {self.line}: the header {header.decode('utf-8', 'replace').strip()!r} has no "
                "name; expected the sequence's name directly after '>'"
            )
        if b"\r" in text:
            raise InputError(f"{self.source}: lines end with carriage returns alone; convert them, e.g. with mac2unix")
        name = words[0]
        if name in self.header_lines:
            raise InputError(
                f"{self.source}: two sequences are called {name!r}, in lines {self.header_lines[name]} and "
                f"{self.line}; names must be unique"
            )
        self.header_lines[name] = self.line
        self.contigs.append(Contig(name))
        self.writer.write(b">" + name.encode() + b"\n")

    def _end_contig(self) -> None:
        contig = self.contigs[-1]
        if contig.length == 0:
            raise InputError(
                f"{self.source}, line {self.header_lines[contig.name]}: the sequence {contig.name!r} is empty; "
                "remove its header or give its bases"
            )
        if self.pending:
            self.writer.write(self.pending + b"\n")
            self.pending = b""

    def _skip_blank(self, block: bytes, position: int) -> int:
        """Pass blank lines before the first header; anything else there is an error."""
        rest = block[position:].lstrip(SPACE)
        end = len(block) - len(rest)
        self.line += block.count(b"\n", position, end)
        if rest and (rest[:1] != b">" or block[end - 1 : end] != b"\n"):
            raise InputError(f"{self.source}, line {self.line}: {_not_fasta(rest)}")
        self.at_line_start = True
        return end

    def _read_sequence(self, block: bytes, position: int) -> int:
        """Take bases up to the next header or the end of the block."""
        found = block.find(b"\n>", position)
        raw = block[position : found + 1] if found >= 0 else block[position:]
        normal = raw.translate(self.table)
        if INVALID in normal:
            self._refuse(raw, normal.index(INVALID))
        bases = normal.translate(None, SPACE)
        self._count(raw, bases)
        self._write(bases)
        self.line += raw.count(b"\n")
        self.at_line_start = raw.endswith(b"\n")
        return position + len(raw)

    def _count(self, raw: bytes, bases: bytes) -> None:
        contig = self.contigs[-1]
        letters = np.frombuffer(bases, dtype=np.uint8)
        upper = letters & 0xDF
        unknown = int(np.count_nonzero(upper == ord("N")))
        given = np.frombuffer(raw, dtype=np.uint8) & 0xDF
        contig.length += len(bases)
        contig.n += unknown
        contig.iupac += unknown - int(np.count_nonzero(given == ord("N")))
        contig.uracil += int(np.count_nonzero(given == ord("U")))
        contig.soft_masked += int(np.count_nonzero(letters >= ord("a")))
        contig.gc += int(np.count_nonzero((upper == ord("G")) | (upper == ord("C"))))
        self.crlf = self.crlf or b"\r" in raw
        self.spaces += raw.count(b" ") + raw.count(b"\t")

    def _write(self, bases: bytes) -> None:
        """Write whole lines; keep what is left for the next block."""
        bases = self.pending + bases
        whole = len(bases) // LINE_WIDTH * LINE_WIDTH
        lines = np.empty((whole // LINE_WIDTH, LINE_WIDTH + 1), dtype=np.uint8)
        lines[:, :LINE_WIDTH] = np.frombuffer(bases, dtype=np.uint8, count=whole).reshape(-1, LINE_WIDTH)
        lines[:, LINE_WIDTH] = ord("\n")
        self.writer.write(lines.tobytes())
        self.pending = bases[whole:]

    def _refuse(self, raw: bytes, index: int) -> None:
        letter = raw[index : index + 1].decode("latin-1")
        line = self.line + raw.count(b"\n", 0, index)
        place = f"{self.source}, line {line}, sequence {self.contigs[-1].name!r}"
        if letter.upper() in "EFILPQZ":
            hint = "that is an amino acid; a genome FASTA (DNA) is needed, not a protein FASTA"
        elif letter in "-.*":
            hint = "that is a gap or a stop; give the genome itself, not an alignment, and N for unknown bases"
        else:
            hint = "replace it by N if the base is unknown"
        raise InputError(f"{place}: found {letter!r}, expected A, C, G, T, N or an IUPAC code; {hint}")


def _not_fasta(start: bytes) -> str:
    """What a file is that does not start with a FASTA header."""
    head = start[:200].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "this is an HTML page, not a FASTA file; check the address it was downloaded from"
    if head.startswith((b"locus ", b"id   ")):
        return "this looks like a GenBank or EMBL file; convert it to FASTA"
    shown = start[:40].splitlines()[0].decode("utf-8", "replace")
    return f"found {shown!r}, expected a FASTA header starting with '>'"


def normalise_fasta(source: str | Path, fasta: str | Path, report: str | Path, name: str) -> None:
    """Write a genome's FASTA as bgzip with `.fai` and `.gzi`, 80 bases a line, and count what it holds.

    Plain, gzip and bgzip sources are told apart by content. Windows line ends, spaces inside sequence lines, blank
    lines and a missing last newline are put right; U becomes T; the ambiguity codes RYSWKMBDHV become N. Case (soft
    masking) is kept, unless the whole genome is in lower case: then case says nothing, and all becomes upper case.
    Headers keep their first word.

    Args:
        source: FASTA file as the user gave it.
        fasta: output; `.fai` and `.gzi` are written beside it.
        report: output JSON: `genome`, `source_sha256`, `crlf`, `spaces`, `lower_case` (the source was wholly so),
            totals, and one entry of `Contig` per sequence in `contigs`.
        name: the genome's name, for the report.

    Raises:
        InputError: what is in the file is not a genome; the message names the line.
    """
    fasta = Path(fasta)
    if not Path(source).is_file():
        raise InputError(f"{source}: there is no such file")
    with ExitStack() as stack:
        partial = stack.enter_context(atomic_path(fasta))
        parser = _convert(source, partial, NORMAL)
        lower_case = all(contig.soft_masked == contig.length for contig in parser.contigs)
        if lower_case:
            logger.info("%s: the whole genome is in lower case; that is not taken for soft masking", name)
            parser = _convert(source, partial, NORMAL_UPPER)
        indices = [stack.enter_context(atomic_path(fasta.with_name(fasta.name + end))) for end in (".fai", ".gzi")]
        _index(partial, *indices)
    write_json(Path(report), _report(name, source, parser, lower_case))
    logger.info("%s: %d sequences, %d bases", name, len(parser.contigs), sum(c.length for c in parser.contigs))


def _convert(source: str | Path, fasta: Path, table: bytes) -> _Parser:
    # pysam hands the level in the mode on to htslib; only its type hints do not know of it
    with pysam.BGZFile(str(fasta), BGZIP_MODE, None) as writer, open_plain(source) as handle:  # type: ignore[arg-type]
        parser = _Parser(str(source), writer, table)
        for block in blocks(handle):
            parser.feed(block)
        parser.close()
    return parser


def _index(fasta: Path, fai: Path, gzi: Path) -> None:
    made = [Path(f"{fasta}.fai"), Path(f"{fasta}.gzi")]
    try:
        pysam.faidx(str(fasta))
        made[0].replace(fai)
        made[1].replace(gzi)
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _report(name: str, source: str | Path, parser: _Parser, lower_case: bool) -> dict[str, Any]:
    counts = [asdict(contig) for contig in parser.contigs]
    totals = {key: sum(contig[key] for contig in counts) for key in counts[0] if key != "name"}
    return {
        "genome": name,
        "source_sha256": digest(Path(source)),
        "crlf": parser.crlf,
        "spaces": parser.spaces,
        "lower_case": lower_case,
        **totals,
        "contigs": counts,
    }


def tokenize(fasta: str | Path, bases: str | Path, contigs: str | Path) -> None:
    """Write the tokenized genome that `genoglot.genome.store.Genome` maps.

    Args:
        fasta: bgzip FASTA with its indices, as `normalise_fasta` writes it.
        bases: output npy (format 1.0), uint8 of shape (total length,), one stored byte a base.
        contigs: output table with columns contig, length, offset (tab separated, with a header).
    """
    table = ENCODE.tobytes()
    with pysam.FastaFile(str(fasta)) as genome, atomic_path(Path(bases)) as partial, atomic_path(Path(contigs)) as tsv:
        lengths = np.array(genome.lengths, dtype=np.int64)
        header = {"descr": "|u1", "fortran_order": False, "shape": (int(lengths.sum()),)}
        with open(partial, "wb") as handle:
            np.lib.format.write_array_header_1_0(handle, header)
            for name, length in zip(genome.references, genome.lengths, strict=True):
                for start in range(0, length, FETCH):
                    sequence = genome.fetch(name, start, min(start + FETCH, length))
                    handle.write(sequence.encode("ascii").translate(table))
        rows = pd.DataFrame({"contig": genome.references, "length": lengths, "offset": np.cumsum(lengths) - lengths})
        rows.to_csv(tsv, sep="\t", index=False)
