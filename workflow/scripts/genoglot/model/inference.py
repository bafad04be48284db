"""Using a pretrained model: base probabilities at sites, and vectors of windows, both strands averaged."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, Genome
from genoglot.model.hardware import autocast, device, prepare
from genoglot.model.modeling_genoglot import MASK_TOKEN, GenoglotForMaskedLM, reverse_complement

COMPLEMENT_BASES = [3, 2, 1, 0]


def load_model(folder: Path) -> GenoglotForMaskedLM:
    """Model of a folder with `config.json` and `model.safetensors`, in evaluation mode on the machine's device."""
    folder = Path(folder)
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a model folder: it has no {name}")
    return ready(GenoglotForMaskedLM.from_pretrained(folder, local_files_only=True))


def ready(model: GenoglotForMaskedLM) -> GenoglotForMaskedLM:
    """The model on the machine's device, in evaluation mode."""
    torch.nn.Module.to(model, device())
    return model.eval()


@dataclass(frozen=True)
class Predictor:
    """A model with the batch size and precision to run it in."""

    model: GenoglotForMaskedLM
    batch_size: int
    precision: str

    @classmethod
    def open(cls, folder: Path, settings: dict, threads: int) -> "Predictor":
        """Load the model of `folder`; `settings` holds `batch_size` and `precision`."""
        precision = prepare(threads, settings["precision"])
        return cls(load_model(folder), settings["batch_size"], precision)

    @property
    def window(self) -> int:
        return self.model.config.window

    @torch.inference_mode()
    def log_probabilities(self, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Log-probabilities (nats) of the four bases at the chosen positions, float32 (chosen, 4).

        `codes` and the boolean `chosen` have shape (windows, length); the result follows their order. Each chosen
        position is masked from its own prediction, and so are the others chosen in its window if the model works by
        mask tokens. The log-probabilities of the two strands are averaged.
        """
        results = [np.empty((0, 4), dtype=np.float32)]
        for first in range(0, len(codes), self.batch_size):
            here = slice(first, first + self.batch_size)
            tokens = torch.from_numpy(codes[here].astype(np.int64)).to(device())
            where = torch.from_numpy(chosen[here]).to(device())
            results.append(self._batch(tokens, where).cpu().numpy())
        return np.concatenate(results)

    def _batch(self, tokens: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        model = self.model
        with autocast(self.precision):
            if not model.needs_mask:
                return model.logits(tokens, where).float().log_softmax(-1)
            masked = tokens.masked_fill(where, MASK_TOKEN)
            forward = model.logits(masked, where).float().log_softmax(-1)
            flipped = where.flip(1)
            reverse = model.logits(reverse_complement(masked), flipped).float().log_softmax(-1)
        # the chosen positions of a flipped batch come window by window, each window's in reverse order
        window, position = where.nonzero(as_tuple=True)
        order = torch.zeros_like(where, dtype=torch.long)
        flipped_window, flipped_position = flipped.nonzero(as_tuple=True)
        order[flipped_window, where.shape[1] - 1 - flipped_position] = torch.arange(len(window), device=tokens.device)
        return (forward + reverse[order[window, position]][:, COMPLEMENT_BASES]) / 2

    def site_log_probabilities(self, genome: Genome, contigs: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Log-probabilities of the four bases at sites of a genome, float32 (sites, 4).

        `contigs` are contig numbers, `positions` 0-based; sites may repeat and come in any order. Each site has at
        least a quarter of the window as context on either side, or N past a contig's end.
        """
        sites, inverse = np.unique(np.stack([contigs, positions]), axis=1, return_inverse=True)
        result = np.empty((sites.shape[1], 4), dtype=np.float32)
        for rows, codes, chosen in self._site_windows(genome, sites[0], sites[1]):
            result[rows] = self.log_probabilities(codes, chosen)
        return result[inverse.reshape(-1)]

    def _site_windows(
        self, genome: Genome, contigs: np.ndarray, positions: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Windows that hold sorted sites, a batch at a time, as (site rows, codes, chosen).

        A model that needs masks gets one window per site; the other predicts all sites in a window's central half
        at once.
        """
        half = self.window // 2
        if self.model.needs_mask:
            starts, owner = positions - half, np.arange(len(positions))
            tile_contig = contigs
        else:
            tiles, owner = np.unique(np.stack([contigs, positions // half]), axis=1, return_inverse=True)
            owner = owner.reshape(-1)
            tile_contig, starts = tiles[0], tiles[1] * half - half // 2
        for first in range(0, len(starts), self.batch_size):
            last = min(first + self.batch_size, len(starts))
            rows = np.arange(np.searchsorted(owner, first), np.searchsorted(owner, last))
            codes = genome.windows(tile_contig[first:last], starts[first:last], self.window)
            chosen = np.zeros(codes.shape, dtype=bool)
            chosen[owner[rows] - first, positions[rows] - starts[owner[rows]]] = True
            yield rows, codes, chosen

    @torch.inference_mode()
    def embed(self, codes: np.ndarray) -> np.ndarray:
        """Vectors, float32 (windows, dim): mean over the central half of each window and over both strands."""
        length = codes.shape[1]
        centre = slice(length // 4, length - length // 4)
        results = [np.empty((0, self.model.config.dim), dtype=np.float32)]
        for first in range(0, len(codes), self.batch_size):
            tokens = torch.from_numpy((codes[first : first + self.batch_size] & CODE_MASK).astype(np.int64))
            tokens = tokens.to(device())
            with autocast(self.precision):
                pooled = self.model.vectors(tokens)[:, centre].float().mean(dim=1)
                if self.model.needs_mask:
                    reverse = self.model.vectors(reverse_complement(tokens))[:, centre].float().mean(dim=1)
                    pooled = (pooled + reverse) / 2
            results.append(pooled.cpu().numpy())
        return np.concatenate(results)
