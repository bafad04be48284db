"""Training batches: windows of both strands, in tokens, with what is to be predicted of them, as tensors.

Batch `step` depends on (seed, step) alone, so that a resumed run sees exactly what an undisturbed one would have seen.
It is the same however many processes share it: each computes its own rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from genoglot.corpus.labels import Labels
from genoglot.corpus.masking import (
    IGNORED,
    RowNumbers,
    mask,
    mask_bases,
    mask_kmers,
    mask_tokens,
    ordinary_tokens,
    select,
)
from genoglot.corpus.reader import WindowReader
from genoglot.corpus.sampler import Draws, rows_of_step
from genoglot.corpus.schedule import Schedule, shared_rows
from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK
from genoglot.tokens.encoding import Encoding, SingleBase, Tokens


@dataclass(frozen=True)
class Objective:
    """What a model is asked for: the next token (`causal`), tokens hidden from it (`needs_mask`), or each one.

    `mask_rate` is the share of the tokens to be predicted where they are hidden, in spans of `mask_span` (bases, where
    tokens overlap, else tokens). `soft_mask_weight` is the loss' weight of a soft-masked base; that of others is 1.
    """

    causal: bool
    needs_mask: bool
    mask_rate: float
    mask_span: int
    soft_mask_weight: float

    @classmethod
    def of(cls, training: dict[str, Any], causal: bool, needs_mask: bool) -> "Objective":
        """From the settings of a training run and two properties of the network."""
        return cls(causal, needs_mask, training["mask_rate"], training["mask_span"], training["soft_mask_weight"])


def turn(stored: np.ndarray, rows: np.ndarray) -> None:
    """Reverse-complement the chosen `rows`, bool (windows,), of stored bytes (windows, window) in place.

    Soft-mask bits turn with their bases.
    """
    turned = stored[rows][:, ::-1]
    known = (turned & N_CODE) == 0
    # the codes of complementary bases differ in both of their bits
    turned ^= known.view(np.uint8) * np.uint8(3)
    stored[rows] = turned


class TrainingBatches(IterableDataset):
    """Batches of the steps of a schedule, each a dict of tensors of shape (rows, length):

    - `tokens`, int64;
    - `targets`, int64: what the network's output at each position is to be, -100 where there is no loss. For a causal
      model that is the token after the position's. It is never N or a special token;
    - `weights`, float32: those of the losses of the targets, the mean of their bases'; 0 beyond a window's tokens;
    - `present`, bool: where there is a token and not padding; absent if all are;
    - `regions`, int64, with `labels`: class of the middle base (the right one of two) of each token, -100 if unknown.

    With single nucleotides tokens and targets are base codes. Half the windows, at random, are reverse-complemented.
    In steps for which the schedule says so, windows are then cut into shorter pieces, each a row.

    Of `ranks` processes that train one model together, process `rank` gets its share of the windows, and gets it in
    `accumulate` batches one after another; put one after another, the shares are the batch of a single process, but for
    the width of padding. Workers of a `DataLoader` take turns by batches.

    Raises:
        InputError: a batch cannot be shared evenly; pieces are too short for a token.
    """

    def __init__(
        self,
        reader: WindowReader,
        encoding: Encoding,
        objective: Objective,
        schedule: Schedule,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        accumulate: int = 1,
        labels: Labels | None = None,
    ):
        self.reader, self.encoding, self.objective, self.schedule = reader, encoding, objective, schedule
        self.seed, self.accumulate, self.labels = seed, accumulate, labels
        self.rows = shared_rows(schedule.batch, reader.size, ranks, accumulate)
        self.begin = rank * accumulate * self.rows
        self.draws = Draws(reader.weights)
        self._single = isinstance(encoding, SingleBase)
        self._ordinary = ordinary_tokens(encoding)
        shortest, needed = schedule.window_of_step(schedule.first), max(encoding.k, 1) + objective.causal
        if shortest < needed:
            raise InputError(
                f"sequences of {shortest} bases are too short for tokens of {encoding.k} bases: with this model they "
                f"need {needed} or more; make the corpus' window, or training.length_warmup.window, longer"
            )

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        first, last = self.schedule.first * self.accumulate, self.schedule.last * self.accumulate
        for batch in range(first + number, last, workers):
            yield self.at(*divmod(batch, self.accumulate))

    def at(self, step: int, part: int = 0) -> dict[str, Tensor]:
        """Batch number `part` of those that this process accumulates in a step."""
        chosen, turned = self._windows(step, part)
        length = self.schedule.window_of_step(step)
        stored = self.reader.read(chosen)
        turn(stored, turned)
        stored = stored.reshape(-1, length)
        first = (self.begin + part * self.rows) * (self.reader.size // length)
        codes = stored & CODE_MASK
        written = None if self._single else self.encoding.encode(codes)
        tokens, targets = self._predicted(codes, written, RowNumbers(self.seed, step, first, len(codes)))
        weights = _weights(stored >= SOFT_MASK, written, self.objective.soft_mask_weight)
        batch = {"tokens": torch.from_numpy(tokens).long()}
        if self.objective.causal:
            batch["targets"] = F.pad(torch.from_numpy(targets[:, 1:]).long(), (0, 1), value=IGNORED)
            batch["weights"] = F.pad(weights[:, 1:], (0, 1))
        else:
            batch |= {"targets": torch.from_numpy(targets).long(), "weights": weights}
        if written is not None and (written.lengths < tokens.shape[1]).any():
            batch["present"] = torch.from_numpy(written.present)
        if self.labels is not None:
            classes = self.labels.read(chosen)
            classes[turned] = classes[turned][:, ::-1]
            batch["regions"] = torch.from_numpy(_of_middles(classes.reshape(-1, length), written)).long()
        return batch

    def _windows(self, step: int, part: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows of a batch, int64 (rows,), and which of them are to be turned, bool (rows,)."""
        here = slice(self.begin + part * self.rows, self.begin + (part + 1) * self.rows)
        batch = self.schedule.batch
        turned = np.random.default_rng([self.seed, 2, step]).random(batch) < 0.5
        return rows_of_step(self.draws, batch, self.seed, step)[here], turned[here]

    def _predicted(
        self, codes: np.ndarray, written: Tokens | None, random: RowNumbers
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, and in their places what is to be predicted, or -100, of base codes uint8 (rows, length).

        Without `written`, of single bases, they are uint8 and int8, else int64.
        """
        rate, span = self.objective.mask_rate, self.objective.mask_span
        if written is None:
            if not self.objective.needs_mask:
                tokens, chosen = codes, codes < N_CODE
            elif span == 1:
                tokens, chosen = mask(codes, rate, random.small(codes.shape[1]))
            else:
                tokens, chosen = mask_bases(codes, rate, span, random)
            return tokens, select(chosen, codes, np.int8(IGNORED).view(np.uint8)).view(np.int8)
        if not self.objective.needs_mask:
            tokens, chosen = written.ids, self._ordinary[written.ids]
        elif self.encoding.overlapping:
            tokens, chosen = mask_kmers(codes, written, self.encoding, rate, span, random)
        else:
            longest = codes.shape[1]
            tokens, chosen = mask_tokens(written, self.encoding, self._ordinary, rate, span, longest, random)
        return tokens, np.where(chosen, written.ids, IGNORED)


def _weights(soft: np.ndarray, written: Tokens | None, weight: float) -> Tensor:
    """Weight of each token, float32: the mean of its bases' (`weight` where `soft`, bool (rows, length), is true)."""
    if written is None:
        weights = torch.ones(soft.shape)
        return weights if weight == 1 else weights.masked_fill_(torch.from_numpy(soft), weight)
    if weight == 1:
        return torch.from_numpy(written.present.astype(np.float32))
    before = np.zeros((len(soft), soft.shape[1] + 1), dtype=np.int32)
    np.cumsum(soft, axis=1, out=before[:, 1:])
    count = np.take_along_axis(before, written.ends, axis=1) - np.take_along_axis(before, written.starts, axis=1)
    bases = written.ends - written.starts
    mean = (bases - count + weight * count) / np.maximum(bases, 1)
    return torch.from_numpy(mean.astype(np.float32))


def _of_middles(classes: np.ndarray, written: Tokens | None) -> np.ndarray:
    """Class of each token of those of bases, int8 (rows, length)."""
    if written is None:
        return classes
    of_middle = np.take_along_axis(classes, (written.starts + written.ends) // 2, axis=1)
    return np.where(written.present, of_middle, np.int8(IGNORED))
