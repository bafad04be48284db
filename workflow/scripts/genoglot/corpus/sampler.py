"""The order in which windows are drawn for training: without replacement, by weight, the same for the same seed.

A pass over the corpus draws each window as often as its weight says. What is drawn in a pass depends on the weights,
the seed and the number of the pass alone, so that any step can be computed without those before it.
"""

from functools import lru_cache

import numpy as np

from genoglot.errors import InputError


class Draws:
    """Which windows are drawn in each pass, from their weights, float (windows,).

    A window of weight w is drawn floor(w) times in every pass, and once more in a share w - floor(w) of the passes.
    For this the windows of equal weight stand in a queue of random order, from whose head each pass takes the next
    ones, so that every window has its turn before any has its second.
    """

    def __init__(self, weights: np.ndarray):
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise InputError("weights of windows must be 0 or more, and not all 0; look at the weights of the corpus")
        self._whole = np.floor(weights).astype(np.int64)
        values, group = np.unique(weights - self._whole, return_inverse=True)
        self._queues = [(share, np.flatnonzero(group == i)) for i, share in enumerate(values) if share > 0]
        self._every_pass = int(self._whole.sum())
        self._mean = float(weights.sum())

    def _taken(self, group: int, passes: int) -> int:
        """How many windows have left the head of a queue after so many passes."""
        share, members = self._queues[group]
        # a share such as 0.1 must reach whole numbers when it should
        return int(np.floor(passes * share * len(members) + 1e-6))

    def before(self, passes: int) -> int:
        """Number of draws in the first `passes` passes."""
        extra = sum(self._taken(group, passes) for group in range(len(self._queues)))
        return passes * self._every_pass + extra

    def pass_of(self, position: int) -> int:
        """The pass that draw number `position` of all draws belongs to."""
        number = int(position / self._mean)
        while self.before(number) > position:
            number -= 1
        while self.before(number + 1) <= position:
            number += 1
        return number

    def rows(self, seed: int, number: int) -> np.ndarray:
        """Windows of one pass, each as often as it is drawn in it, not yet in random order."""
        drawn = [np.repeat(np.arange(len(self._whole)), self._whole)]
        for group, (_, members) in enumerate(self._queues):
            queue = np.random.default_rng([seed, 5, group]).permutation(members)
            turns = np.arange(self._taken(group, number), self._taken(group, number + 1))
            drawn.append(queue[turns % len(queue)])
        return np.concatenate(drawn)


@lru_cache(maxsize=2)
def pass_order(draws: Draws, seed: int, number: int) -> np.ndarray:
    """Windows of one pass over the corpus, in the order in which they are drawn."""
    rows = draws.rows(seed, number)
    return rows[np.random.default_rng([seed, 1, number]).permutation(len(rows))]


def rows_of_step(draws: Draws, batch: int, seed: int, step: int) -> np.ndarray:
    """Windows of batch number `step`, int64 (batch,), consecutive in the concatenated orders of all passes."""
    position, last = step * batch, (step + 1) * batch
    pieces = []
    number = draws.pass_of(position)
    while position < last:
        begin, end = draws.before(number), draws.before(number + 1)
        pieces.append(pass_order(draws, seed, number)[position - begin : min(last, end) - begin])
        position, number = min(last, end), number + 1
    return np.concatenate(pieces)
