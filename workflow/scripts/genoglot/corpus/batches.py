"""Training batches: drawn from windows without replacement, the same for the same seed and step.

Batch `step` depends on (seed, step) alone, so that a resumed run sees exactly what an undisturbed one would have seen.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import IterableDataset

from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK, Genome, reverse_complement

MASK_TOKEN = 5


class WindowReader:
    """Reads windows of several genomes, in any order, as stored bytes (base code and soft-mask bit)."""

    def __init__(self, windows: pd.DataFrame, sequences: dict[str, Path]):
        self._stores = [Genome(Path(folder)) for folder in sequences.values()]
        numbers = {name: number for number, name in enumerate(sequences)}
        self._number = windows["genome"].map(numbers).to_numpy(dtype=np.int64)
        offset = np.empty(len(windows), dtype=np.int64)
        for number, store in enumerate(self._stores):
            rows = self._number == number
            offset[rows] = store.contigs["offset"].reindex(windows["contig"][rows]).to_numpy()
        self._first = offset + windows["start"].to_numpy()
        self.size = int((windows["end"] - windows["start"]).iloc[0])

    def __len__(self) -> int:
        return len(self._first)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Stored bytes, uint8 (rows, window)."""
        result = np.empty((len(rows), self.size), dtype=np.uint8)
        for number in np.unique(self._number[rows]):
            here = self._number[rows] == number
            positions = self._first[rows[here]][:, None] + np.arange(self.size)
            result[here] = self._stores[number].bases[positions]
        return result


@lru_cache(maxsize=2)
def window_order(windows: int, seed: int, epoch: int) -> np.ndarray:
    """Order of the windows in one pass over the corpus."""
    return np.random.default_rng([seed, 1, epoch]).permutation(windows)


def rows_of_step(windows: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Rows of batch number `step`, consecutive in the concatenated orders of all passes."""
    positions = np.arange(step * batch, (step + 1) * batch)
    epochs = positions // windows
    rows = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        rows[here] = window_order(windows, seed, int(epoch))[positions[here] % windows]
    return rows


def choose_positions(codes: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """A random share `rate` of the positions that hold a base, boolean of the shape of `codes`."""
    return (rng.random(codes.shape, dtype=np.float32) < rate) & (codes < N_CODE)


def corrupt(codes: np.ndarray, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """BERT's corruption of the chosen positions: 80% become [MASK], 10% a random base, 10% stay as they are."""
    tokens = codes.copy()
    draw = rng.random(codes.shape, dtype=np.float32)
    tokens[chosen & (draw < 0.8)] = MASK_TOKEN
    replaced = chosen & (draw >= 0.8) & (draw < 0.9)
    tokens[replaced] = rng.integers(0, 4, int(replaced.sum()), dtype=np.uint8)
    return tokens


class TrainingBatches(IterableDataset):
    """Batches (tokens, targets, weights) from step `first` to `last`, as tensors of shape (batch, window).

    Half the windows, at random, are reverse-complemented. Targets are base codes where a loss is wanted (a share
    `mask_rate` of the bases for a model that needs masks, all of them for one that does not) and -100 elsewhere;
    weights are 1, or `soft_mask_weight` where the genome is soft-masked.
    """

    def __init__(
        self,
        reader: WindowReader,
        batch: int,
        first: int,
        last: int,
        seed: int,
        mask_rate: float | None,
        soft_mask_weight: float,
    ):
        self.reader, self.batch, self.first, self.last, self.seed = reader, batch, first, last, seed
        self.mask_rate, self.soft_mask_weight = mask_rate, soft_mask_weight

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        for step in range(self.first, self.last):
            yield self.at(step)

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([self.seed, 2, step])
        stored = self.reader.read(rows_of_step(len(self.reader), self.batch, self.seed, step))
        codes = stored & CODE_MASK
        soft = (stored & SOFT_MASK) > 0
        flipped = rng.random(len(codes)) < 0.5
        codes[flipped] = reverse_complement(codes[flipped])
        soft[flipped] = soft[flipped, ::-1]
        if self.mask_rate is None:
            chosen, tokens = codes < N_CODE, codes
        else:
            chosen = choose_positions(codes, self.mask_rate, rng)
            tokens = corrupt(codes, chosen, rng)
        targets = np.where(chosen, codes.astype(np.int64), -100)
        weights = np.where(soft, np.float32(self.soft_mask_weight), np.float32(1))
        return torch.from_numpy(tokens.astype(np.int64)), torch.from_numpy(targets), torch.from_numpy(weights)
