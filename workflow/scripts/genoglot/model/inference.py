"""Using a pretrained model: probabilities of bases, log-likelihoods of alleles at sites, and vectors of windows."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from genoglot.files import read_json
from genoglot.genome.store import CODE_MASK, N_CODE, reverse_complement
from genoglot.model import reading
from genoglot.model.folder import TRAINING
from genoglot.model.hardware import autocast, device, prepare
from genoglot.model.language_model import LanguageModel, load_language_model
from genoglot.model.likelihood import Reading
from genoglot.model.pooling import pool, pooled_input

LOGITS = 1 << 27  # of one pass, half a gigabyte: fewer windows at once where the vocabulary is large
MASK_RATE = 0.15  # of a model that does not say at which it was trained (Devlin et al. 2019, arXiv:1810.04805)
AHEAD = 2  # batches that wait for each worker

Item = TypeVar("Item")
Result = TypeVar("Result")


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

    `mask_rate` is the share of tokens that were masked in training: no pass hides more. `workers` batches are computed
    at once by as many threads, if it is above 1; results do not depend on it.
    """

    model: LanguageModel
    batch_size: int
    precision: str
    mask_rate: float = MASK_RATE
    workers: int = 1

    @classmethod
    def open(cls, folder: Path, settings: dict[str, Any], threads: int, side_by_side: bool = False) -> "Predictor":
        """Load the model of `folder`; `settings` holds `batch_size` and `precision`.

        `side_by_side`: each CPU thread computes a batch of its own, which wastes less of them than sharing one does;
        on a GPU, one batch is prepared while another is computed.
        """
        on_gpu = device().type == "cuda"
        precision = prepare(1 if side_by_side and not on_gpu else threads, settings["precision"])
        workers = (2 if on_gpu else max(1, threads)) if side_by_side else 1
        recorded = Path(folder) / TRAINING
        training = read_json(recorded).get("training", {}) if recorded.is_file() else {}
        rate = training.get("mask_rate") or MASK_RATE
        return cls(load_language_model(Path(folder)), settings["batch_size"], precision, rate, workers)

    @property
    def window(self) -> int:
        return self.model.window

    @property
    def dim(self) -> int:
        return self.model.dim

    @property
    def hidden_share(self) -> float:
        """Largest share of a stretch's bases to hide in one pass; 1 for models without masks."""
        return reading.evaluation_rate(self.model, self.mask_rate) or 1.0

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function` of each item, in order, for inference in the predictor's precision, by its workers."""

        def run(item: Item) -> Result:
            with torch.inference_mode(), autocast(self.precision):
                return function(item)

        if self.workers == 1:
            yield from map(run, items)
            return
        waiting: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(self.workers) as pool:
            for item in items:
                waiting.append(pool.submit(run, item))
                if len(waiting) > AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def truth(self, codes: np.ndarray, chosen: np.ndarray) -> Reading:
        """Log-probability (nats, float32) of the true base at each chosen position, and whether it was the best guess.

        `codes` (base codes) and the boolean `chosen` have shape (windows, length); both results are (chosen,), in
        their order. Causal models read the strand as given, and so do those without probabilities of single bases; see
        `genoglot.model.reading` for what is measured of tokens of several bases.
        """
        if reading.has_tables(self.model) and self.model.kind != "causal":
            return Reading.of_tables(self.log_probabilities(codes, chosen), codes[chosen] & CODE_MASK)

        def read(here: slice) -> tuple[np.ndarray, np.ndarray]:
            values, hits = reading.truth(self.model, codes[here], chosen[here])
            return values.cpu().numpy(), hits.cpu().numpy()

        parts = [(np.empty(0, dtype=np.float32), np.empty(0, dtype=bool)), *self.map(read, self._passes(chosen))]
        likelihood, hit = zip(*parts, strict=True)
        return Reading(np.concatenate(likelihood), np.concatenate(hit))

    def strand_truth(self, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Log-probabilities (nats) of the true bases by either strand, float32 (2, chosen); arguments as of `truth`.

        A model that is the same on both strands is read on one.
        """

        def read(here: slice) -> np.ndarray:
            forward = reading.truth(self.model, codes[here], chosen[here])[0].cpu().numpy()
            if self.model.symmetric:
                return np.stack([forward, forward])
            other = reverse_complement(codes[here] & CODE_MASK)
            reverse = reading.truth(self.model, other, chosen[here][:, ::-1])[0].cpu().numpy()
            return np.stack([forward, reverse[flipped(chosen[here])]])

        parts = [np.empty((2, 0), dtype=np.float32), *self.map(read, self._passes(chosen))]
        return np.concatenate(parts, axis=1)

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
        passes = self.map(lambda here: self.strand_tables(codes[here], chosen[here]).mean(axis=0), self._passes(chosen))
        return np.concatenate([np.empty((0, N_CODE), dtype=np.float32), *passes])

    def strand_tables(self, codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """`log_probabilities` by either strand, float32 (2, chosen, 4), in one pass; for use within `map`.

        Of a model that is the same on both strands, or causal, both are what it says of the strand as given.
        """
        forward = reading.tables(self.model, codes, chosen).cpu().numpy()
        if self.model.symmetric or self.model.kind == "causal":
            return np.stack([forward, forward])
        reverse = reading.tables(self.model, reverse_complement(codes & CODE_MASK), chosen[:, ::-1]).cpu().numpy()
        return np.stack([forward, reverse[flipped(chosen)][:, ::-1]])

    def _passes(self, chosen: np.ndarray) -> Iterator[slice]:
        """Slices of windows: the batch size, or fewer where the logits would take more memory than `LOGITS`."""
        covering = self.model.encoding.k if self.model.encoding.overlapping and self.model.kind == "masked" else 1
        most = int(chosen.sum(axis=1).max(initial=1)) * covering * self.model.encoding.size
        step = max(1, min(self.batch_size, LOGITS // max(most, 1)))
        for first in range(0, len(chosen), step):
            yield slice(first, first + step)

    @property
    def predicts_sites(self) -> bool:
        """Whether a base has four probabilities given both sides, so that alleles need no windows of their own."""
        return reading.has_tables(self.model) and self.model.kind != "causal"

    def embed(self, codes: np.ndarray) -> np.ndarray:
        """Vectors, float32 (windows, dim): mean over the tokens in each window's central half and over both strands."""

        def read(first: int) -> np.ndarray:
            here = codes[first : first + self.batch_size] & CODE_MASK
            pooled = self._pooled(here)
            if not self.model.symmetric:
                pooled = (pooled + self._pooled(reverse_complement(here))) / 2
            return pooled.cpu().numpy()

        vectors = self.map(read, range(0, len(codes), self.batch_size))
        return np.concatenate([np.empty((0, self.dim), dtype=np.float32), *vectors])

    def _pooled(self, codes: np.ndarray) -> torch.Tensor:
        return pool(self.model, *pooled_input(self.model, codes))


def flipped(chosen: np.ndarray) -> np.ndarray:
    """Where values of the chosen positions (windows, length) are among those of the windows read backwards."""
    count = chosen.sum(axis=1)
    first = np.cumsum(count) - count
    return np.repeat(2 * first + count - 1, count) - np.arange(count.sum())
