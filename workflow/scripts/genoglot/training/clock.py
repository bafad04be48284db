"""How long training took, over all its interruptions, and how much of that it waited for data."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L


class Clock(L.Callback):
    """Seconds of training and of waiting for data; both go on where a resumed run left off."""

    def __init__(self) -> None:
        self._before = {"seconds": 0.0, "waited": 0.0}
        self._began: float | None = None
        self._waited = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for data."""
        since = time.monotonic()
        yield
        self._waited += time.monotonic() - since

    @property
    def seconds(self) -> float:
        """Time of training, in all runs."""
        return self._before["seconds"] + self.seconds_here

    @property
    def seconds_here(self) -> float:
        """Time of training since this run began or went on."""
        return time.monotonic() - self._began if self._began is not None else 0.0

    @property
    def waiting_share(self) -> float:
        """Share of the time of training that was waiting for data."""
        return (self._before["waited"] + self._waited) / max(self.seconds, 1e-9)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began, self._waited = time.monotonic(), 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "waited": self._before["waited"] + self._waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._before = dict(state_dict)
