"""Names of contigs: what publishers of one assembly call the same sequence, and which one the genome's FASTA has."""

import csv
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.files import atomic_path, read_json

logger = logging.getLogger(__name__)

# how alias tables write that there is no name
NOTHING = frozenset({"", "-", "na"})
# the columns of an NCBI assembly report that hold names which are those of one sequence alone
REPORT_COLUMNS = ("Sequence-Name", "GenBank-Accn", "RefSeq-Accn", "UCSC-style-name")
# what UCSC's table `chromAlias` (alias, chrom, source) says in its third column, several joined by commas
ALIAS_SOURCES = frozenset({"assembly", "ensembl", "flybase", "genbank", "ncbi", "refseq", "ucsc", "wormbase"})

Row = tuple[int, list[str]]


class AliasTable:
    """Which names stand for the same sequence.

    Rows that share a name speak of one contig: a table may give all its names in one row, or one alias in each.
    """

    def __init__(self, path: str | Path, rows: list[Row]) -> None:
        """`path` is named in messages; `rows` hold the number of the line and the names in it."""
        self._path = path
        self._lines: dict[str, list[int]] = {}
        self._group: dict[str, int] = {}
        self._members: dict[int, list[str]] = {}
        for line, names in rows:
            self._join(line, names)

    def _join(self, line: int, names: list[str]) -> None:
        """Put the names of a row into one group, with all that they were in before."""
        groups = sorted({self._group[name] for name in names if name in self._group}, key=self._size)
        # the largest takes in the others
        target = groups.pop() if groups else line
        members = self._members.setdefault(target, [])
        moved = [name for group in groups for name in self._members.pop(group)]
        fresh = [name for name in dict.fromkeys(names) if name not in self._group]
        for name in (*moved, *fresh):
            self._group[name] = target
            members.append(name)
        for name in dict.fromkeys(names):
            self._lines.setdefault(name, []).append(line)

    def _size(self, group: int) -> int:
        return len(self._members[group])

    @classmethod
    def read(cls, path: str | Path) -> "AliasTable":
        """Read a table of aliases, plain, gzip or bgzip, of one of four kinds that are told apart by content.

        Tab-separated rows of names (lines that start with `#` say nothing), which is also how UCSC's `chromAlias.txt`
        is written; UCSC's database table of that name (alias, chrom, source); NCBI's `assembly_report.txt`.
        Cells that are empty, `na` or `-` are passed over.

        Raises:
            InputError: the file is not there, holds no rows, or its columns are not separated by tabs.
        """
        with open_plain(path) as handle:
            lines = [line.rstrip("\r\n") for line in handle.read().decode("utf-8-sig", "replace").split("\n")]
        header, rows = _cells(lines)
        if not rows:
            raise InputError(f"{path}: there are no rows; expected tab-separated names, a contig a row")
        if header is not None and header[0] == REPORT_COLUMNS[0]:
            columns = [header.index(name) for name in REPORT_COLUMNS if name in header]
            rows = [(line, [cells[column] for column in columns if column < len(cells)]) for line, cells in rows]
        elif _is_database_table(header, rows):
            rows = [(line, cells[:2]) for line, cells in rows]
        single = [(line, cells[0]) for line, cells in rows if len(cells) < 2]
        for line, cell in single:
            # a name alone is a contig without aliases
            if " " in cell or len(single) == len(rows):
                raise InputError(
                    f"{path}, line {line}: found {cell[:80]!r}, expected names of a contig, separated by tabs"
                )
        return cls(path, [(line, [cell for cell in cells if cell not in NOTHING]) for line, cells in rows])

    def names(self, contig: str) -> set[str]:
        """All names of a contig that is called `contig`, that name among them."""
        group = self._group.get(contig)
        return {contig} if group is None else {contig, *self._members[group]}

    def ordered(self, contig: str) -> list[str]:
        """The same names, `contig` first and the others as the table has them."""
        group = self._group.get(contig)
        others = [] if group is None else self._members[group]
        return [contig, *(name for name in others if name != contig)]

    def check(self, contigs: Iterable[str]) -> None:
        """Raise `InputError` where a name would stand for two of a genome's contigs, or no contig is in the table."""
        contigs = list(contigs)
        owner: dict[int, str] = {}
        for contig in contigs:
            group = self._group.get(contig)
            if group is not None and owner.setdefault(group, contig) != contig:
                self._refuse_shared(owner[group], contig)
        if not owner:
            raise InputError(
                f"{self._path}: no row names a contig of the genome. Table: {few(self._group)}. "
                f"Genome: {few(contigs)}. Give the table of this assembly, with a column of the names in the FASTA"
            )
        if len(owner) < len(contigs):
            logger.info("%s: %d of %d contigs are not in it", self._path, len(contigs) - len(owner), len(contigs))

    def _refuse_shared(self, one: str, other: str) -> None:
        """Show the lines that lead from one contig to the other, where there are but one or two."""
        lines = sorted({self._lines[one][0], self._lines[other][0]})
        what = "they"
        for name in self._members[self._group[one]]:
            first, second = (self._line(name, contig) for contig in (one, other))
            if first and second:
                lines, what = sorted({first, second}), f"the alias {name!r}" if name not in (one, other) else "they"
                break
        place = f"line{'s' if len(lines) > 1 else ''} {' and '.join(map(str, lines))}"
        raise InputError(
            f"{self._path}, {place}: {one!r} and {other!r} are two contigs of the genome, but by this table "
            f"{what} would stand for {'both' if what != 'they' else 'the same'}; a name may belong to one contig alone"
        )

    def _line(self, name: str, other: str) -> int:
        """First line that has both names; 0 if none has."""
        lines = set(self._lines[other])
        return next((line for line in self._lines[name] if line in lines), 0)


def _cells(lines: list[str]) -> tuple[list[str] | None, list[Row]]:
    """The last `#` line that has tabs, without its sign, and the cells of the rows with their line numbers."""
    header: list[str] | None = None
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("#"):
            header = [cell.strip() for cell in line.lstrip("#").split("\t")] if "\t" in line else header
        elif line.strip():
            rows.append((number, [cell.strip() for cell in line.split("\t")]))
    return header, rows


def _is_database_table(header: list[str] | None, rows: list[Row]) -> bool:
    """Whether rows are alias, chrom, source: by the header, or, in a dump that has none, by the sources."""
    if any(len(cells) != 3 for _, cells in rows):
        return False
    if header is not None and header[-1] == "source":
        return True
    sources = Counter(source for _, cells in rows for source in cells[2].split(","))
    return ALIAS_SOURCES.issuperset(sources)


def write_names(report: str | Path, aliases: str | Path | None, output: str | Path) -> None:
    """Write the names by which a genome's contigs may be called.

    Args:
        report: `genome.json`, which has the contigs and what cleaning dropped.
        aliases: table of aliases (see `AliasTable.read`), or None: then a contig has its own name alone.
        output: table with columns name, contig (tab separated, with a header): for every contig its own name and
            then the others; contig is empty for the names of what was dropped.

    Raises:
        InputError: an alias would stand for two contigs, or the table knows none of them.
    """
    genome = read_json(Path(report))
    kept = [entry["name"] for entry in genome["contigs"]]
    dropped = [entry["name"] for entry in genome.get("dropped", ())]
    table = AliasTable.read(aliases) if aliases is not None else None
    if table is not None:
        table.check([*kept, *dropped])
    contigs = [(name, name) for name in kept] + [(name, "") for name in dropped]
    with atomic_path(Path(output)) as partial, open(partial, "w") as handle:
        handle.write("name\tcontig\n")
        for own, contig in contigs:
            for name in [own] if table is None else table.ordered(own):
                handle.write(f"{name}\t{contig}\n")


class ContigNames:
    """Which contig of a genome's FASTA a name stands for."""

    def __init__(self, contigs: dict[str, str]) -> None:
        """`contigs`: contig by name; empty for the names of dropped contigs."""
        self._contigs = contigs

    @classmethod
    def read(cls, path: str | Path) -> "ContigNames":
        """Read a table of `write_names`."""
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        return cls(dict(zip(table["name"], table["contig"], strict=True)))

    @classmethod
    def of(cls, contigs: Iterable[str], path: str | Path | None) -> "ContigNames":
        """The table of a genome's names; where there is none, its contigs go by their own names alone."""
        return cls.read(path) if path is not None else cls({name: name for name in contigs})

    def resolve(self, names: pd.Series) -> pd.Series:
        """The contig that each name stands for, of dtype object: empty if it was dropped, NaN if it is unknown."""
        return names.astype(object).map(self._contigs).astype(object)

    def find(self, names: list[str], place: str) -> list[str]:
        """The contigs that these names stand for; `InputError`, which begins with `place`, where there is none."""
        found = self.resolve(pd.Series(names, dtype=object))
        missing = [name for name, contig in zip(names, found, strict=True) if not isinstance(contig, str) or not contig]
        if missing:
            has = few(dict.fromkeys(contig for contig in self._contigs.values() if contig))
            raise InputError(f"{place}: the genome has no contig {few(missing)}; it has {has}")
        return list(found)

    def called(self, contigs: Iterable[str]) -> set[str]:
        """All names of these contigs of the FASTA."""
        wanted = set(contigs) - {""}
        return {name for name, contig in self._contigs.items() if contig in wanted}
