"""Being told to stop: a scheduler, or a person, takes the machine away, and training must lose nothing.

SIGTERM is what schedulers send before they kill, SIGUSR1 what Slurm's `--signal` is told to send before a time limit,
SIGINT the keyboard's Ctrl-C.
"""

import signal
import threading
from types import FrameType
from typing import Any

import lightning as L
import torch

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class InterruptedTraining(BaseException):
    """Training was told to stop by a signal, and its state is saved."""

    def __init__(self, signum: int):
        super().__init__(f"training was told to stop by {signal.Signals(signum).name}")
        self.signum = signum

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that a signal ended: 143 for SIGTERM."""
        return 128 + self.signum


class Interruption(L.Callback):
    """Notes signals, and lets the processes of a run agree at the beginning of each step on whether it is the last.

    Lightning has handlers of its own, which end a run between two parts of a step, and tell other processes in the
    middle of their work; these take their place while training goes on.
    """

    def __init__(self) -> None:
        self.received = 0
        self.agreed = 0
        self._before: dict[int, Any] = {}

    def watch(self) -> None:
        """Note signals from now on, in the main thread of a process (others cannot)."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in SIGNALS:
            before = signal.signal(signum, self._note)
            self._before.setdefault(signum, before)

    def unwatch(self) -> None:
        """What signals did before `watch`."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._before.clear()

    def _note(self, signum: int, _: FrameType | None) -> None:
        if self.received and signum == signal.SIGINT:
            # the keyboard insists
            raise KeyboardInterrupt
        self.received = signum

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # Lightning has set its handlers since the first time
        self.watch()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        if trainer.world_size > 1 and batch["part"] == 0:
            mine = torch.tensor(float(self.received), device=pl_module.device)
            self.agreed = int(trainer.strategy.reduce(mine, reduce_op="max"))

    def signum(self, trainer: L.Trainer) -> int:
        """The signal that asks for an end after this step, the same in all processes; 0 if there is none."""
        return self.agreed if trainer.world_size > 1 else self.received


def ignore_signals(_: int) -> None:
    """Leave signals to the main process: what a `DataLoader`'s worker does when a scheduler signals all processes."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
