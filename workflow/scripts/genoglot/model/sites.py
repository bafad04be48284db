"""Sites of a genome in windows for a model: one window a site, or several sites in one.

Packed windows. A contig is divided into cells whose size is the largest power of two that is at most half a window. A
window has a cell in its middle, and as much context on either side of it; a network of convolutions, for which a
longer sequence is nothing new, reads runs of up to `RUN` cells at once. Cells without a site are left out. Of the
sites in a cell no more are masked in one pass than the share of tokens that was masked in training: where there are
more of them, they take turns, every second in the first pass, say, and the others in the second. Which sites share a
pass depends on those of the same aligned group of `RUN` cells alone, and not on how a genome is cut for parallel jobs
at multiples of `genoglot.genome.store.BLOCK`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genoglot.genome.store import BLOCK, N_CODE, Genome, reverse_complement
from genoglot.model.haplotypes import allele_log_likelihoods
from genoglot.model.inference import LOGITS, Predictor
from genoglot.model.language_model import LanguageModel

Mode = Literal["exact", "packed"]
MODES: tuple[Mode, ...] = ("exact", "packed")
RUN = 16


@dataclass(frozen=True)
class Batch:
    """Passes over windows of one size.

    Attributes:
        contig, start: of each pass' window; 0-based, possibly before the contig.
        size: bases of a window.
        rows: sites, by pass and position.
        owner: the pass of each of them.
        place: its position in the window.
    """

    contig: np.ndarray
    start: np.ndarray
    size: int
    rows: np.ndarray
    owner: np.ndarray
    place: np.ndarray

    def read(self, genome: Genome) -> tuple[np.ndarray, np.ndarray]:
        """Base codes and chosen positions, both (passes, size)."""
        chosen = np.zeros((len(self.start), self.size), dtype=bool)
        chosen[self.owner, self.place] = True
        return genome.windows(self.contig, self.start, self.size), chosen


def site_log_probabilities(
    predictor: Predictor,
    genome: Genome,
    contigs: np.ndarray,
    positions: np.ndarray,
    alleles: np.ndarray | None = None,
    mode: Mode = "exact",
) -> np.ndarray:
    """Log-likelihoods (nats) of the four bases at sites of a genome, float32 (sites, 4), up to a constant a site.

    `contigs` are contig numbers, `positions` 0-based; sites may repeat and come in any order. `alleles`, boolean
    (sites, 4), says which bases are asked for, None all; the others are NaN. The strands are averaged.

    Of a model with probabilities of single bases that is not causal: those of the base given both sides, each site
    with at least a quarter of the window as context on either side, or N past a contig's end. In mode "exact" a masked
    model is given one window a site, in its middle; in mode "packed" several sites share one. Of any other model: the
    log-likelihood of the window around the site with that base in it (`genoglot.model.haplotypes`), a pass for each
    base asked for; they are normalised over those.
    """
    mean = site_strands(predictor, genome, contigs, positions, alleles, mode).mean(axis=0)
    return mean if predictor.predicts_sites else normalised(mean)


def site_strands(
    predictor: Predictor,
    genome: Genome,
    contigs: np.ndarray,
    positions: np.ndarray,
    alleles: np.ndarray | None = None,
    mode: Mode = "exact",
) -> np.ndarray:
    """`site_log_probabilities` by either strand, float32 (2, sites, 4), each up to a constant."""
    sites, inverse = np.unique(np.stack([contigs, positions]), axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    wanted = np.ones((len(inverse), N_CODE), dtype=bool) if alleles is None else alleles
    asked = np.zeros((sites.shape[1], N_CODE), dtype=bool)
    np.logical_or.at(asked, inverse, wanted)
    result = np.full((2, *asked.shape), np.nan, dtype=np.float32)
    unique = sites[0], sites[1]
    if predictor.predicts_sites:
        for rows, tables in _by_windows(predictor, genome, *unique, mode):
            result[:, rows] = tables
    else:
        for rows, bases, values in _by_haplotypes(predictor, genome, *unique, asked):
            result[:, rows, bases] = values
    return np.where(wanted, result[:, inverse], np.float32(np.nan))


def normalised(log_likelihoods: np.ndarray) -> np.ndarray:
    """Log-likelihoods (..., 4) of which some are NaN as log-probabilities over the others, float32."""
    total = np.logaddexp.reduce(np.nan_to_num(log_likelihoods, nan=-np.inf), axis=-1, keepdims=True, initial=-np.inf)
    return (log_likelihoods - np.where(np.isfinite(total), total, 0)).astype(np.float32)


def centred(window: int) -> int:
    """Length of a window with as many bases before its middle one as after it, so that strands are alike."""
    return window - 1 + window % 2


def _by_windows(
    predictor: Predictor, genome: Genome, contigs: np.ndarray, positions: np.ndarray, mode: Mode
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sites, sorted and different, with tables of their four bases by either strand (2, sites, 4)."""
    model = predictor.model
    if mode == "packed":
        tiles = _packed(model, predictor.hidden_share, contigs, positions)
    elif model.kind == "masked":
        size, owner = centred(model.window), np.arange(len(positions))
        tiles = Tiles(contigs, positions - size // 2, np.full(len(positions), size), owner)
    else:
        tiles = _halves(model, contigs, positions)

    def read(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        return batch.rows, predictor.strand_tables(*batch.read(genome))

    # so many bases at once as `batch_size` windows have
    return predictor.map(read, tiles.batches(positions, predictor.batch_size * model.window))


@dataclass(frozen=True)
class Tiles:
    """Passes over windows of any size: contig, start and size of each, and the pass of each site."""

    contig: np.ndarray
    start: np.ndarray
    size: np.ndarray
    owner: np.ndarray

    def batches(self, positions: np.ndarray, most: int) -> Iterator[Batch]:
        """Batches of passes of one size, of at most `most` bases but at least one pass; short windows first."""
        order = np.argsort(self.owner, kind="stable")
        ends = np.searchsorted(self.owner[order], np.arange(len(self.start) + 1))
        for size in np.unique(self.size):
            alike = np.flatnonzero(self.size == size)
            step = max(1, most // int(size))
            for first in range(0, len(alike), step):
                passes = alike[first : first + step]
                count = ends[passes + 1] - ends[passes]
                within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
                rows = order[np.repeat(ends[passes], count) + within]
                owner = np.repeat(np.arange(len(passes)), count)
                start = self.start[passes]
                yield Batch(self.contig[passes], start, int(size), rows, owner, positions[rows] - start[owner])


def _halves(model: LanguageModel, contigs: np.ndarray, positions: np.ndarray) -> Tiles:
    """Windows whose central halves lie side by side; all sites in one are predicted at once, since none is masked."""
    half = model.window // 2
    tiles, owner = np.unique(np.stack([contigs, positions // half]), axis=1, return_inverse=True)
    size = np.full(tiles.shape[1], model.window)
    return Tiles(tiles[0], tiles[1] * half - half // 2, size, owner.reshape(-1))


def _packed(model: LanguageModel, share: float, contigs: np.ndarray, positions: np.ndarray) -> Tiles:
    """The tiles of mode "packed"; see the top of this file."""
    cell_size = 1 << max(0, (model.window // 2).bit_length() - 1)
    margin = (model.window - cell_size) // 2
    longest = max(1, min(RUN, BLOCK // cell_size)) if model.any_length else 1
    cells, cell_of = np.unique(np.stack([contigs, positions // cell_size]), axis=1, return_inverse=True)
    cell_of = cell_of.reshape(-1)
    broken = np.ones(cells.shape[1], dtype=bool)
    broken[1:] = (np.diff(cells[0]) != 0) | (np.diff(cells[1]) != 1) | (np.diff(cells[1] // longest) != 0)
    tile_of_cell = np.cumsum(broken) - 1
    first = np.flatnonzero(broken)
    count = np.diff(np.append(first, cells.shape[1]))
    tile = tile_of_cell[cell_of]

    # sites of a cell take turns, if they are more than may be hidden at once
    sites_of_cell = np.bincount(cell_of, minlength=cells.shape[1])
    rank = np.arange(len(positions)) - (np.cumsum(sites_of_cell) - sites_of_cell)[cell_of]
    allowed = max(1, int(share * cell_size))
    turns = -(-np.maximum.reduceat(sites_of_cell, first) // allowed) if len(first) else count
    owner = (np.cumsum(turns) - turns)[tile] + rank % turns[tile]
    return Tiles(
        np.repeat(cells[0][first], turns),
        np.repeat(cells[1][first] * cell_size - margin, turns),
        np.repeat(count * cell_size + 2 * margin, turns),
        owner,
    )


def _by_haplotypes(
    predictor: Predictor, genome: Genome, contigs: np.ndarray, positions: np.ndarray, asked: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Sites and bases with log-likelihoods of the windows that have them, by either strand (2, alleles)."""
    model = predictor.model
    size = centred(model.window)
    middle = size // 2
    site, base = np.nonzero(asked)
    step = max(1, min(predictor.batch_size, LOGITS // (size * model.encoding.size)))

    def read(first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, bases = site[first : first + step], base[first : first + step].astype(np.uint8)
        here, owner = np.unique(rows, return_inverse=True)
        codes = genome.windows(contigs[here], positions[here] - middle, size)
        forward = allele_log_likelihoods(model, codes, middle, owner, bases)
        reverse = allele_log_likelihoods(model, reverse_complement(codes), middle, owner, 3 - bases)
        return rows, bases, np.stack([forward, reverse])

    return predictor.map(read, range(0, len(site), step))
