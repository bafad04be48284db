"""Using a pretrained model: probabilities of bases, log-likelihoods of alleles at sites, and vectors of windows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genoglot.genome.store import CODE_MASK, N_CODE, Genome, reverse_complement
from genoglot.model import reading
from genoglot.model.haplotypes import allele_log_likelihoods
from genoglot.model.hardware import autocast, device, prepare
from genoglot.model.language_model import LanguageModel, load_language_model
from genoglot.model.likelihood import Reading
from genoglot.model.pooling import pool, pooled_input

LOGITS = 1 << 27  # of one pass, half a gigabyte: fewer windows at once where the vocabulary is large


def untrained(model: LanguageModel) -> LanguageModel:
    """The same network with random weights, in evaluation mode on the machine's device."""
    network = type(model.network)(model.network.config)  # type: ignore[arg-type, call-arg]
    torch.nn.Module.to(network, device())
    return replace(model, network=network.eval())


@dataclass(frozen=True)
class Predictor:
    """A model with the batch size and precision to run it in.

    Both strands are read and averaged, the second as the reverse complement of the bases, written in tokens of its
    own. A model that is the same on both strands reads one; so does, in `truth`, one whose measure depends on the
    strand (causal models, and tokens that have no probabilities of single bases).
    """

    model: LanguageModel
    batch_size: int
    precision: str

    @classmethod
    def open(cls, folder: Path, settings: dict[str, Any], threads: int) -> "Predictor":
        """Load the model of `folder`; `settings` holds `batch_size` and `precision`."""
        precision = prepare(threads, settings["precision"])
        return cls(load_language_model(Path(folder)), settings["batch_size"], precision)

    @property
    def window(self) -> int:
        return self.model.window

    @property
    def dim(self) -> int:
        return self.model.dim

    @torch.inference_mode()
    def truth(self, codes: np.ndarray, chosen: np.ndarray) -> Reading:
        """Log-probability (nats, float32) of the true base at each chosen position, and whether it was the best guess.

        `codes` (base codes) and the boolean `chosen` have shape (windows, length); both results are (chosen,), in
        their order. Causal models read the strand as given, and so do those without probabilities of single bases; see
        `genoglot.model.reading` for what is measured of tokens of several bases.
        """
        if reading.has_tables(self.model) and self.model.kind != "causal":
            return Reading.of_tables(self.log_probabilities(codes, chosen), codes[chosen] & CODE_MASK)
        parts = [(np.empty(0, dtype=np.float32), np.empty(0, dtype=bool))]
        for here in self._passes(chosen):
            with autocast(self.precision):
                read = reading.truth(self.model, codes[here], chosen[here])
            parts.append((read[0].cpu().numpy(), read[1].cpu().numpy()))
        likelihood, hit = zip(*parts, strict=True)
        return Reading(np.concatenate(likelihood), np.concatenate(hit))

    @torch.inference_mode()
    def log_probabilities(self, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Log-probabilities (nats) of the four bases at the chosen positions, float32 (chosen, 4).

        `codes` and the boolean `chosen` have shape (windows, length); the result follows their order. Each chosen
        position is masked from its own prediction, and so are the others chosen in its window if the model works by
        mask tokens. The log-probabilities of the two strands are averaged, but those of a causal model are of the
        strand as given.

        Raises:
            ValueError: the model's tokens have no probabilities of single bases (`reading.has_tables`).
        """
        if not reading.has_tables(self.model):
            raise ValueError("a model whose tokens have no probabilities of single bases; use truth")
        results = [np.empty((0, N_CODE), dtype=np.float32)]
        for here in self._passes(chosen):
            results.append(self._tables(codes[here], chosen[here]))
        return np.concatenate(results)

    def _tables(self, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        with autocast(self.precision):
            forward = reading.tables(self.model, codes, chosen).cpu().numpy()
            if self.model.symmetric or self.model.kind == "causal":
                return forward
            reverse = reading.tables(self.model, reverse_complement(codes & CODE_MASK), chosen[:, ::-1]).cpu().numpy()
        # the chosen positions of a flipped batch come window by window, each window's in reverse order
        count = chosen.sum(axis=1)
        first = np.cumsum(count) - count
        order = np.repeat(2 * first + count - 1, count) - np.arange(len(forward))
        return (forward + reverse[order][:, ::-1]) / 2

    def _passes(self, chosen: np.ndarray) -> Iterator[slice]:
        """Slices of windows: the batch size, or fewer where the logits would take more memory than `LOGITS`."""
        covering = self.model.encoding.k if self.model.encoding.overlapping and self.model.kind == "masked" else 1
        most = int(chosen.sum(axis=1).max(initial=1)) * covering * self.model.encoding.size
        step = max(1, min(self.batch_size, LOGITS // max(most, 1)))
        for first in range(0, len(chosen), step):
            yield slice(first, first + step)

    def site_log_probabilities(
        self, genome: Genome, contigs: np.ndarray, positions: np.ndarray, alleles: np.ndarray | None = None
    ) -> np.ndarray:
        """Log-likelihoods (nats) of the four bases at sites of a genome, float32 (sites, 4), up to a constant a site.

        `contigs` are contig numbers, `positions` 0-based; sites may repeat and come in any order. `alleles`, boolean
        (sites, 4), says which bases are asked for, None all; the others are NaN.

        Of a model with probabilities of single bases that is not causal: those of the base given both sides, each site
        with at least a quarter of the window as context on either side, or N past a contig's end. Of any other: the
        log-likelihood of the window around the site with that base in it (`genoglot.model.haplotypes`), a pass for
        each base asked for; they are normalised over those.
        """
        sites, inverse = np.unique(np.stack([contigs, positions]), axis=1, return_inverse=True)
        inverse = inverse.reshape(-1)
        wanted = np.ones((len(inverse), N_CODE), dtype=bool) if alleles is None else alleles
        if reading.has_tables(self.model) and self.model.kind != "causal":
            result = np.empty((sites.shape[1], N_CODE), dtype=np.float32)
            for rows, codes, chosen in self._site_windows(genome, sites[0], sites[1]):
                result[rows] = self.log_probabilities(codes, chosen)
        else:
            asked = np.zeros((sites.shape[1], N_CODE), dtype=bool)
            np.logical_or.at(asked, inverse, wanted)
            result = self._haplotypes(genome, sites[0], sites[1], asked)
        return np.where(wanted, result[inverse], np.float32(np.nan))

    @property
    def _centred(self) -> int:
        """Length of a window with as many bases before its middle one as after it, so that strands are alike."""
        return self.window - 1 + self.window % 2

    def _site_windows(
        self, genome: Genome, contigs: np.ndarray, positions: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Windows that hold sorted sites, a batch at a time, as (site rows, codes, chosen).

        A model that needs masks gets one window per site; the other predicts all sites in a window's central half
        at once.
        """
        if self.model.kind == "masked":
            size, owner = self._centred, np.arange(len(positions))
            tile_contig, starts = contigs, positions - size // 2
        else:
            size, half = self.window, self.window // 2
            tiles, owner = np.unique(np.stack([contigs, positions // half]), axis=1, return_inverse=True)
            owner = owner.reshape(-1)
            tile_contig, starts = tiles[0], tiles[1] * half - half // 2
        for first in range(0, len(starts), self.batch_size):
            last = min(first + self.batch_size, len(starts))
            rows = np.arange(np.searchsorted(owner, first), np.searchsorted(owner, last))
            codes = genome.windows(tile_contig[first:last], starts[first:last], size)
            chosen = np.zeros(codes.shape, dtype=bool)
            chosen[owner[rows] - first, positions[rows] - starts[owner[rows]]] = True
            yield rows, codes, chosen

    @torch.inference_mode()
    def _haplotypes(self, genome: Genome, contigs: np.ndarray, positions: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Log-likelihoods of windows with each base asked for at their sites, normalised over these; NaN elsewhere."""
        size = self._centred
        middle = size // 2
        site, base = np.nonzero(asked)
        result = np.full(asked.shape, -np.inf)
        step = max(1, min(self.batch_size, LOGITS // (size * self.model.encoding.size)))
        for first in range(0, len(site), step):
            rows, bases = site[first : first + step], base[first : first + step].astype(np.uint8)
            here, owner = np.unique(rows, return_inverse=True)
            codes = genome.windows(contigs[here], positions[here] - middle, size)
            with autocast(self.precision):
                forward = allele_log_likelihoods(self.model, codes, middle, owner, bases)
                reverse = allele_log_likelihoods(self.model, reverse_complement(codes), middle, owner, 3 - bases)
            result[rows, bases] = (forward + reverse) / 2
        total = np.logaddexp.reduce(result, axis=1, keepdims=True, initial=-np.inf)
        return np.where(asked, result - np.where(np.isfinite(total), total, 0), np.nan).astype(np.float32)

    @torch.inference_mode()
    def embed(self, codes: np.ndarray) -> np.ndarray:
        """Vectors, float32 (windows, dim): mean over the tokens in each window's central half and over both strands."""
        codes = codes & CODE_MASK
        results = [np.empty((0, self.dim), dtype=np.float32)]
        for first in range(0, len(codes), self.batch_size):
            here = codes[first : first + self.batch_size]
            pooled = self._pooled(here)
            if not self.model.symmetric:
                pooled = (pooled + self._pooled(reverse_complement(here))) / 2
            results.append(pooled.cpu().numpy())
        return np.concatenate(results)

    def _pooled(self, codes: np.ndarray) -> torch.Tensor:
        with autocast(self.precision):
            return pool(self.model, *pooled_input(self.model, codes))
