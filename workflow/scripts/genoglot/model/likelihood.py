"""Held-out likelihood with every evaluated position masked, beside Markov chains on the very same positions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.genome.regions import read_regions
from genoglot.genome.store import N_CODE, Genome

LN2 = float(np.log(2))


@dataclass(frozen=True)
class Tiles:
    """Windows whose central halves cover the evaluated sequence, and the positions chosen in them.

    `codes` uint8 and `chosen` bool have shape (tiles, window); `genome`, `contig` (numbers) and `start` locate them.
    """

    codes: np.ndarray
    chosen: np.ndarray
    genome: np.ndarray
    contig: np.ndarray
    start: np.ndarray


def evaluation_tiles(
    windows: pd.DataFrame,
    genomes: dict[str, Genome],
    window: int,
    mask_rate: float | None,
    most: int,
    seed: int,
) -> Tiles:
    """At most `most` tiles, drawn without replacement, over held-out windows.

    Bases in a tile's central half are chosen, all of them (`mask_rate` None) or that share (of one model, what
    `genoglot.model.reading.evaluation_rate` says); their context may reach past the held-out window but never past its
    contig. No base outside a held-out window is chosen, where a model's window is longer than that.
    """
    half = window // 2
    names = list(genomes)
    number = windows["genome"].map({name: i for i, name in enumerate(names)}).to_numpy(dtype=np.int64)
    contig = np.empty(len(windows), dtype=np.int64)
    for i, name in enumerate(names):
        rows = number == i
        contig[rows] = genomes[name].contig_numbers(windows["contig"][rows].astype(str))
    size = int((windows["end"] - windows["start"]).iloc[0])
    steps = np.arange(0, size, half)
    first = (windows["start"].to_numpy()[:, None] + steps).reshape(-1)
    width = np.tile(np.minimum(half, size - steps), len(windows))
    place = np.stack([np.repeat(number, len(steps)), np.repeat(contig, len(steps)), first, width])
    place = np.unique(place, axis=1)
    rng = np.random.default_rng([seed, 3])
    kept = np.sort(rng.permutation(place.shape[1])[:most])
    number, contig, first, width = place[:, kept]
    start = first - half // 2
    codes = np.empty((len(start), window), dtype=np.uint8)
    for i, name in enumerate(names):
        rows = number == i
        codes[rows] = genomes[name].windows(contig[rows], start[rows], window)
    offset = np.arange(window) - half // 2
    chosen = (offset >= 0) & (offset < width[:, None])
    if mask_rate is not None:
        chosen &= rng.random(codes.shape, dtype=np.float32) < mask_rate
    return Tiles(codes, chosen & (codes < N_CODE), number, contig, start)


def tile_regions(tiles: Tiles, genomes: dict[str, Genome], regions: Mapping[str, Path | None]) -> np.ndarray:
    """Region class of each base of tiles, a code of `read_regions`, uint8 (tiles, window).

    `genomes` are those of `evaluation_tiles`; `regions` maps them to their `regions.bed.gz`. Bases of those without
    one, and what lies beyond the ends of contigs, are unannotated.
    """
    result = np.full(tiles.codes.shape, len(REGION_CLASSES), dtype=np.uint8)
    for number, (name, genome) in enumerate(genomes.items()):
        here, bed = np.flatnonzero(tiles.genome == number), regions.get(name)
        if bed is None or not len(here):
            continue
        place = tiles.start[here][:, None] + np.arange(tiles.codes.shape[1])
        contigs = genome.contigs.iloc[tiles.contig[here]]
        inside = (place >= 0) & (place < contigs["length"].to_numpy()[:, None])
        place = contigs["offset"].to_numpy()[:, None] + np.where(inside, place, 0)
        result[here] = np.where(inside, read_regions(bed, genome)[place], result[here])
    return result


def open_genomes(sequences: dict[str, Path]) -> dict[str, Genome]:
    return {name: Genome(Path(folder)) for name, folder in sequences.items()}


class Reading(NamedTuple):
    """Log-probability (nats, float32) of the true base at each chosen position, and whether it was the best guess."""

    log_probabilities: np.ndarray
    hits: np.ndarray

    @classmethod
    def of_tables(cls, tables: np.ndarray, truth: np.ndarray) -> "Reading":
        """From log-probabilities of the four bases (positions, 4), for true base codes (positions,)."""
        return cls(tables[np.arange(len(truth)), truth], tables.argmax(axis=1) == truth)

    @property
    def bits(self) -> np.ndarray:
        """Loss of each position in bits, float64."""
        return -self.log_probabilities.astype(np.float64) / LN2

    def at(self, rows: np.ndarray) -> "Reading":
        """The reading of some positions."""
        return Reading(self.log_probabilities[rows], self.hits[rows])

    def summary(self) -> dict[str, float]:
        """`bits_per_base` and `accuracy`."""
        return {"bits_per_base": float(self.bits.mean()), "accuracy": float(self.hits.mean())}


def standard_error(loss: np.ndarray, tile: np.ndarray) -> float:
    """Standard error of the mean of `loss`, with whole tiles as the independent units."""
    total = np.bincount(tile, weights=loss)
    count = np.bincount(tile)
    total, count = total[count > 0], count[count > 0]
    residual = total - count * loss.mean()
    return float(np.sqrt((residual**2).sum()) / count.sum())
