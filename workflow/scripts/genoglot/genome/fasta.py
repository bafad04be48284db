"""Reference sequences: any FASTA in, one bgzip FASTA and one tokenized genome out.

Everything works on blocks of bytes, so memory does not grow with the genome.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pysam

from genoglot.compression import blocks, check_bgzip_end, open_plain
from genoglot.errors import InputError
from genoglot.files import atomic_path, digest, write_json
from genoglot.genbank.records import fasta_blocks, is_genbank
from genoglot.genome.cleaning import Cleaning, ContigWriter
from genoglot.genome.fasta_parser import NORMAL, NORMAL_UPPER, FastaParser
from genoglot.genome.names import AliasTable
from genoglot.genome.repeats import Repeats
from genoglot.genome.store import ENCODE

logger = logging.getLogger(__name__)

FETCH = 1 << 23
# columns of a faidx index: bases of the sequence, place of the first in the file, bases and bytes of a line
FAI = ["contig", "length", "first", "line_bases", "line_bytes"]
STORED = ENCODE.tobytes()
# The default level makes DNA a tenth smaller, in eight times the time.
BGZIP_MODE = "wb1"


def normalise_fasta(
    source: str | Path,
    fasta: str | Path,
    report: str | Path,
    name: str,
    cleaning: dict[str, Any] | None = None,
    repeats: str | Path | None = None,
    aliases: str | Path | None = None,
) -> None:
    """Write a genome's FASTA as bgzip with `.fai` and `.gzi`, 80 bases a line, and count what it holds.

    Plain, gzip and bgzip sources are told apart by content, and so are FASTA and GenBank. Windows line ends, spaces
    inside sequence lines, blank lines and a missing last newline are put right; U becomes T; the ambiguity codes
    RYSWKMBDHV become N. Case (soft masking) is kept, unless all that stays is in lower case: then case says nothing,
    and all becomes upper case. Repeats are put into lower case besides. Headers keep their first word.

    Args:
        source: FASTA or GenBank file as the user gave it.
        fasta: output; `.fai` and `.gzi` are written beside it.
        report: output JSON: `genome`, `source_sha256`, `crlf`, `spaces`, `lower_case` (what stays was wholly so),
            `cleaning` (the settings), `dropped` (name, length, reason `short` or `pattern`), totals, one entry of
            `cleaning.Contig` per sequence in `contigs`, `duplicates` (lists of names of equal sequences), `repeats`
            (null, or `intervals` and the `bases` they cover on the contigs that stay, `unknown_intervals` and
            `unknown_contigs` of the file that the genome lacks), and `sequence_sha256`: of `>name`, a newline, the
            bases as written (case and all), a newline, the length and a newline, for one contig after another.
        name: the genome's name, for the report.
        cleaning: settings of `cleaning.Cleaning`; those not given have the defaults there.
        repeats: BED or RepeatMasker `.out`.
        aliases: table of names by which the repeats may call contigs (see `names.AliasTable.read`).

    Raises:
        InputError: what is in a file is not what it should be (the message names the line), no sequence stays, no
            repeat lies on the genome, or the output could not be written to its end.
    """
    fasta = Path(fasta)
    if not Path(source).is_file():
        raise InputError(f"{source}: there is no such file")
    settings = Cleaning(**(cleaning or {}))
    intervals = Repeats.read(repeats) if repeats is not None else None
    table = AliasTable.read(aliases) if aliases is not None else None

    def convert(letters: bytes) -> tuple[FastaParser, ContigWriter]:
        with _bgzip_writer(partial, gzi, fasta) as bgzip:
            writer = ContigWriter(bgzip, settings, intervals, table)
            return _convert(source, writer, letters), writer

    ignore = settings.soft_masks == "ignore"
    with ExitStack() as stack:
        partial, fai, gzi = (stack.enter_context(atomic_path(Path(f"{fasta}{end}"))) for end in ("", ".fai", ".gzi"))
        parser, writer = convert(NORMAL_UPPER if ignore else NORMAL)
        if writer.lower_case and not ignore:
            logger.info("%s: the whole genome is in lower case; that is not taken for soft masking", name)
            parser, writer = convert(NORMAL_UPPER)
        fai.write_text(writer.index)
    found = writer.report()
    state = {"crlf": parser.crlf, "spaces": parser.spaces, "lower_case": writer.lower_case}
    write_json(Path(report), {"genome": name, "source_sha256": digest(Path(source)), **state, **found})
    kept, dropped = len(found["contigs"]), len(found["dropped"])
    logger.info("%s: %d sequences, %d bases; %d sequences dropped", name, kept, found["length"], dropped)


@contextmanager
def _bgzip_writer(path: Path, gzi: Path, final: Path) -> Iterator[pysam.BGZFile]:
    """A bgzip file that is to become `final`, and its index; both are whole if no error is raised.

    Raises:
        InputError: it could not be written to its end.
    """
    try:
        # pysam hands the level in the mode on to htslib; only its type hints do not know of it
        with pysam.BGZFile(str(path), BGZIP_MODE, str(gzi)) as writer:  # type: ignore[arg-type]
            yield writer
    except OSError as error:
        raise InputError(f"{final}: could not be written to its end ({error}); is the disk full?") from None
    # htslib may report success though the disk took no more
    try:
        check_bgzip_end(path)
    except InputError:
        raise InputError(f"{final}: could not be written to its end; is the disk full?") from None


def _convert(source: str | Path, writer: ContigWriter, letters: bytes) -> FastaParser:
    genbank = is_genbank(source)
    # the lines that a message names are then not those of the file
    parser = FastaParser(f"{source}, as FASTA" if genbank else str(source), writer, letters)
    for block in fasta_blocks(source) if genbank else _source_blocks(source):
        parser.feed(block)
    parser.close()
    writer.finish(str(source))
    return parser


def _source_blocks(source: str | Path) -> Iterator[bytes]:
    with open_plain(source) as handle:
        yield from blocks(handle)


def tokenize(fasta: str | Path, bases: str | Path, contigs: str | Path) -> None:
    """Write the tokenized genome that `genoglot.genome.store.Genome` maps.

    Args:
        fasta: bgzip FASTA with its indices, as `normalise_fasta` writes it.
        bases: output npy (format 1.0), uint8 of shape (total length,), one stored byte a base.
        contigs: output table with columns contig, length, offset (tab separated, with a header).

    Raises:
        InputError: the FASTA and its index do not fit.
    """
    index = pd.read_csv(f"{fasta}.fai", sep="\t", names=FAI, dtype={"contig": str}, keep_default_na=False, quoting=3)
    lengths = index["length"].to_numpy(dtype=np.int64)
    header = {"descr": "|u1", "fortran_order": False, "shape": (int(lengths.sum()),)}
    with atomic_path(Path(bases)) as partial, atomic_path(Path(contigs)) as tsv:
        with pysam.BGZFile(str(fasta), "rb", None) as source, open(partial, "wb") as handle:
            np.lib.format.write_array_header_1_0(handle, header)
            position = 0
            for row in index.itertuples():
                # the header, and what else lies before the first base
                source.read(row.first - position)
                lines = -(-row.length // row.line_bases)
                size = row.length + lines * (row.line_bytes - row.line_bases)
                if _copy_stored(source, handle, size) != row.length:
                    raise InputError(
                        f"{fasta}: the sequence {row.contig!r} does not lie where the index has it; one of the two was "
                        "changed: remove both, and run again"
                    )
                position = row.first + size
        rows = pd.DataFrame({"contig": index["contig"], "length": lengths, "offset": np.cumsum(lengths) - lengths})
        rows.to_csv(tsv, sep="\t", index=False)


def _copy_stored(source: pysam.BGZFile, handle: BinaryIO, size: int) -> int:
    """Write the stored bytes of the next `size` bytes of sequence lines; how many there were."""
    written = 0
    while size > 0 and (text := source.read(min(size, FETCH))):
        size -= len(text)
        written += handle.write(text.translate(STORED, b"\n"))
    return written
