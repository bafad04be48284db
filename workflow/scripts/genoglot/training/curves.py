"""Learning curves: a row per interval, in a file that survives interruption, in the log, and for TensorBoard."""

import logging
import math
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from torch import Tensor

from genoglot.model.likelihood import LN2
from genoglot.training.clock import Clock
from genoglot.training.event_files import EventFiles
from genoglot.training.optimisation import Counts

log = logging.getLogger(__name__)

COLUMNS = ["step", "tokens", "seconds", "split", "bits_per_base", "accuracy", "learning_rate"]
REGION_COLUMNS = ["region_bits", "region_accuracy"]
FORMATS = {"step": "d", "tokens": "d", "seconds": ".1f", "split": "s", "learning_rate": ".3e"}
FIGURE = ".5f"


class CurveWriter(L.Callback):
    """Appends training and validation rows to `path`; steps and sums go on where a resumed run left off.

    The bits per base of training are those of its targets, as many of which as a step has tokens spell its bases; the
    file has `REGION_COLUMNS` where regions are trained. The same figures go to event files in `events`. Of several
    processes all count, and the first writes.
    """

    def __init__(self, path: Path, events: Path, clock: Clock, bases_per_step: int, last: int, every: int):
        self.path, self.clock, self.bases_per_step, self.last = Path(path), clock, bases_per_step, last
        self.every = every
        self.columns = list(COLUMNS)
        self._events = EventFiles(events)
        self._sums = torch.zeros(len(Counts._fields), dtype=torch.float64)
        self._step_sums: Tensor | None = None
        self._first = 0

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.tolist()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._sums = torch.tensor(state_dict["sums"], dtype=torch.float64)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Drop rows that a killed run wrote after the state it left."""
        self.columns = COLUMNS + (REGION_COLUMNS if getattr(pl_module, "region_weight", 0) else [])
        self._sums, self._first = self._sums.to(pl_module.device), trainer.global_step
        if not trainer.is_global_zero:
            return
        rows = read_curves(self.path) if self.path.exists() else pd.DataFrame(columns=self.columns)
        rows = rows[rows["step"] <= trainer.global_step]
        rows.to_csv(self.path, sep="\t", index=False)
        self._events.begin(self.clock.seconds)
        for row in rows.to_dict("records"):
            self._events.add(row)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        counts = outputs["counts"]
        self._step_sums = counts if self._step_sums is None else self._step_sums + counts
        if not batch["last"]:
            return
        self._sums += trainer.strategy.reduce(self._step_sums, reduce_op="sum")
        self._step_sums = None
        if trainer.global_step % self.every == 0:
            sums = Counts(*self._sums.tolist())
            self._sums.zero_()
            # of k tokens to every base, each tells a k-th part of what there is to tell of it
            bits = sums.loss / LN2 / max(sums.weight, 1e-6) * sums.tokens / max(sums.bases, 1)
            figures = {"bits_per_base": bits, "accuracy": sums.hits / max(sums.targets, 1)}
            if not sums.targets:
                # regions alone are trained
                figures = dict.fromkeys(figures, math.nan)
            if self.columns != COLUMNS:
                labelled = max(sums.region_tokens, 1)
                figures["region_bits"] = sums.region_loss / LN2 / labelled
                figures["region_accuracy"] = sums.region_hits / labelled
            self._write(trainer, "train", figures)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        names = {"bits_per_base": "bits"} | {name: name for name in ("accuracy", *REGION_COLUMNS)}
        metrics = trainer.callback_metrics
        self._write(
            trainer,
            "validation",
            {
                column: float(metrics[f"validation_{name}"])
                for column, name in names.items()
                if f"validation_{name}" in metrics
            },
        )

    def _write(self, trainer: L.Trainer, split: str, figures: dict[str, float]) -> None:
        if not trainer.is_global_zero:
            return
        step = trainer.global_step
        row = {
            "step": step,
            "tokens": step * self.bases_per_step,
            "seconds": self.clock.seconds,
            "split": split,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            **figures,
        }
        with open(self.path, "a") as handle:
            line = "\t".join(format(row[column], FORMATS.get(column, FIGURE)) for column in self.columns)
            handle.write(line + "\n")
        self._events.add(row)
        regions = f", region classes {figures['region_accuracy']:.3f}" if "region_accuracy" in figures else ""
        log.info(
            "step %d/%d, %s: %.4f bits per base, accuracy %.3f%s (%s)",
            step,
            self.last,
            split,
            figures["bits_per_base"],
            figures["accuracy"],
            regions,
            self._pace(step),
        )

    def _pace(self, step: int) -> str:
        """Speed of this run, share of the time that it waited for data, and how long the rest will take at most."""
        speed = (step - self._first) * self.bases_per_step / max(self.clock.seconds_here, 1e-9)
        left = (self.last - step) * self.bases_per_step / max(speed, 1e-9)
        waiting = self.clock.waiting_share
        return f"{speed:,.0f} tokens/s, {waiting:.1%} waiting for data, {in_words(left)} left"

    def close(self) -> None:
        self._events.close()


def in_words(seconds: float) -> str:
    """A time to wait, such as "2 h 05 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def read_curves(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t")
