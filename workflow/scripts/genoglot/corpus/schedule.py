"""How training goes through a corpus by steps: windows a step, how many steps, and how long the sequences are.

Budgets are given in bases, whatever the tokens, so that they compare across tokenizers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genoglot.errors import InputError


@dataclass(frozen=True)
class Lengths:
    """Bases of a sequence at each step: of `window` bases, shorter during the first `steps` steps.

    They begin with `shortest` bases and double in stages of equal numbers of steps, after HyenaDNA (Nguyen et al.
    2023, arXiv:2306.15794). `window` is `shortest` times a power of two.
    """

    window: int
    shortest: int
    steps: int

    def __call__(self, step: int) -> int:
        doublings = (self.window // self.shortest).bit_length() - 1
        if step >= self.steps:
            return self.window
        return self.shortest << (step * doublings // self.steps)

    @classmethod
    def of(cls, warmup: dict[str, Any], window: int, bases: int) -> "Lengths":
        """From `training.length_warmup` (`window`, bases or None, and `tokens`, bases), with `bases` bases a step.

        Raises:
            InputError: the full window is not the first one times a power of two.
        """
        shortest = warmup["window"] or window
        times = window // shortest
        if times * shortest != window or times & (times - 1):
            halved = [window >> halvings for halvings in range(1, 6) if window % (1 << halvings) == 0]
            choices = ", ".join(map(str, halved)) or "none, since an odd window has no halves"
            raise InputError(
                f"training.length_warmup.window: {shortest} bases do not double to the corpus' window of {window}; "
                f"give the window divided by a power of two ({choices}), or null for no warm-up of lengths"
            )
        return cls(window, shortest, -(-warmup["tokens"] // bases))


@dataclass(frozen=True)
class Schedule:
    """The steps of a training run.

    `batch` is the number of full windows of a step, of all processes together; steps go from `first` to `last`
    (exclusive); `window_of_step` says into pieces of how many bases the windows of a step are cut, and must not
    become smaller; `warmup_steps` is the number of steps in which the learning rate rises.
    """

    batch: int
    first: int
    last: int
    window_of_step: Callable[[int], int]
    warmup_steps: int = 0

    @classmethod
    def of(
        cls, training: dict[str, Any], window: int, first: int = 0, ranks: int = 1, accumulate: int = 1
    ) -> "Schedule":
        """From settings in bases, `batch_tokens`, `max_tokens`, `warmup_tokens` and `length_warmup`.

        Args:
            window: bases of a window of the corpus.
            first: the step to begin or to go on with.
            ranks, accumulate: processes, and batches of each between two updates, that a step is shared by.

        Raises:
            InputError: a step cannot be shared evenly, or the lengths of the warm-up do not double to the window.
        """
        batch = max(1, training["batch_tokens"] // window)
        shared_rows(batch, window, ranks, accumulate)
        bases = batch * window
        return cls(
            batch,
            first,
            -(-training["max_tokens"] // bases),
            Lengths.of(training["length_warmup"], window, bases),
            -(-training["warmup_tokens"] // bases),
        )


def shared_rows(batch: int, window: int, ranks: int, accumulate: int) -> int:
    """Windows in each of the parts that `ranks` processes with `accumulate` batches each make of `batch` windows.

    Raises:
        InputError: they cannot be shared evenly.
    """
    rows, left = divmod(batch, ranks * accumulate)
    if left:
        parts = f"{ranks} processes" + (f" with accumulate: {accumulate}" if accumulate > 1 else "")
        raise InputError(
            f"batch_tokens: {batch} windows of {window} bases cannot be shared evenly by {parts}; "
            f"choose a multiple of {ranks * accumulate * window} tokens"
        )
    return rows
