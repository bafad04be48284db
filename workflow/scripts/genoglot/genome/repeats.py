"""Repeats of a genome from a BED or a RepeatMasker file, put into its sequence as lower case."""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.compression import open_plain
from genoglot.errors import InputError
from genoglot.genome.intervals import Intervals

logger = logging.getLogger(__name__)

ROWS = 500_000
LOWER = 0x20
HEAD = 1 << 16
COLUMNS = ["contig", "start", "end"]
# name of the sequence, first and last base (1-based) in a row of RepeatMasker
OUT_FIRST, OUT_STRAND = 4, 8
# what stands in the columns of contig and start where a line is no repeat: the header, once a sequence if files were
# joined, and "There were no repetitive sequences detected in"
OUT_TEXT = ("query position", "sequence begin", "sequences detected")
BED_TEXT = ("track", "browser")
NUMBER = r"\d{1,18}"
SHOWN = 5


@dataclass(frozen=True)
class ContigRepeats:
    """The repeats of one contig: how many rows, the bases they cover, and the row that reaches furthest."""

    rows: int
    intervals: Intervals
    reach: int
    line: int

    def mask(self, letters: np.ndarray, offset: int) -> np.ndarray:
        """Letters (ASCII, uint8) of the stretch of the contig that begins at `offset`, in lower case in repeats."""
        end = offset + len(letters)
        first = np.searchsorted(self.intervals.ends, offset, side="right")
        last = np.searchsorted(self.intervals.starts, end, side="left")
        if first >= last:
            return letters
        pairs = np.column_stack([self.intervals.starts[first:last], self.intervals.ends[first:last]])
        # in turns outside and inside a repeat, from the start of the stretch to its end
        edges = np.concatenate([[0], pairs.clip(offset, end).ravel() - offset, [len(letters)]])
        case = np.zeros(len(edges) - 1, dtype=np.uint8)
        case[1::2] = LOWER
        return letters | np.repeat(case, np.diff(edges))


class Repeats:
    """All intervals of a file of repeats, by contig."""

    def __init__(self, path: str | Path, numbers: dict[str, int], rows: pd.DataFrame) -> None:
        """`numbers`: number of each contig of the file; `rows`: columns contig (its number), start, end, line."""
        self.path = path
        order = np.argsort(rows["contig"].to_numpy(), kind="stable")
        self._pairs = rows[["start", "end"]].to_numpy()[order]
        self._lines = rows["line"].to_numpy()[order]
        self._first = np.searchsorted(rows["contig"].to_numpy()[order], np.arange(len(numbers) + 1))
        self._numbers = numbers
        self._asked: set[str] = set()

    @classmethod
    def read(cls, path: str | Path) -> "Repeats":
        """Read a BED (columns contig, start, end; the rest is not looked at) or a RepeatMasker `.out`.

        The two are told apart by content, plain, gzip and bgzip alike.

        Raises:
            InputError: the file holds no rows, or a row is neither; the message names the line.
        """
        is_out = _is_repeatmasker(path)
        numbers: dict[str, int] = {}
        parts: list[pd.DataFrame] = []
        try:
            for chunk in _chunks(path, is_out):
                rows = _coordinates(chunk, path, is_out)
                codes, found = pd.factorize(rows["contig"])
                for name in found:
                    numbers.setdefault(name, len(numbers))
                known = np.array([numbers[name] for name in found], dtype=np.int32)
                parts.append(rows.assign(contig=known[codes]))
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise InputError(f"{path}: cannot be read as BED or RepeatMasker .out ({error})") from None
        if not numbers:
            raise InputError(f"{path}: there are no repeats in it; expected a BED or a RepeatMasker .out")
        return cls(path, numbers, pd.concat(parts, ignore_index=True))

    def of(self, names: set[str]) -> ContigRepeats | None:
        """Repeats of a contig that is called by any of `names`; None if there are none."""
        self._asked |= names
        spans = [self._span(name) for name in sorted(names) if name in self._numbers]
        if not spans:
            return None
        pairs = np.concatenate([self._pairs[span] for span in spans])
        lines = np.concatenate([self._lines[span] for span in spans])
        furthest = int(pairs[:, 1].argmax())
        return ContigRepeats(len(pairs), Intervals(pairs), int(pairs[furthest, 1]), int(lines[furthest]))

    def _span(self, name: str) -> slice:
        number = self._numbers[name]
        return slice(self._first[number], self._first[number + 1])

    def check_reach(self, repeats: ContigRepeats, contig: str, length: int) -> None:
        """Raise `InputError` if repeats reach past the end of their contig."""
        if repeats.reach > length:
            raise InputError(
                f"{self.path}, line {repeats.line}: the repeat ends at {repeats.reach}, but the contig {contig!r} has "
                f"{length} bases; give the repeats of this assembly"
            )

    def unknown(self) -> tuple[list[str], int]:
        """Contigs of the file that nobody asked for by `of`, and the number of their rows.

        Raises:
            InputError: none of the file's contigs was asked for.
        """
        unknown = [name for name in self._numbers if name not in self._asked]
        if len(unknown) == len(self._numbers):
            raise InputError(
                f"{self.path}: no repeat lies on a contig of the genome. Repeats: {', '.join(unknown[:SHOWN])}. "
                f"Genome: {', '.join(sorted(self._asked)[:SHOWN])}. If the names alone differ, give a table of aliases "
                "(column `aliases` of the sheet)"
            )
        rows = sum(len(self._lines[self._span(name)]) for name in unknown)
        if unknown:
            logger.warning("%s: %d repeats lie on %d contigs that the genome lacks", self.path, rows, len(unknown))
        return unknown, rows


def _chunks(path: str | Path, is_out: bool) -> Iterator[pd.DataFrame]:
    """Columns contig, start and end of the lines of a file as text, indexed by the line's number from 0."""
    with open_plain(path) as handle:
        yield from pd.read_csv(
            handle,
            sep=r"\s+",
            header=None,
            names=[*range(OUT_FIRST), *COLUMNS] if is_out else COLUMNS,
            usecols=COLUMNS,
            index_col=False,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            quoting=csv.QUOTE_NONE,
            encoding_errors="replace",
            chunksize=ROWS,
        )


def _is_repeatmasker(path: str | Path) -> bool:
    """Whether a file has the header of a RepeatMasker `.out`, or rows of that form without it."""
    with open_plain(path) as handle:
        lines = [line.split() for line in handle.read(HEAD).decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return False
    first = lines[0]
    if "perc" in first and "query" in first:
        return True
    fields = first[OUT_FIRST + 1 : OUT_FIRST + 3]
    return len(first) > OUT_STRAND and first[OUT_STRAND] in ("+", "C") and all(field.isdigit() for field in fields)


def _coordinates(chunk: pd.DataFrame, path: str | Path, is_out: bool) -> pd.DataFrame:
    """Rows of a chunk whose index counts lines from 0: columns contig, start, end (0-based half-open) and line."""
    contig = chunk["contig"]
    if is_out:
        skip = (contig + " " + chunk["start"]).isin(OUT_TEXT)
    else:
        skip = contig.str.startswith("#") | contig.isin(BED_TEXT)
    rows = chunk[~skip & (contig != "")]
    wrong = ~(rows["start"].str.fullmatch(NUMBER) & rows["end"].str.fullmatch(NUMBER))
    if not wrong.any():
        starts, ends = (rows[column].astype("int64") for column in ("start", "end"))
        wrong = (starts < (1 if is_out else 0)) | (starts > ends)
    if wrong.any():
        row = rows[wrong].iloc[0]
        raise InputError(
            f"{path}, line {int(row.name) + 1}: found {' '.join(row[COLUMNS])[:80]!r}, expected a contig, a start and "
            f"an end, {'counted from 1 (RepeatMasker .out)' if is_out else 'counted from 0 (BED)'}, start <= end"
        )
    lines = rows.index.to_numpy(dtype=np.int32) + 1
    return pd.DataFrame({"contig": rows["contig"], "start": starts - is_out, "end": ends, "line": lines})
