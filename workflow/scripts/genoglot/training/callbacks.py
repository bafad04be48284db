"""What happens beside the optimisation: the state is saved, weights are averaged, progress is shown."""

import sys
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping, WeightAveraging
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from torch.optim.swa_utils import get_ema_multi_avg_fn

from genoglot.training.interruption import InterruptedTraining, Interruption


class StateSaver(Checkpoint):
    """Saves the state every `every` steps, after each validation, and when a signal asks for an end, which it makes.

    Always at the end of a step, and after its validation if one is due every `validate_every` steps: what is saved is
    complete. Callbacks of this kind come after all others, so that theirs is the state of the same moment.
    """

    def __init__(self, path: Path, every: int, validate_every: int, last: int, interruption: Interruption):
        self.path, self.every, self.validate_every, self.last = path, every, validate_every, last
        self.interruption = interruption

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # a run that was stopped early, and killed before its results were written, is not to go on
        if any(stopping.wait_count >= stopping.patience for stopping in _stoppings(trainer)):
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not batch["last"]:
            return
        step = trainer.global_step
        if step == self.last:
            # Lightning then validates once more, however many steps there were since the last time
            trainer.should_stop = True
        elif step % self.validate_every:
            self._save(trainer, step % self.every == 0)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._save(trainer, True)

    def _save(self, trainer: L.Trainer, due: bool) -> None:
        signum = self.interruption.signum(trainer)
        if due or signum:
            trainer.save_checkpoint(self.path, weights_only=False)
        if signum:
            raise InterruptedTraining(signum)


def _stoppings(trainer: L.Trainer) -> list[EarlyStopping]:
    return [callback for callback in trainer.early_stopping_callbacks if isinstance(callback, EarlyStopping)]


def averaging(decay: float) -> WeightAveraging:
    """An exponential moving average of the weights, with which the model is validated and saved.

    Polyak & Juditsky 1992 (doi:10.1137/0330046); `decay` is the weight of the average before at each step.
    """
    return WeightAveraging(use_buffers=False, multi_avg_fn=get_ema_multi_avg_fn(decay))


class Progress(Callback):
    """A bar with bases read, bases per second and the time left, on a terminal; nothing elsewhere."""

    def __init__(self, bases_per_step: int, last: int):
        self.bases_per_step, self.last = bases_per_step, last
        self._bar: Tqdm | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero and sys.stderr.isatty():
            self._bar = Tqdm(
                initial=trainer.global_step * self.bases_per_step,
                total=self.last * self.bases_per_step,
                unit="tokens",
                unit_scale=True,
                dynamic_ncols=True,
                leave=False,
            )

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None and batch["last"]:
            self._bar.update(self.bases_per_step)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "fit")
