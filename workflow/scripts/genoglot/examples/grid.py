"""Windows of a genome for tasks with a truth for each bin, and what lies side by side of them put together again."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.examples.splitting import groups_of
from genoglot.examples.store import TEST, TRAIN, VALIDATION
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.store import Genome

log = logging.getLogger(__name__)


def margin_of(settings: Mapping[str, Any], window: int, size: int) -> int:
    """Bases at either end of a window that are read and not measured: a quarter of it where the settings do not say,
    in whole bins.

    Raises InputError where bins do not fill a window, or where margins leave nothing between them.
    """
    if window % size:
        raise InputError(f"bin: bins of {size} bases do not fill the model's window of {window}")
    margin = settings["margin"]
    if margin is None:
        margin = window // 4 // size * size
    if margin % size or 2 * margin >= window:
        raise InputError(
            f"margin: expected a multiple of {size}, the bases of a bin, below half of the model's window of {window}; "
            f"found {margin}"
        )
    return margin


def dense_windows(
    on: TaskGenome, margin: int, settings: Mapping[str, Any], most: int | None
) -> tuple[pd.DataFrame, dict[str, int], str]:
    """Windows to learn from, to choose by and to test on; how many were left out and why; where the splits are from.

    Training windows lie side by side. Those of validation and test overlap by two margins, so that each base lies
    between the margins of one of them: it is measured where the network sees both its sides. Windows may reach past
    either end of a contig, where there is N. The frame has columns split, group, contig, number (of the contig), start,
    end and strand, and is sorted by split, contig and start.

    Args:
        settings: `split` of the task.
        most: windows to train on, and about as many to choose by; None for all. The test windows are whole.
    """
    if settings["by"] == "column":
        raise InputError(
            "split.by: column: the truth of bins comes from an annotation or tracks, which have no such one"
        )
    window, parts, across, origin = on.window, [], 0, ""
    for wanted, first, step in (((TRAIN,), 0, window), ((VALIDATION, TEST), -margin, window - 2 * margin)):
        frame = _windows(on.sequence, window, first, step)
        split, reaching, origin = on.splits(frame, settings)
        frame.insert(0, "group", groups_of(frame))
        frame.insert(0, "split", split)
        here = frame["split"].isin(wanted)
        across += int((reaching & here).sum())
        parts.append(frame[here & ~reaching])
    frame = pd.concat(parts, ignore_index=True)
    count = len(frame)
    if most is not None:
        frame = _sampled(frame, most, on.seed)
    order = {split: number for number, split in enumerate((TRAIN, VALIDATION, TEST))}
    frame = frame.iloc[np.lexsort((frame["start"], frame["number"], frame["split"].map(order)))]
    left_out = {"across a border of the splits": across, "more than max_windows": count - len(frame)}
    return frame.reset_index(drop=True), left_out, origin


def _windows(genome: Genome, window: int, first: int, step: int) -> pd.DataFrame:
    """Windows over all contigs from `first` on, as many as it takes for the part between margins to reach the end."""
    tables = []
    for number, (contig, length) in enumerate(genome.contigs["length"].items()):
        starts = np.arange(first, length + first, step)
        tables.append(pd.DataFrame({"contig": contig, "number": number, "start": starts, "end": starts + window}))
    return pd.concat(tables, ignore_index=True).assign(strand="+")


def _sampled(frame: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """A seeded sample of the training windows, and whole groups of neighbours of the validation windows."""
    training = frame[frame["split"] == TRAIN]
    chosen = frame[frame["split"] == VALIDATION]
    if len(training) > most:
        training = training.sample(most, random_state=seed)
    sizes = chosen["group"].value_counts().sample(frac=1, random_state=seed)
    kept = sizes.index[(sizes.cumsum() - sizes) < most]
    return pd.concat([training, chosen[chosen["group"].isin(kept)], frame[frame["split"] == TEST]])


def hide_margins(truth: np.ndarray, frame: pd.DataFrame, bins: int, unknown: float) -> None:
    """Make so many bins at either end of the validation and test windows unknown, in place."""
    held = (frame["split"] != TRAIN).to_numpy()
    if bins:
        truth[held, :bins] = unknown
        truth[held, -bins:] = unknown


@dataclass(frozen=True)
class Stretch:
    """Validation or test windows whose middles lie side by side.

    Attributes:
        contig, start: where the middle of the first window begins.
        rows: numbers of the windows among those that `stretches` was given.
    """

    contig: str
    start: int
    rows: np.ndarray

    def joined(self, values: np.ndarray, margin: int) -> np.ndarray:
        """What the middles of windows have, (bins, ...), of values (windows, bins, ...); the margin in bins."""
        middle = values[self.rows, margin : values.shape[1] - margin]
        return middle.reshape(-1, *values.shape[2:])


def stretches(frame: pd.DataFrame, margin: int) -> Iterator[Stretch]:
    """The stretches of a frame of windows as `dense_windows` sorts them, of one split; the margin in bases."""
    if frame.empty:
        return
    start, number = frame["start"].to_numpy(), frame["number"].to_numpy()
    step = int(frame["end"].iloc[0] - start[0]) - 2 * margin
    broken = np.flatnonzero((np.diff(number) != 0) | (np.diff(start) != step)) + 1
    for rows in np.split(np.arange(len(frame)), broken):
        yield Stretch(str(frame["contig"].iloc[rows[0]]), int(start[rows[0]]) + margin, rows)
