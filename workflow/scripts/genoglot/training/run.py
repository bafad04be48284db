"""One run of training, from its beginning or a checkpoint to its end, in one process."""

import logging
import math
import os
import shutil
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from genoglot.corpus.schedule import Schedule
from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.model.folder import TRAINING, save_model
from genoglot.model.hardware import TRAINER_PRECISION, prepare
from genoglot.model.presets import objective
from genoglot.network.modeling_genoglot import GenoglotModel, new_network
from genoglot.training.budget import Plan, sample_part
from genoglot.training.callbacks import Progress, StateSaver, averaging
from genoglot.training.clock import Clock
from genoglot.training.curves import CurveWriter, read_curves
from genoglot.training.distribution import Layout
from genoglot.training.estimate import Estimate
from genoglot.training.heldout import HeldOutTiles
from genoglot.training.interruption import InterruptedTraining, Interruption
from genoglot.training.loading import StepLoader, workers_for
from genoglot.training.optimisation import Pretraining, checkpoint_activations
from genoglot.training.recipe import Recipe
from genoglot.training.state import WholeCheckpoints, saved_step

log = logging.getLogger(__name__)

MONITOR = "validation_loss"


class Run:
    """A run of training, from its beginning or from `checkpoint`, in one of the processes of `layout`."""

    def __init__(
        self,
        recipe: Recipe,
        layout: Layout,
        hardware: dict[str, Any],
        state: Path,
        checkpoint: Path | None,
        threads: int,
    ):
        self.recipe, self.layout, self.hardware = recipe, layout, hardware
        self.state, self.checkpoint = state, checkpoint
        each = max(1, threads // layout.devices)
        if layout.ranks > 1:
            # or Lightning gives each process a number of threads of its own choice
            os.environ.setdefault("OMP_NUM_THREADS", str(each))
        self.precision = prepare(each, recipe.training["precision"])
        L.seed_everything(recipe.seed, verbose=False)
        self.model = recipe.first_model()
        first, accumulate = saved_step(checkpoint) if checkpoint else 0, hardware["accumulate"]
        self.schedule = Schedule.of(recipe.training, recipe.window, first, layout.ranks, accumulate)
        self.batches = recipe.batches(self.model, self.schedule, layout, accumulate)
        self.clock = Clock()
        self.loader = StepLoader(self.batches, self.clock, workers_for(each))
        self.interruption = Interruption()
        self.best = ModelCheckpoint(
            state,
            filename="best",
            monitor=MONITOR,
            enable_version_counter=False,
            # the average of the weights goes into whole checkpoints alone
            save_weights_only=not recipe.training["ema"],
        )
        self.curves = CurveWriter(
            state / "curves.tsv",
            state / "tensorboard",
            self.clock,
            self.bases_per_step,
            self.schedule.last,
            recipe.training["log_every"],
        )
        self.cost: Estimate | None = None

    @property
    def network(self) -> GenoglotModel:
        assert isinstance(self.model.network, GenoglotModel)
        return self.model.network

    @property
    def bases_per_step(self) -> int:
        return self.schedule.batch * self.recipe.window

    @property
    def flops_per_base(self) -> float:
        """Floating-point operations for each base that is read, forward and backward."""
        assert self.cost is not None
        return self.cost.flops / (self.batches.rows * self.recipe.window)

    def foretell(self, memory_mb: int | None) -> None:
        """Say in the log what the run is, and what it will take.

        Raises:
            InputError: there is not the memory for it.
        """
        schedule = self.schedule
        self.cost = Plan(
            self.network.config,
            sample_part(self.batches),
            self.hardware["accumulate"],
            self.hardware["activation_checkpointing"],
            self.precision,
            bool(self.recipe.training["ema"]),
            self.layout.devices,
            self.layout.ranks if self.layout.strategy == "fsdp" else 1,
        ).check(memory_mb)
        log.info(
            "%s with %d parameters, %d training windows of %d bases, %d steps of %d tokens%s; about %.2g "
            "floating-point operations a token, %.2g in all",
            self.recipe.architecture["type"],
            self.cost.parameters,
            len(self.batches.reader),
            self.recipe.window,
            schedule.last,
            self.bases_per_step,
            f", going on from step {schedule.first}" if schedule.first else "",
            self.flops_per_base,
            self.flops_per_base * self.bases_per_step * schedule.last,
        )

    def fit(self) -> None:
        """Train to the end.

        Raises:
            SystemExit: a signal asked to stop.
        """
        settings, accumulate = self.recipe.training, self.hardware["accumulate"]
        bases = self.batches.rows * self.recipe.window
        module = Pretraining(
            self.model, settings, self.schedule, bases, self.recipe.seed, accumulate, self.hardware["compile"]
        )
        if self.hardware["activation_checkpointing"]:
            checkpoint_activations(module.network)
        held_out = self.recipe.held_out(self.model)
        tiles = HeldOutTiles(held_out, self.batches.rows, self.layout.rank, self.layout.ranks)
        self.trainer = self._trainer(module)
        self.interruption.watch()
        try:
            self.trainer.fit(module, self.loader, tiles, ckpt_path=self.checkpoint, weights_only=True)
        except InterruptedTraining as interruption:
            log.warning(
                "%s after step %d of %d: the state is saved in %s, run again to go on",
                interruption,
                self.trainer.global_step,
                self.schedule.last,
                self.state,
            )
            # the process that started this one would take any other code for a crash, and kill all
            raise SystemExit(0 if self.layout.is_child else interruption.exit_code) from None
        finally:
            self.interruption.unwatch()
            self.loader.close()
            self.curves.close()

    def _trainer(self, module: Pretraining) -> L.Trainer:
        """A trainer that validates and saves the state by steps, and stops early without improvement."""
        settings, accumulate, last = self.recipe.training, self.hardware["accumulate"], self.schedule.last
        validate_every = min(settings["validate_every"], last)
        state = StateSaver(
            self.state / "last.ckpt", settings["checkpoint_every"], validate_every, last, self.interruption
        )
        arguments = self.layout.trainer_arguments(module.network)
        arguments["plugins"].append(WholeCheckpoints())
        return L.Trainer(
            **arguments,
            precision=TRAINER_PRECISION[self.precision],
            max_steps=last,
            accumulate_grad_batches=accumulate,
            # Lightning counts parts of steps here
            val_check_interval=validate_every * accumulate,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=self.state,
            callbacks=[
                self.clock,
                self.interruption,
                *([averaging(settings["ema"])] if settings["ema"] else []),
                EarlyStopping(MONITOR, patience=settings["patience"]),
                self.curves,
                Progress(self.bases_per_step, last),
                self.best,
                state,
            ],
        )

    def write(self, output: Path) -> None:
        """Write the results into `output`.

        Raises:
            InputError: the validation loss was never a number.
        """
        score = self.best.best_model_score
        if score is None or not math.isfinite(score):
            # nothing that could be gone on from
            shutil.rmtree(self.state)
            raise InputError(
                f"the validation loss is not a finite number after {self.trainer.global_step} steps: training "
                "diverged; lower training.learning_rate, or set training.clip or training.precision: float32"
            )
        checkpoint = torch.load(self.best.best_model_path, weights_only=True, map_location="cpu", mmap=True)
        # not the network that was trained: it may be shared out among processes, or compiled
        network = new_network(self.network.config)
        prefix = "network."
        network.load_state_dict({name.removeprefix(prefix): value for name, value in checkpoint["state_dict"].items()})
        save_model(network, self.recipe.tokenizer or self.recipe.encoding, output, self.recipe.window)
        with atomic_path(output / "curves.tsv") as temporary:
            shutil.copyfile(self.curves.path, temporary)
        shutil.rmtree(output / "tensorboard", ignore_errors=True)
        shutil.move(self.state / "tensorboard", output / "tensorboard")
        write_json(output / TRAINING, self._report(checkpoint["global_step"]))

    def _report(self, best_step: int) -> dict[str, Any]:
        """What `training.json` says."""
        assert self.cost is not None
        curves = read_curves(self.curves.path)
        best = curves[(curves["split"] == "validation") & (curves["step"] == best_step)].iloc[-1]
        steps = self.trainer.global_step
        return {
            **self.recipe.describe(),
            "objective": objective(self.model.kind, self.recipe.training),
            "hardware": {**self.hardware, **self.layout.describe()},
            "precision": self.precision,
            "steps": steps,
            "tokens_seen": steps * self.bases_per_step,
            "seconds": round(self.clock.seconds, 1),
            "data_wait_share": round(self.clock.waiting_share, 5),
            "parameters": self.cost.parameters,
            "flops_per_token": self.flops_per_base,
            "flops": self.flops_per_base * steps * self.bases_per_step,
            "best_step": best_step,
            "best_validation_bits": _number(best, "bits_per_base"),
            "best_validation_region_accuracy": _number(best, "region_accuracy"),
        }


def _number(row: pd.Series, column: str) -> float | None:
    return float(row[column]) if column in row and not math.isnan(row[column]) else None
