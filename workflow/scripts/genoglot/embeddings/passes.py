"""Passes of a model over runs of windows: a vector for each window, and how well the model predicts its bases."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import CODE_MASK, N_CODE, Genome, reverse_complement
from genoglot.model import reading
from genoglot.model.inference import LOGITS, Predictor
from genoglot.model.language_model import LanguageModel
from genoglot.model.pooling import window_weights
from genoglot.model.reading import device_of

# bases of a pass on a CPU, where activations that stay in its cache are faster than many windows at once
CACHED = 8192
CODON = 3


@dataclass(frozen=True)
class Stretches:
    """Runs of one length and of one number of windows, read in one pass.

    Attributes:
        contig, start: of each run; 0-based, possibly before the contig.
        size: bases of a run.
        rows: windows of each run, (runs, windows).
        offsets: their first bases in the run, (runs, windows).
    """

    contig: np.ndarray
    start: np.ndarray
    size: int
    rows: np.ndarray
    offsets: np.ndarray


def stretches(number: np.ndarray, start: np.ndarray, runs: np.ndarray, window: int, most: int) -> Iterator[Stretches]:
    """The passes over windows, sorted by contig `number` and `start`, of which those of a run are read together.

    `most`: bases of a pass, but at least one run.
    """
    if not len(runs):
        return
    first = np.flatnonzero(np.r_[True, np.diff(runs) != 0])
    count = np.diff(np.append(first, len(runs)))
    size = start[first + count - 1] + window - start[first]
    shapes, shape = np.unique(np.stack([size, count]), axis=1, return_inverse=True)
    for kind, (length, windows) in enumerate(shapes.T.tolist()):
        alike = first[shape.reshape(-1) == kind]
        step = max(1, most // length)
        for begin in range(0, len(alike), step):
            here = alike[begin : begin + step]
            rows = here[:, None] + np.arange(windows)
            yield Stretches(number[here], start[here], length, rows, start[rows] - start[here][:, None])


@dataclass(frozen=True)
class WindowReader:
    """A model and its untrained twin, which read windows of `predictor.window` bases of a genome.

    `judged`: whether the model's predictions of bases are measured as well.
    """

    predictor: Predictor
    twin: LanguageModel
    genome: Genome
    judged: bool = True

    @property
    def model(self) -> LanguageModel:
        return self.predictor.model

    @cached_property
    def turns(self) -> int:
        """Of so many neighbouring bases one is hidden and predicted; all are by models that hide none.

        No more are hidden than in training, and every position of a codon alike.
        """
        if self.model.kind != "masked":
            return 1
        turns = max(1, ceil(1 / self.predictor.hidden_share))
        return turns + 1 if turns % CODON == 0 else turns

    @cached_property
    def most(self) -> int:
        """Bases of a pass."""
        wanted = self.predictor.batch_size * self.model.window
        if device_of(self.model).type == "cpu":
            wanted = min(wanted, CACHED)
        return min(wanted, max(1, LOGITS // self.model.encoding.size))

    def read(
        self, number: np.ndarray, start: np.ndarray, runs: np.ndarray, compared: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of the model and of its twin, float32 (windows, dim), and mean log-likelihoods of true bases.

        Args:
            number, start, runs: contig, first base (0-based, possibly before the contig) and run of each window.
            compared: windows that the twin reads, whole runs; its other vectors are NaN.

        Returns:
            The log-likelihoods, float32 (windows,), are nats a base, NaN where none is predicted.
        """
        vectors = np.full((2, len(runs), self.model.dim), np.nan, dtype=np.float32)
        likelihood = np.full(len(runs), np.nan, dtype=np.float32)
        windows = self.model.window
        passes = [(batch, False) for batch in stretches(number, start, runs, windows, self.most)]
        chosen = np.flatnonzero(compared)
        for batch in stretches(number[chosen], start[chosen], runs[chosen], windows, self.most):
            passes.append((Stretches(batch.contig, batch.start, batch.size, chosen[batch.rows], batch.offsets), True))
        for batch, values, found in self.predictor.map(self._pass, passes):
            of_twin = found is None
            vectors[int(of_twin), batch.rows.reshape(-1)] = values
            if found is not None:
                likelihood[batch.rows.reshape(-1)] = found
        return vectors[0], vectors[1], likelihood

    def _pass(self, item: tuple[Stretches, bool]) -> tuple[Stretches, np.ndarray, np.ndarray | None]:
        """Vectors of the windows of a pass; log-likelihoods too, of the trained model."""
        batch, of_twin = item
        codes = self.genome.windows(batch.contig, batch.start, batch.size)
        model = self.twin if of_twin else self.model
        chosen = np.zeros(codes.shape, dtype=bool) if of_twin or not self.judged else self._chosen(batch, codes)
        shared = chosen.any() and model.kind == "cloze"
        pooled, likelihood = _pooled(model, codes, batch.offsets, chosen if shared else None)
        if not model.symmetric:
            mirrored = batch.size - batch.offsets - model.window
            pooled = (pooled + _pooled(model, reverse_complement(codes), mirrored, None)[0]) / 2
        if chosen.any() and not shared:
            likelihood = reading.truth(model, codes, chosen)[0]
        values = pooled.flatten(0, 1).cpu().numpy()
        if of_twin:
            return batch, values, None
        if likelihood is None:
            return batch, values, np.full(len(values), np.nan, dtype=np.float32)
        return batch, values, self._means(batch, chosen, likelihood.float().cpu().numpy())

    def _chosen(self, batch: Stretches, codes: np.ndarray) -> np.ndarray:
        """The bases to predict, bool (runs, size): known ones, the same of a genome in every pass."""
        places = batch.start[:, None] + np.arange(batch.size)
        return ((codes & CODE_MASK) < N_CODE) & (places % self.turns == 0) & self._central(batch)

    def _central(self, batch: Stretches) -> np.ndarray:
        """Bases in the central half of a window, bool (runs, size)."""
        window, places = self.model.window, np.arange(batch.size)
        edges = np.zeros((len(batch.start), batch.size + 1), dtype=np.int64)
        row = np.arange(len(edges))[:, None]
        np.add.at(edges, (row, batch.offsets + window // 4), 1)
        np.add.at(edges, (row, batch.offsets + window - window // 4), -1)
        return edges.cumsum(axis=1)[:, places] > 0

    def _means(self, batch: Stretches, chosen: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
        """Mean over the chosen bases of each window's central half, float32 (runs * windows,)."""
        window = self.model.window
        grid = np.zeros(chosen.shape)
        grid[chosen] = likelihood
        sums, counts = (np.pad(each.cumsum(axis=1), ((0, 0), (1, 0))) for each in (grid, chosen))
        first, last = batch.offsets + window // 4, batch.offsets + window - window // 4
        row = np.arange(len(grid))[:, None]
        total, count = (each[row, last] - each[row, first] for each in (sums, counts))
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).astype(np.float32).reshape(-1)


def _pooled(
    model: LanguageModel, codes: np.ndarray, offsets: np.ndarray, chosen: np.ndarray | None
) -> tuple[Tensor, Tensor | None]:
    """Vectors (runs, windows, dim), float32, of windows in runs of base codes, and log-likelihoods of chosen bases.

    `chosen` is for models that predict every base in the pass that makes the vectors: cloze.
    """
    written = model.write(codes & CODE_MASK)
    place = device_of(model)
    present = None if written.present.all() else torch.from_numpy(written.present).to(place)
    ids, likelihood = torch.from_numpy(written.ids).to(place), None
    if chosen is None:
        vectors = model.vectors(ids, present)
    else:
        vectors, logits = model.vectors_and_logits(ids, present, torch.from_numpy(chosen).to(place))
        true = torch.from_numpy((codes[chosen] & CODE_MASK).astype(np.int64)).to(place)
        likelihood = logits.log_softmax(-1).gather(1, true[:, None])[:, 0]
    weights = torch.from_numpy(window_weights(written, offsets, model.window)).to(place)
    with torch.autocast(place.type, enabled=False):
        return weights @ vectors.float(), likelihood
