"""Learning curves: a row per interval, in a file that survives interruption and in the log."""

import logging
import time
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd

log = logging.getLogger(__name__)

COLUMNS = ["step", "tokens", "seconds", "split", "bits_per_base", "accuracy", "learning_rate"]


class CurveWriter(L.Callback):
    """Appends training and validation rows to `path`; time and step go on where a resumed run left off."""

    def __init__(self, path: Path, tokens_per_step: int, every: int):
        self.path, self.tokens_per_step, self.every = Path(path), tokens_per_step, every
        self.seconds_before = 0.0
        self.began = time.monotonic()
        self.sums = [0.0, 0.0, 0]

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.began

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds_before = state_dict["seconds"]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Drop rows that a killed run wrote after the state it left."""
        self.began = time.monotonic()
        rows = read_curves(self.path) if self.path.exists() else pd.DataFrame(columns=COLUMNS)
        rows[rows["step"] <= trainer.global_step].to_csv(self.path, sep="\t", index=False)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.sums[0] += float(outputs["bits"])
        self.sums[1] += float(outputs["accuracy"])
        self.sums[2] += 1
        if trainer.global_step % self.every == 0:
            bits, accuracy, count = self.sums
            self._write(trainer, "train", bits / count, accuracy / count)
            self.sums = [0.0, 0.0, 0]

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        metrics = trainer.callback_metrics
        if "validation_bits" in metrics and not trainer.sanity_checking:
            self._write(trainer, "validation", float(metrics["validation_bits"]), float(metrics["validation_accuracy"]))

    def _write(self, trainer: L.Trainer, split: str, bits: float, accuracy: float) -> None:
        step = trainer.global_step
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        tokens = step * self.tokens_per_step
        with open(self.path, "a") as handle:
            handle.write(f"{step}\t{tokens}\t{self.seconds:.1f}\t{split}\t{bits:.5f}\t{accuracy:.5f}\t{rate:.3e}\n")
        log.info(
            "step %d/%d, %s: %.4f bits per base, accuracy %.3f (%.0f tokens/s)",
            step,
            trainer.max_steps,
            split,
            bits,
            accuracy,
            tokens / max(self.seconds, 1e-9),
        )


def read_curves(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t")
