"""UCSC chain files between two versions of a genome, and positions moved along them.

A chain aligns a contig of the target with a contig of the query: blocks without gaps, between which bases of the one,
the other or both have no partner (https://genome.ucsc.edu/goldenPath/help/chain.html). Tools such as liftOver and
CrossMap move coordinates from the target to the query: their `oldToNew.chain` has the old genome as its target.

Handled are chains as they are made by editing a genome: the same contig names and strands on both sides, one chain a
contig. Positions are 0-based, intervals half-open, as in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genoglot.compression import open_plain
from genoglot.errors import InputError
from genoglot.files import atomic_path

HEADER = "chain score tName tSize tStrand tStart tEnd qName qSize qStrand qStart qEnd id"


@dataclass(frozen=True)
class Alignment:
    """Two versions of one contig, as blocks without gaps.

    Attributes:
        target_length, query_length: bases of the contig in the two genomes.
        target, query: int64 (blocks,), where each block starts in the two genomes, ascending.
        sizes: int64 (blocks,), bases of each block, all above 0.
    """

    target_length: int
    query_length: int
    target: np.ndarray
    query: np.ndarray
    sizes: np.ndarray

    @classmethod
    def from_edits(cls, length: int, starts: np.ndarray, ends: np.ndarray, inserted: np.ndarray) -> "Alignment":
        """A contig of `length` bases (the query), and what edits make of it (the target).

        Edit i puts `inserted[i]` bases in the place of starts[i] to ends[i]; edits ascend and do not overlap. Bases
        that are replaced by as many stay aligned; those replaced by more or fewer have no partner.
        """
        uneven = ends - starts != inserted
        starts, ends, inserted = starts[uneven], ends[uneven], inserted[uneven]
        query = np.concatenate([[0], ends]).astype(np.int64)
        sizes = np.concatenate([starts, [length]]) - query
        shift = np.concatenate([[0], np.cumsum(inserted - (ends - starts))]).astype(np.int64)
        kept = sizes > 0
        return cls(length + int(shift[-1]), length, (query + shift)[kept], query[kept], sizes[kept])

    def to_target(self, positions: np.ndarray) -> np.ndarray:
        return _move(positions, self.query, self.target, self.sizes)

    def to_query(self, positions: np.ndarray) -> np.ndarray:
        return _move(positions, self.target, self.query, self.sizes)

    def intervals_to_target(self, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move intervals of the query; an end that has no partner moves inwards to the next base that has one.

        Returns:
            int64 (intervals, 2) of the target, -1 where no base of an interval has a partner; and bool (intervals,),
            whether the interval is there, but lost bases at an end.
        """
        pairs = np.full((len(starts), 2), -1, dtype=np.int64)
        if not len(self.sizes):
            return pairs, np.zeros(len(starts), dtype=bool)
        block_ends = self.query + self.sizes
        first = np.minimum(np.searchsorted(block_ends, starts, side="right"), len(self.sizes) - 1)
        last = np.maximum(np.searchsorted(self.query, ends, side="left") - 1, 0)
        kept_starts = np.maximum(starts, self.query[first])
        kept_ends = np.minimum(ends, block_ends[last])
        there = kept_starts < kept_ends
        moved = np.column_stack([self.target[first] + kept_starts, self.target[last] + kept_ends])
        moved -= np.column_stack([self.query[first], self.query[last]])
        pairs[there] = moved[there]
        return pairs, there & ((kept_starts != starts) | (kept_ends != ends))


def _move(positions: np.ndarray, source: np.ndarray, destination: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    positions = np.asarray(positions, dtype=np.int64)
    if not len(sizes):
        return np.full(positions.shape, -1, dtype=np.int64)
    block = np.maximum(np.searchsorted(source, positions, side="right") - 1, 0)
    within = positions - source[block]
    return np.where((within >= 0) & (within < sizes[block]), destination[block] + within, -1)


class Chain:
    """The alignments of a genome's contigs with another version of the genome, by contig name."""

    def __init__(self, alignments: dict[str, Alignment]) -> None:
        self.alignments = alignments

    def to_target(self, contig: str, positions: np.ndarray) -> np.ndarray:
        """Positions of the target for positions of the query, int64 of the same shape.

        -1 where the target lacks the base (with the changed genome as the query: in an insertion), outside the contig,
        and on contigs that have no chain.
        """
        return self._alignment(contig).to_target(positions)

    def to_query(self, contig: str, positions: np.ndarray) -> np.ndarray:
        """Positions of the query for positions of the target, int64 of the same shape.

        -1 where the query lacks the base (with the changed genome as the query: in a deletion), outside the contig,
        and on contigs that have no chain.
        """
        return self._alignment(contig).to_query(positions)

    def intervals_to_target(self, contig: str, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intervals of the target for intervals of the query: see `Alignment.intervals_to_target`."""
        return self._alignment(contig).intervals_to_target(starts, ends)

    def _alignment(self, contig: str) -> Alignment:
        return self.alignments.get(contig, _NOTHING)

    def write(self, path: str | Path) -> None:
        """Write a chain file. A chain's score is its number of aligned bases; a contig without any has no chain."""
        with atomic_path(Path(path)) as partial, open(partial, "w") as handle:
            whole = [(contig, item) for contig, item in self.alignments.items() if len(item.sizes)]
            for number, (contig, item) in enumerate(whole, start=1):
                handle.write(_chain_text(contig, item, number))

    @classmethod
    def read(cls, path: str | Path) -> "Chain":
        """Read a chain file, plain, gzip or bgzip.

        Raises:
            InputError: the file is no chain file, or its chains are not those of an edited genome (another contig or
                strand on the other side, two chains for a contig); the message names the line.
        """
        alignments: dict[str, Alignment] = {}
        for line, header, rows in _chains(path):
            contig, alignment = _parse_chain(path, line, header, rows)
            if contig in alignments:
                raise InputError(f"{path}, line {line}: a second chain of contig {contig!r}; expected one a contig")
            alignments[contig] = alignment
        if not alignments:
            raise InputError(f"{path}: the file holds no chains; expected lines of the form {HEADER!r}")
        return cls(alignments)


_EMPTY = np.empty(0, dtype=np.int64)
_NOTHING = Alignment(0, 0, _EMPTY, _EMPTY, _EMPTY)


def _chain_text(contig: str, item: Alignment, number: int) -> str:
    ends = [start + item.sizes for start in (item.target, item.query)]
    sides = [
        f"{contig} {length} + {start[0]} {end[-1]}"
        for length, start, end in (
            (item.target_length, item.target, ends[0]),
            (item.query_length, item.query, ends[1]),
        )
    ]
    gaps = [start[1:] - end[:-1] for start, end in zip((item.target, item.query), ends, strict=True)]
    rows = zip(item.sizes[:-1].tolist(), gaps[0].tolist(), gaps[1].tolist(), strict=True)
    lines = [f"chain {item.sizes.sum()} {' '.join(sides)} {number}"]
    lines += [f"{size} {target} {query}" for size, target, query in rows]
    return "\n".join([*lines, str(item.sizes[-1])]) + "\n\n"


def _chains(path: str | Path) -> Iterator[tuple[int, list[str], list[list[str]]]]:
    """The number of each header line, its words, and those of the lines below it."""
    start, header, rows = 0, list[str](), list[list[str]]()
    with open_plain(path) as handle:
        for number, raw in enumerate(handle, start=1):
            words = raw.decode("utf-8", "replace").split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "chain":
                if header:
                    yield start, header, rows
                start, header, rows = number, words, []
            elif header:
                rows.append(words)
            else:
                shown = " ".join(words)[:60]
                raise InputError(f"{path}, line {number}: found {shown!r}, expected a chain file, {HEADER!r}")
    if header:
        yield start, header, rows


def _parse_chain(path: str | Path, line: int, header: list[str], rows: list[list[str]]) -> tuple[str, Alignment]:
    place = f"{path}, line {line}"
    try:
        target, query = header[2], header[7]
        strands = header[4], header[9]
        target_length, target_start, target_end = (int(header[column]) for column in (3, 5, 6))
        query_length, query_start, query_end = (int(header[column]) for column in (8, 10, 11))
        steps = np.array([[int(word) for word in row] for row in [*rows[:-1], [*rows[-1], "0", "0"]]], dtype=np.int64)
        sizes, gaps = steps[:, 0], steps[:, 1:]
        starts = np.cumsum(np.vstack([[target_start, query_start], (sizes[:, None] + gaps)[:-1]]), axis=0)
    except (ValueError, IndexError):
        raise InputError(
            f"{place}: the chain cannot be read; expected {HEADER!r}, then lines of `size dt dq`, the last of `size`"
        ) from None
    if target != query or strands != ("+", "+"):
        raise InputError(
            f"{place}: the chain joins {target} ({strands[0]}) and {query} ({strands[1]}); expected the same contig "
            "and + on both sides, as between a genome and one derived from it"
        )
    ends = starts[-1] + sizes[-1]
    fits = bool((steps >= 0).all()) and tuple(ends) == (target_end, query_end)
    if not fits or target_end > target_length or query_end > query_length or min(target_start, query_start) < 0:
        raise InputError(f"{place}: the blocks of the chain of {target} do not fit its header; is the file whole?")
    kept = sizes > 0
    return target, Alignment(target_length, query_length, starts[kept, 0], starts[kept, 1], sizes[kept])
