"""Which sites a scan covers, and how they are cut into pieces of work.

What is scored together is decided by the sites alone, never by the number of jobs: in mode "packed" the score of a
site depends a little on which of its neighbours are masked beside it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.genome.bed import read_bed
from genoglot.genome.intervals import Intervals
from genoglot.genome.names import ContigNames
from genoglot.genome.store import BLOCK, N_CODE, Genome


def plan_scan(
    genome: Genome, contigs: list[str] | None = None, bed: Path | None = None, names: Path | None = None
) -> pd.DataFrame:
    """The regions of a scan, cut at multiples of `BLOCK`, and which of them are scored together.

    Args:
        genome: the tokenized genome.
        contigs: contigs to scan; None for all.
        bed: regions to scan, of these contigs; None for the whole of them.
        names: the genome's `names.tsv`, if `contigs` or `bed` call contigs by other names.

    Returns:
        Columns number (of the contig), start, end and stretch (a number from 0), sorted. A stretch is a block of a
        contig, or several with at most `BLOCK` bases of the scan among them.

    Raises:
        InputError: a contig is unknown, a line of the BED is wrong, or nothing is left to scan.
    """
    known = ContigNames.of(genome.contigs.index, names)
    wanted = None if contigs is None else set(known.find(contigs, "scan"))
    if bed is None:
        table = pd.DataFrame({"contig": genome.contigs.index, "start": 0, "end": genome.contigs["length"].to_numpy()})
    else:
        table = read_bed(bed, genome.contigs.reset_index(), names)
    if wanted is not None:
        table = table[table["contig"].isin(wanted)]
    if table.empty:
        of = "" if wanted is None else f" of {', '.join(sorted(wanted))}"
        raise InputError(f"{bed or genome.folder}: there is no region{of} to scan")
    pieces = [
        _cut(int(number), Intervals(rows[["start", "end"]].to_numpy()))
        for number, rows in table.groupby(genome.contig_numbers(table["contig"]))
    ]
    plan = pd.concat(pieces, ignore_index=True)
    return plan.assign(stretch=_stretches(plan))


def _cut(number: int, regions: Intervals) -> pd.DataFrame:
    """Regions of one contig cut at the borders of blocks."""
    first, last = regions.starts // BLOCK, (regions.ends - 1) // BLOCK
    count = last - first + 1
    row = np.repeat(np.arange(len(count)), count)
    block = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    starts = np.maximum(regions.starts[row], block * BLOCK)
    ends = np.minimum(regions.ends[row], (block + 1) * BLOCK)
    return pd.DataFrame({"number": number, "start": starts, "end": ends})


def _stretches(plan: pd.DataFrame) -> np.ndarray:
    """Number of the stretch of each row: blocks in order, and a new one where it would hold more than `BLOCK` bases."""
    block = plan["start"] // BLOCK
    new = (plan["number"].diff() != 0) | (block.diff() != 0)
    owner = new.cumsum().to_numpy() - 1
    sizes = np.bincount(owner, weights=plan["end"] - plan["start"]).astype(np.int64)
    stretch, filled = -1, BLOCK
    of_block = np.empty(len(sizes), dtype=np.int64)
    for number, size in enumerate(sizes.tolist()):
        if filled + size > BLOCK:
            stretch, filled = stretch + 1, 0
        filled += size
        of_block[number] = stretch
    return of_block[owner]


def part_of(plan: pd.DataFrame, part: int, parts: int) -> pd.DataFrame:
    """The `part`-th (from 1) of parts of about equal length: whole stretches, whose middles lie in it; may be empty."""
    sizes = np.bincount(plan["stretch"], weights=plan["end"] - plan["start"]).astype(np.int64)
    middle = 2 * (np.cumsum(sizes) - sizes) + sizes
    owner = middle * parts // (2 * sizes.sum())
    return plan[owner[plan["stretch"]] == part - 1]


def known_sites(genome: Genome, pieces: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contig number, position and base code of every base of some pieces that is not N."""
    size = (pieces["end"] - pieces["start"]).to_numpy()
    contigs = np.repeat(pieces["number"].to_numpy(), size)
    positions = np.repeat(pieces["start"].to_numpy() - (np.cumsum(size) - size), size) + np.arange(size.sum())
    codes = genome.at(contigs, positions[:, None])[:, 0]
    known = codes < N_CODE
    return contigs[known], positions[known], codes[known]
