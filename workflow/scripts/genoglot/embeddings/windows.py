"""Which windows of a genome are embedded, and which of them are read together.

Windows lie every `step` bases, around the intervals of a BED, or one in the middle of every contig. Convolutional
networks read runs of windows that overlap as one stretch, so that no base is computed twice; a run ends where a
window does not overlap the next, and at multiples of `RUN` half windows of a contig. So which windows share a run
depends on the windows alone, and so do the groups of runs in which they are read and cut for parallel jobs.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.corpus.windows import window_starts
from genoglot.errors import InputError
from genoglot.genome.bed import read_bed
from genoglot.genome.region_classes import REGION_CLASSES, UNANNOTATED
from genoglot.genome.store import Genome

LABELS = [*REGION_CLASSES, UNANNOTATED]
CHUNK = 4096  # windows whose bases are looked at at once
RUN = 16  # half windows of a run
GROUP = 1024  # windows of a group of runs, about


def genome_windows(genome: Genome, window: int, step: int) -> pd.DataFrame:
    """Windows over all contigs that are long enough, columns contig, number (of the contig), start, end."""
    tables = [
        pd.DataFrame({"contig": contig, "number": number, "start": window_starts(length, window, step)})
        for number, (contig, length) in enumerate(genome.contigs["length"].items())
    ]
    frame = pd.concat(tables, ignore_index=True)
    if frame.empty:
        raise InputError(
            f"{genome.folder}: its longest contig has {genome.contigs['length'].max()} bases, shorter than a window "
            f"of {window}"
        )
    frame["end"] = frame["start"] + window
    return frame


def interval_windows(genome: Genome, window: int, bed: Path | str | None, names: Path | None = None) -> pd.DataFrame:
    """Windows whose middle is that of an interval of a BED, or of a contig if there is none; sorted.

    They may reach past the ends of a contig. Of two intervals with one middle, and twice the same, one is kept for each
    line. Columns as of `genome_windows`, and `interval_start` and `interval_end`.

    Raises:
        InputError: see `read_bed`.
    """
    contigs = genome.contigs.reset_index()
    if bed is None:
        intervals = pd.DataFrame({"contig": contigs["contig"], "start": 0, "end": contigs["length"]})
    else:
        intervals = read_bed(bed, contigs, names)
    if intervals.empty:
        raise InputError(f"{bed}: none of its intervals lies on a contig of {genome.folder}; there is nothing to embed")
    start = (intervals["start"] + intervals["end"]) // 2 - window // 2
    frame = pd.DataFrame(
        {
            "contig": intervals["contig"],
            "number": genome.contig_numbers(intervals["contig"]),
            "start": start,
            "end": start + window,
            "interval_start": intervals["start"],
            "interval_end": intervals["end"],
        }
    )
    return frame.sort_values(["number", "start", "interval_start", "interval_end"], ignore_index=True)


def window_regions(classes: np.ndarray, genome: Genome, frame: pd.DataFrame) -> np.ndarray:
    """Label of each window: the class of most of its central half; the first by priority on a tie."""
    length = int(frame["end"].iloc[0] - frame["start"].iloc[0])
    first = frame["start"].to_numpy() + length // 4
    offset, size = (genome.contigs[name].to_numpy()[frame["number"]][:, None] for name in ("offset", "length"))
    result = np.empty(len(frame), dtype=np.int64)
    for begin in range(0, len(frame), CHUNK):
        rows = slice(begin, begin + CHUNK)
        places = first[rows, None] + np.arange(length // 2)
        inside = (places >= 0) & (places < size[rows])
        block = np.where(inside, classes[offset[rows] + np.where(inside, places, 0)], len(LABELS))
        counts = np.stack([(block == code).sum(axis=1) for code in range(len(LABELS))], axis=1)
        result[rows] = counts.argmax(axis=1)
    return np.array(LABELS)[result]


def find_runs(frame: pd.DataFrame, packed: bool) -> np.ndarray:
    """Number of the run of each window of a sorted frame, from 0; without `packed`, each is its own."""
    if not packed:
        return np.arange(len(frame))
    number, start = frame["number"].to_numpy(), frame["start"].to_numpy()
    window = int(frame["end"].iloc[0] - start[0])
    block = start // max(1, RUN * window // 2)
    broken = (np.diff(number) != 0) | (np.diff(start) >= window) | (np.diff(block) != 0)
    return np.concatenate([[0], np.cumsum(broken)])


def find_groups(runs: np.ndarray) -> list[slice]:
    """Rows of consecutive whole runs, about `GROUP` windows each."""
    group = np.flatnonzero(np.r_[True, np.diff(runs) != 0])
    starts = group[np.r_[True, np.diff(group // GROUP) != 0]]
    return [slice(first, last) for first, last in zip(starts, [*starts[1:], len(runs)], strict=True)]


def part_of(groups: list[slice], part: int, parts: int) -> list[slice]:
    """The groups of the `part`-th (from 1) of parts of about equal size; there may be none."""
    return [group for number, group in enumerate(groups) if number * parts // len(groups) == part - 1]


def drawn_runs(runs: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Which windows are in whole runs that are drawn until there are `most` windows; all where there are no more."""
    if len(runs) <= most:
        return np.ones(len(runs), dtype=bool)
    sizes = np.bincount(runs)
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.cumsum(sizes[order]) - sizes[order]
    return np.isin(runs, order[before < most])
