"""Training batches on their way to the network: read ahead where there is a GPU, and with the sums of their step."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from genoglot.corpus.batches import TrainingBatches
from genoglot.corpus.masking import IGNORED
from genoglot.model.hardware import device
from genoglot.training.clock import Clock
from genoglot.training.interruption import ignore_signals

MOST_WORKERS = 8


def workers_for(threads: int) -> int:
    """Processes that prepare batches: none on a CPU, whose cores the network uses, nor where there is one thread."""
    return min(MOST_WORKERS, threads - 1) if device().type == "cuda" else 0


class StepLoader:
    """The batches of `TrainingBatches`, step by step, each with three entries more.

    - `totals`, float32 (2,): the sum of the weights of the targets, and the number of labelled tokens, over all parts
      of the step that this process has;
    - `part`, int, which of these it is, and `last`, bool, whether it is the last of them.

    The time that the loop waits here goes to `clock`.
    """

    def __init__(self, batches: TrainingBatches, clock: Clock, workers: int):
        self.batches, self.clock, self.workers = batches, clock, workers
        self._iterator: Iterator[dict[str, Any]] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._iterator = self._source()
        while True:
            with self.clock.waiting():
                parts = list(itertools.islice(self._iterator, self.batches.accumulate))
            if not parts:
                break
            totals = torch.stack([_totals(batch) for batch in parts]).sum(0)
            for part, batch in enumerate(parts):
                yield {**batch, "totals": totals, "part": part, "last": part == len(parts) - 1}

    def _source(self) -> Iterator[dict[str, Any]]:
        if not self.workers:
            return iter(self.batches)
        return iter(
            DataLoader(
                self.batches,
                batch_size=None,
                num_workers=self.workers,
                pin_memory=device().type == "cuda",
                worker_init_fn=ignore_signals,
            )
        )

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._iterator = None


def _totals(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    weights = (batch["weights"] * (batch["targets"] != IGNORED)).sum()
    labelled = (batch["regions"] != IGNORED).sum() if "regions" in batch else torch.zeros(())
    return torch.stack([weights, labelled.float()])
