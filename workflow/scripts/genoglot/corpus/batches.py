"""Training batches: windows of both strands, masked, as tensors.

Batch `step` depends on (seed, step) alone, so that a resumed run sees exactly what an undisturbed one would have seen.
It is the same however many processes share it: each computes its own rows.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from genoglot.corpus.reader import WindowReader
from genoglot.corpus.sampler import Draws, rows_of_step
from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK

MASK_TOKEN = 5
IGNORED = -100
# one 16-bit random number decides the fate of a token, and one count of a Philox generator gives 16 of them
LEVELS = 1 << 16
TOKENS_PER_COUNT = 16


def turn(stored: np.ndarray, rows: np.ndarray) -> None:
    """Reverse-complement the chosen `rows`, bool (windows,), of stored bytes (windows, window) in place.

    Soft-mask bits turn with their bases.
    """
    turned = stored[rows][:, ::-1]
    known = (turned & N_CODE) == 0
    # the codes of complementary bases differ in both of their bits
    turned ^= known.view(np.uint8) * np.uint8(3)
    stored[rows] = turned


def random_numbers(seed: int, step: int, first: int, rows: int, window: int) -> np.ndarray:
    """Numbers uint16 (rows, window) for the rows from `first` on of batch `step`.

    The generator counts (Salmon et al. 2011, doi:10.1145/2063384.2063405): a row's numbers do not need those of the
    rows before it.
    """
    counts = -(-window // TOKENS_PER_COUNT)
    generator = np.random.Philox(np.random.SeedSequence([seed, 4, step]))
    generator.advance(first * counts)
    numbers = generator.random_raw(rows * counts * 4).view("<u2")
    return numbers.reshape(rows, counts * TOKENS_PER_COUNT)[:, :window]


def mask(codes: np.ndarray, rate: float, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens uint8 and the positions to predict, bool, both of the shape of the base codes and of `numbers`, uint16.

    A share `rate` of the bases is to be predicted; of these, as in BERT (Devlin et al. 2019, doi:10.18653/v1/N19-1423),
    80% become [MASK], 10% a random base, and 10% stay as they are.
    """
    chosen_below = round(rate * LEVELS)
    # a multiple of four, so that the two lowest bits of a number below it are a base, each as often
    random_below = 4 * round(rate * LEVELS / 40)
    chosen = (numbers < chosen_below) & (codes < N_CODE)
    tokens = select(chosen & (numbers >= 2 * random_below), np.uint8(MASK_TOKEN), codes)
    replaced = np.flatnonzero(chosen & (numbers < random_below))
    tokens.reshape(-1)[replaced] = numbers.reshape(-1)[replaced] & 3
    return tokens, chosen


def select(condition: np.ndarray, one: np.ndarray | np.uint8, other: np.ndarray | np.uint8) -> np.ndarray:
    """`np.where` for uint8 by bit operations, which random conditions do not slow down, as they do its branches."""
    bits = np.negative(condition.view(np.uint8))
    return (one & bits) | (other & ~bits)


class TrainingBatches(IterableDataset):
    """Batches (tokens, targets, weights) from step `first` to `last`, as tensors of shape (batch / ranks, window).

    Half the windows, at random, are reverse-complemented. Targets are base codes where a loss is wanted (a share
    `mask_rate` of the bases for a model that needs masks, all of them for one that does not) and -100 elsewhere;
    weights are 1, or `soft_mask_weight` where the genome is soft-masked.

    Of `ranks` processes that train one model together, process `rank` gets its share of the rows; put one after
    another, the shares are the batch of a single process. Workers of a `DataLoader` take turns by steps.

    Raises:
        InputError: a batch cannot be shared evenly.
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
        rank: int = 0,
        ranks: int = 1,
    ):
        if batch % ranks:
            raise InputError(
                f"batch_tokens: {batch} windows of {reader.size} bases cannot be shared evenly by {ranks} processes; "
                f"choose a multiple of {ranks * reader.size} tokens"
            )
        self.reader, self.batch, self.first, self.last, self.seed = reader, batch, first, last, seed
        self.mask_rate, self.soft_mask_weight = mask_rate, soft_mask_weight
        self.begin, self.end = rank * batch // ranks, (rank + 1) * batch // ranks
        self.draws = Draws(reader.weights)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in range(self.first + number, self.last, workers):
            yield self.at(step)

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Batch number `step`: tokens int64, targets int64, weights float32."""
        rows = rows_of_step(self.draws, self.batch, self.seed, step)
        turned = np.random.default_rng([self.seed, 2, step]).random(self.batch) < 0.5
        stored = self.reader.read(rows[self.begin : self.end])
        turn(stored, turned[self.begin : self.end])
        codes = stored & CODE_MASK
        if self.mask_rate is None:
            tokens, chosen = codes, codes < N_CODE
        else:
            numbers = random_numbers(self.seed, step, self.begin, *codes.shape)
            tokens, chosen = mask(codes, self.mask_rate, numbers)
        targets = select(chosen, codes, np.int8(IGNORED).view(np.uint8)).view(np.int8)
        weights = torch.ones(stored.shape)
        if self.soft_mask_weight != 1:
            weights.masked_fill_(torch.from_numpy(stored >= SOFT_MASK), self.soft_mask_weight)
        return torch.from_numpy(tokens).long(), torch.from_numpy(targets).long(), weights
