"""Which contigs of a genome stay, what is counted of them, and how they are written.

Contigs come in pieces, from `fasta_parser.FastaParser`; no more than a piece, and the start of a contig that may yet
prove too short, is held in memory.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

import numpy as np

from genoglot.errors import InputError
from genoglot.genome.names import AliasTable
from genoglot.genome.repeats import ContigRepeats, Repeats

LINE_WIDTH = 80
UPPER = np.uint8(0xDF)
# what the report sums up over the contigs
SUMMED = ("length", "n", "iupac", "uracil", "soft_masked", "gc", "gaps", "gap_bases")


@dataclass(frozen=True)
class Cleaning:
    """What is done to a genome: contigs with fewer bases than `min_contig_length`, or whose name matches one of the
    shell patterns `drop_contigs`, are left out; soft masks are taken from the source (`keep`) or not (`ignore`); runs
    of N from `min_gap` on count as gaps."""

    min_contig_length: int = 0
    drop_contigs: Sequence[str] = ()
    soft_masks: str = "keep"
    min_gap: int = 10

    def drops(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.drop_contigs)


@dataclass
class Contig:
    """What is counted of one sequence: bases in all, and those that are N, ambiguous, U, soft-masked, G or C.

    `n` counts every N of the output, among them the `iupac` that stood for an ambiguity code in the source. `gaps` are
    runs of N, `gap_bases` and `longest_gap` their bases. `md5` is that of the upper-case sequence as written: the M5
    of the SAM format specification (section 1.3.2).
    """

    name: str
    length: int = 0
    n: int = 0
    iupac: int = 0
    uracil: int = 0
    soft_masked: int = 0
    gc: int = 0
    gaps: int = 0
    gap_bases: int = 0
    longest_gap: int = 0
    md5: str = ""


class Writer(Protocol):
    """What takes bytes."""

    def write(self, data: bytes) -> object: ...


@dataclass
class FastaWriter:
    """Writes contigs as lines of 80 bases, and digests what it writes whatever the length of the lines.

    `index` holds the rows of the `.fai`: name, length, offset of the first base in the uncompressed file, bases and
    bytes of a line.
    """

    writer: Writer
    sha256: Any = field(default_factory=hashlib.sha256)
    index: list[str] = field(default_factory=list)
    _pending: bytes = b""
    _name: str = ""
    _offset: int = 0

    def start(self, name: str) -> None:
        header = b">" + name.encode() + b"\n"
        self.sha256.update(header)
        self.writer.write(header)
        self._name = name
        self._offset += len(header)

    def add(self, bases: bytes) -> None:
        """Write whole lines; keep what is left for later."""
        self.sha256.update(bases)
        bases = self._pending + bases
        whole = len(bases) // LINE_WIDTH * LINE_WIDTH
        lines = np.empty((whole // LINE_WIDTH, LINE_WIDTH + 1), dtype=np.uint8)
        lines[:, :LINE_WIDTH] = np.frombuffer(bases, dtype=np.uint8, count=whole).reshape(-1, LINE_WIDTH)
        lines[:, LINE_WIDTH] = ord("\n")
        self.writer.write(lines.tobytes())
        self._pending = bases[whole:]

    def end(self, length: int) -> None:
        self.sha256.update(b"\n%d\n" % length)
        if self._pending:
            self.writer.write(self._pending + b"\n")
        self._pending = b""
        # faidx takes the lines of a contig to be as long as its first
        line = min(length, LINE_WIDTH)
        self.index.append(f"{self._name}\t{length}\t{self._offset}\t{line}\t{line + 1}\n")
        self._offset += length + -(-length // LINE_WIDTH)


class _Gaps:
    """Runs of N of one contig, also those that reach over pieces of it."""

    def __init__(self, contig: Contig, shortest: int) -> None:
        self._contig = contig
        self._shortest = max(shortest, 1)
        self._open = 0

    def add(self, unknown: np.ndarray) -> None:
        """`unknown`: which bases of the next piece are N, bool of shape (bases,)."""
        if not unknown.any():
            self.close()
            return
        edges = np.flatnonzero(np.diff(unknown, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        runs = ends - starts
        if starts[0] > 0:
            self.close()
        runs[0] += self._open
        self._open = 0
        if ends[-1] == len(unknown):
            self._open, runs = int(runs[-1]), runs[:-1]
        self._count(runs)

    def close(self) -> None:
        self._count(np.array([self._open]))
        self._open = 0

    def _count(self, runs: np.ndarray) -> None:
        gaps = runs[runs >= self._shortest]
        if len(gaps):
            self._contig.gaps += len(gaps)
            self._contig.gap_bases += int(gaps.sum())
            self._contig.longest_gap = max(self._contig.longest_gap, int(gaps.max()))


class ContigWriter:
    """Takes the contigs of a genome (`fasta_parser.ContigSink`), counts them, and writes those that stay.

    Attributes:
        contigs: what was counted of each contig that stays.
        dropped: name, length and reason (`short` or `pattern`) of the others.
    """

    def __init__(
        self,
        writer: Writer,
        cleaning: Cleaning,
        repeats: Repeats | None = None,
        aliases: AliasTable | None = None,
    ) -> None:
        self.contigs: list[Contig] = []
        self.dropped: list[dict[str, Any]] = []
        self._cleaning = cleaning
        self._repeats = repeats
        self._aliases = aliases
        self._fasta = FastaWriter(writer)
        self._lower_case = 0
        self._repeat_rows = 0
        self._repeat_bases = 0
        self._unknown: tuple[list[str], int] = ([], 0)

    def start(self, name: str) -> None:
        self._contig = Contig(name)
        self._given_lower_case = 0
        self._gaps = _Gaps(self._contig, self._cleaning.min_gap)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._unwanted = self._cleaning.drops(name)
        self._here: ContigRepeats | None = None
        if self._repeats is not None:
            self._here = self._repeats.of(self._aliases.names(name) if self._aliases is not None else {name})
        # the pieces of a contig that may prove too short; None once it is known to stay
        self._held: list[bytes] | None = []

    def add(self, raw: bytes, bases: bytes) -> None:
        offset = self._contig.length
        self._contig.length += len(bases)
        if self._unwanted:
            return
        letters = np.frombuffer(bases, dtype=np.uint8)
        if self._here is not None:
            letters = self._here.mask(letters, offset)
            bases = letters.tobytes()
        self._count(raw, letters)
        if self._held is None:
            self._fasta.add(bases)
            return
        self._held.append(bases)
        if self._contig.length >= max(self._cleaning.min_contig_length, 1):
            self._fasta.start(self._contig.name)
            self._fasta.add(b"".join(self._held))
            self._held = None

    def _count(self, raw: bytes, letters: np.ndarray) -> None:
        contig, upper, given = self._contig, letters & UPPER, np.frombuffer(raw, dtype=np.uint8)
        unknown = upper == ord("N")
        if count := int(np.count_nonzero(unknown)):
            contig.n += count
            contig.iupac += count - raw.count(b"N") - raw.count(b"n")
        contig.uracil += raw.count(b"U") + raw.count(b"u")
        contig.soft_masked += int(np.count_nonzero(letters >= ord("a")))
        contig.gc += int(np.count_nonzero(upper == ord("G"))) + int(np.count_nonzero(upper == ord("C")))
        self._given_lower_case += int(np.count_nonzero(given >= ord("a")))
        self._gaps.add(unknown)
        self._md5.update(upper.data)

    def end(self) -> None:
        contig = self._contig
        if self._repeats is not None and self._here is not None:
            self._repeats.check_reach(self._here, contig.name, contig.length)
        if self._unwanted or self._held is not None:
            reason = "pattern" if self._unwanted else "short"
            self.dropped.append({"name": contig.name, "length": contig.length, "reason": reason})
            return
        self._gaps.close()
        contig.md5 = self._md5.hexdigest()
        self.contigs.append(contig)
        self._fasta.end(contig.length)
        self._lower_case += self._given_lower_case
        if self._here is not None:
            self._repeat_rows += self._here.rows
            self._repeat_bases += self._here.intervals.total

    def finish(self, source: str) -> None:
        """Check the whole genome.

        Raises:
            InputError: no contig stays, the aliases do not fit, or no repeat lies on one of its contigs.
        """
        if not self.contigs:
            longest = max(self.dropped, key=lambda entry: entry["length"])
            raise InputError(
                f"{source}: cleaning drops all {len(self.dropped)} sequences, by min_contig_length "
                f"{self._cleaning.min_contig_length} and drop_contigs {list(self._cleaning.drop_contigs)}; "
                f"the longest is {longest['name']!r} of {longest['length']} bases: keep some"
            )
        if self._aliases is not None:
            self._aliases.check([*(contig.name for contig in self.contigs), *(entry["name"] for entry in self.dropped)])
        if self._repeats is not None:
            self._unknown = self._repeats.unknown()

    @property
    def index(self) -> str:
        """The `.fai` of what was written."""
        return "".join(self._fasta.index)

    @property
    def lower_case(self) -> bool:
        """Whether every base that stays was in lower case in the source."""
        return self._lower_case == sum(contig.length for contig in self.contigs)

    def report(self) -> dict[str, Any]:
        """What was found and done, for `genome.json`: see `fasta.normalise_fasta`."""
        counts = [asdict(contig) for contig in self.contigs]
        same: dict[str, list[str]] = {}
        for contig in self.contigs:
            same.setdefault(contig.md5, []).append(contig.name)
        return {
            "sequence_sha256": self._fasta.sha256.hexdigest(),
            "cleaning": asdict(self._cleaning),
            **{key: sum(contig[key] for contig in counts) for key in SUMMED},
            "longest_gap": max(contig["longest_gap"] for contig in counts),
            "dropped": self.dropped,
            "duplicates": [names for names in same.values() if len(names) > 1],
            "repeats": self._repeat_report(),
            "contigs": counts,
        }

    def _repeat_report(self) -> dict[str, Any] | None:
        if self._repeats is None:
            return None
        unknown, rows = self._unknown
        return {
            "intervals": self._repeat_rows,
            "bases": self._repeat_bases,
            "unknown_intervals": rows,
            "unknown_contigs": unknown,
        }
