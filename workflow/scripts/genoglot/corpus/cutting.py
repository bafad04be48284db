"""Cutting stretches of a genome into windows, and choosing which to keep.

Positions here are those of the genome's array, in which the contigs lie one after another: so all contigs are cut at
once, and a genome of many small contigs costs no more than one of few.
"""

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from genoglot.corpus.hashing import contig_keys, window_numbers
from genoglot.corpus.splits import SPLITS, TRAIN, SplitMap
from genoglot.genome.intervals import Intervals
from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK, Genome, forget

log = logging.getLogger(__name__)

# what is counted while cutting: all windows, those kept, and those left out by the first reason that applies
COUNTS = ("candidates", "kept", "split_border", "excluded", "too_much_n", "too_much_soft_mask")
SPAN = 1 << 22  # bases looked at together


def tile(stretches: np.ndarray, window: int, step: int, last: bool) -> np.ndarray:
    """Starts of windows every `step` bases of each stretch, int64, ascending within it; none where it is too short.

    Args:
        stretches: int64 (stretches, 2), start and end.
        last: whether a stretch also gets a window that ends with it, where no other does.
    """
    room = stretches[:, 1] - stretches[:, 0] - window
    first, room = stretches[room >= 0, 0], room[room >= 0]
    regular = room // step + 1
    counts = regular + (room % step > 0) if last else regular
    begins = np.cumsum(counts) - counts
    starts = np.arange(counts.sum(), dtype=np.int64)
    starts -= np.repeat(begins, counts)
    starts *= step
    # only a last window lies where the step would take it too far
    np.minimum(starts, np.repeat(room, counts), out=starts)
    starts += np.repeat(first, counts)
    return starts


def count_flagged(bases: np.ndarray, starts: np.ndarray, window: int, mask: int, value: int) -> np.ndarray:
    """Bases of each window whose stored byte, under `mask`, is `value`; int32 (windows,).

    `starts` must ascend. The genome is read piece by piece, where there are windows.
    """
    result = np.zeros(len(starts), dtype=np.int32)
    borders = np.flatnonzero(np.diff(starts // SPAN, prepend=-1))
    for low, high in pairwise([*borders, len(starts)]):
        begin, end = starts[low], starts[high - 1] + window
        flagged = (bases[begin:end] & mask) == value
        if flagged.any():
            sums = np.zeros(len(flagged) + 1, dtype=np.int32)
            np.cumsum(flagged, out=sums[1:])
            here = starts[low:high] - begin
            result[low:high] = sums[here + window] - sums[here]
        forget(bases)
    return result


@dataclass(frozen=True)
class Windows:
    """Windows of one length, by their starts in the genome's array.

    Attributes:
        starts: int64 (windows,), ascending.
        splits: int8 (windows,), indices into `SPLITS`.
    """

    starts: np.ndarray
    splits: np.ndarray

    def joined(self, other: "Windows") -> "Windows":
        """Windows of both."""
        starts, splits = np.concatenate([self.starts, other.starts]), np.concatenate([self.splits, other.splits])
        if len(starts) > 1 and (starts[1:] < starts[:-1]).any():
            order = np.argsort(starts, kind="stable")
            starts, splits = starts[order], splits[order]
        return Windows(starts, splits)

    def of(self, split: int) -> np.ndarray:
        """Starts of one split's windows."""
        return self.starts[self.splits == split]


@dataclass(frozen=True)
class Cutter:
    """Cuts one genome as the settings of a corpus say.

    Attributes:
        genome: its name.
        seed: of jitter and random windows.
        excluded: positions in the array that no window may touch.
    """

    store: Genome
    genome: str
    settings: dict[str, Any]
    seed: int
    excluded: Intervals
    splits: SplitMap

    @classmethod
    def of(cls, store: Genome, genome: str, settings: dict[str, Any], seed: int, excluded: Intervals) -> "Cutter":
        lengths = store.contigs["length"]
        return cls(
            store, genome, settings, seed, excluded, SplitMap.of(genome, lengths.index, lengths.tolist(), settings)
        )

    def cut(self, stretches: np.ndarray) -> tuple[Windows, np.ndarray]:
        """Windows on stretches (int64 (stretches, 2), sorted and disjoint), and the numbers of `COUNTS`.

        A stretch is tiled twice, for training and for what is held out, and a window belongs to the split in which it
        starts; one that ends in another split is left out.
        """
        window, step = self.settings["window"], self.settings["step"]
        windows, counts = self._kept(tile(stretches, window, step, last=True), training=True)
        if (self.splits.splits == TRAIN).all():
            return windows, counts
        held_out, others = self._kept(tile(stretches, window, window, last=False), training=False)
        return windows.joined(held_out), counts + others

    def random_windows(self, chosen: Windows) -> Windows:
        """As many windows of each split as `chosen` has, from the whole genome; fewer where it has no more.

        They are cut from whole contigs; a window's number (see `hashing`) decides whether it is taken, so that few
        change when the genome or its annotation does. None is in `chosen`, and held-out ones overlap none of them.
        """
        window = self.settings["window"]
        contigs = self.store.contigs
        bounds = np.column_stack([contigs["offset"], contigs["offset"] + contigs["length"]]).astype(np.int64)
        candidates, _ = self.cut(bounds)
        numbers = self._numbers("random", candidates.starts)
        taken = []
        for split in range(len(SPLITS)):
            own = chosen.of(split)
            if split == TRAIN:
                free = ~np.isin(candidates.starts, own)
            else:
                free = ~Intervals(np.column_stack([own, own + window])).touches(
                    candidates.starts, candidates.starts + window
                )
            rows = np.flatnonzero(free & (candidates.splits == split))
            taken.append(rows[np.argsort(numbers[rows], kind="stable")[: len(own)]])
            if len(rows) < len(own):
                log.info("%s, %s: %d random windows beside %d others", self.genome, SPLITS[split], len(rows), len(own))
        rows = np.sort(np.concatenate(taken))
        return Windows(candidates.starts[rows], candidates.splits[rows])

    def contig_numbers(self, starts: np.ndarray) -> np.ndarray:
        """Row in the contig table of each position."""
        return np.searchsorted(self.store.contigs["offset"].to_numpy(), starts, side="right") - 1

    def _kept(self, starts: np.ndarray, training: bool) -> tuple[Windows, np.ndarray]:
        """Of the starts in training or in held-out sequence, the windows that are kept; and the numbers of `COUNTS`."""
        window = self.settings["window"]
        run = self.splits.run(starts)
        own = (self.splits.splits[run] == TRAIN) == training
        starts, run = starts[own], run[own]
        whole = starts + window <= self.splits.ends[run]
        border = int((~whole).sum())
        starts, run = starts[whole], run[whole]
        if training and self.settings["jitter"]:
            starts = self._shifted(starts, run)
            run = self.splits.run(starts)
        splits = self.splits.splits[run]
        counts = [border + len(starts), 0, border]
        for wrong in (self._is_excluded, self._has_much_n, self._is_much_soft_masked):
            kept = ~wrong(starts, training)
            counts.append(int((~kept).sum()))
            starts, splits = starts[kept], splits[kept]
        counts[1] = len(starts)
        return Windows(starts, splits), np.array(counts)

    def _shifted(self, starts: np.ndarray, run: np.ndarray) -> np.ndarray:
        """Starts moved by their jitter, within their contig and split; ascending, each once."""
        jitter = self.settings["jitter"]
        offset = (self._numbers("jitter", starts) % np.uint64(2 * jitter + 1)).astype(np.int64) - jitter
        return np.unique(
            np.clip(starts + offset, self.splits.starts[run], self.splits.ends[run] - self.settings["window"])
        )

    def _numbers(self, purpose: str, starts: np.ndarray) -> np.ndarray:
        """The windows' random numbers for a purpose, uint64."""
        contigs = self.contig_numbers(starts)
        keys = contig_keys(purpose, self.seed, self.genome, self.store.contigs.index)
        return window_numbers(keys[contigs], starts - self.store.contigs["offset"].to_numpy()[contigs])

    def _is_excluded(self, starts: np.ndarray, training: bool) -> np.ndarray:
        return self.excluded.touches(starts, starts + self.settings["window"])

    def _has_much_n(self, starts: np.ndarray, training: bool) -> np.ndarray:
        window = self.settings["window"]
        unknown = count_flagged(self.store.bases, starts, window, CODE_MASK, N_CODE)
        return unknown > self.settings["max_n"] * window

    def _is_much_soft_masked(self, starts: np.ndarray, training: bool) -> np.ndarray:
        window, most = self.settings["window"], self.settings["max_soft_masked"]
        if not training or most >= 1:
            return np.zeros(len(starts), dtype=bool)
        return count_flagged(self.store.bases, starts, window, SOFT_MASK, SOFT_MASK) > most * window
