"""Training a network for a task: the loss, batches, and the epoch that validation finds best."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from genoglot.errors import InputError
from genoglot.examples.target import UNKNOWN, Target, known_bins, on_other_strand
from genoglot.genome.store import reverse_complement
from genoglot.model.hardware import TRAINER_PRECISION
from genoglot.tasks.metrics import choice
from genoglot.tasks.network import TaskNetwork, parameter_groups, read_batches
from genoglot.tasks.writing import Written, write
from genoglot.training.optimisation import decayed_parameters, learning_rate_factor

log = logging.getLogger(__name__)

WARMUP = 0.1  # of the steps
HIGHEST = 20.0  # logarithm of a predicted count to the mean; above it numbers may end
FASTER = 4  # batches without gradients are so many times as large

Batch = tuple[Written, Tensor]


class Objective(nn.Module):
    """The loss of a target, and predictions from a network's outputs.

    Classes have cross-entropy, weighted so that each class counts alike if `balanced`; labels binary cross-entropy;
    values the squared error in standard deviations; counts the Poisson negative log-likelihood, with the exponential of
    the outputs as the mean, in training means: so training begins about there, and tracks of any unit count alike. What
    is not known (NaN) has no part in it.

    Args:
        truth: of the training examples, as `Examples.truth`; None where the weights are to be loaded.
        signed: whether values turn their sign with swapped alleles: their units are then root mean squares around 0.
    """

    weights: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, target: Target, truth: np.ndarray | None = None, balanced: bool = False, signed: bool = False):
        super().__init__()
        self.kind = target.kind
        weights = np.ones(target.outputs)
        mean, scale = np.zeros(target.outputs), np.ones(target.outputs)
        if truth is not None:
            (truth,) = known_bins(target, truth)
        if truth is not None and target.kind == "classes" and balanced:
            count = np.bincount(truth, minlength=target.outputs)
            weights = np.where(count > 0, len(truth) / np.maximum(count, 1) / max(1, (count > 0).sum()), 0)
        if truth is not None and target.kind == "values":
            mean = mean if signed else np.nan_to_num(np.nanmean(truth, axis=0))
            scale = np.nan_to_num(np.sqrt(np.nanmean(np.square(truth - mean), axis=0)))
            scale[scale == 0] = 1
        if truth is not None and target.kind == "counts":
            scale = np.nan_to_num(np.nanmean(truth, axis=0, dtype=np.float64))
            scale[scale <= 0] = 1
        for name, value in (("weights", weights), ("mean", mean), ("scale", scale)):
            self.register_buffer(name, torch.from_numpy(value).float())

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        if self.kind == "classes":
            return F.cross_entropy(
                outputs.flatten(0, -2), truth.flatten().long(), weight=self.weights, ignore_index=UNKNOWN
            )
        known = truth.isfinite()
        if self.kind == "labels":
            each = F.binary_cross_entropy_with_logits(outputs, truth.nan_to_num(), reduction="none")
        elif self.kind == "counts":
            each = F.poisson_nll_loss(outputs, truth.nan_to_num() / self.scale, log_input=True, reduction="none")
        else:
            each = (outputs - (truth.nan_to_num() - self.mean) / self.scale).square()
        return (each * known).sum() / known.sum().clamp(min=1)

    def predictions(self, outputs: Tensor) -> Tensor:
        """Probabilities, or values in their own units."""
        if self.kind == "classes":
            return outputs.softmax(-1)
        if self.kind == "counts":
            return outputs.clamp(max=HIGHEST).exp() * self.scale
        return outputs.sigmoid() if self.kind == "labels" else outputs * self.scale + self.mean


class TaskModel(nn.Module):
    """A network with its target and objective, and which strands it reads."""

    def __init__(self, network: TaskNetwork, target: Target, objective: Objective, both_strands: bool):
        super().__init__()
        self.network, self.target, self.objective, self.both_strands = network, target, objective, both_strands

    def predict(self, codes: np.ndarray, batch_size: int, precision: str) -> np.ndarray:
        """Predictions (sequences, outputs), or (sequences, bins, outputs) of a dense target, float32, of base codes
        (sequences, length) or of pairs of alleles (pairs, 2, length); the mean over the strands."""
        return self._read(codes, batch_size, precision, self.objective.predictions)

    def outputs(self, codes: np.ndarray, batch_size: int, precision: str) -> np.ndarray:
        """What the network gives out, as `predict`: logits, or values in standard deviations."""
        return self._read(codes, batch_size, precision, nn.Identity())

    def _read(
        self, codes: np.ndarray, batch_size: int, precision: str, finish: Callable[[Tensor], Tensor]
    ) -> np.ndarray:
        self.eval()
        return read_batches(
            self.network,
            codes,
            batch_size,
            precision,
            self.both_strands,
            lambda x: finish(self.network(x).float()),
            self.target.shape(codes.shape[-1]),
            self._turned,
        )

    def _turned(self, results: Tensor) -> Tensor:
        """Results of reverse complements as those of the strand as given."""
        if not self.target.dense:
            return results
        turned = results.flip(1)
        return turned[..., list(self.target.mirror)] if self.target.mirror else turned


class Finetuning(L.LightningModule):
    """Steps of training, and after each epoch a look at the validation examples.

    The best epoch is the one with the best `choice`: its weights are kept.
    Training stops when `patience` epochs have brought nothing better.
    """

    def __init__(
        self, task: TaskModel, codes: np.ndarray, truth: np.ndarray, settings: Mapping[str, Any], steps: int,
        precision: str,
    ):  # fmt: skip
        super().__init__()
        self.task, self.settings, self.steps, self.own_precision = task, settings, steps, precision
        self.codes, self.truth = codes, truth
        self.best, self.best_epoch = (-np.inf, -np.inf), 0
        self.best_weights: dict[str, Tensor] = {}
        self.history: list[dict[str, float]] = []
        self.loss_sum, self.loss_count = 0.0, 0

    def training_step(self, batch: Batch, _: int) -> Tensor:
        written, truth = batch
        loss = self.task.objective.loss(self.task.network(written).float(), truth)
        self.loss_sum += float(loss.detach()) * len(truth)
        self.loss_count += len(truth)
        return loss

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
        written, truth = batch
        return written.to(device), truth.to(device)

    def on_train_epoch_end(self) -> None:
        epoch = self.current_epoch + 1
        predicted = self.task.predict(self.codes, FASTER * self.settings["batch_size"], self.own_precision)
        self.task.train()
        found = choice(self.task.target.flat, *known_bins(self.task.target, self.truth, predicted))
        loss = self.loss_sum / max(1, self.loss_count)
        self.loss_sum, self.loss_count = 0.0, 0
        self.history.append({"epoch": epoch, "loss": loss, "validation": found[0], "error": -found[1]})
        log.info("epoch %d: loss %.4f, validation %.4f", epoch, loss, found[0])
        if found > self.best:
            self.best, self.best_epoch = found, epoch
            self.best_weights = {name: each.detach().cpu().clone() for name, each in self.task.state_dict().items()}
        elif epoch - self.best_epoch >= self.settings["patience"]:
            self.trainer.should_stop = True

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        groups = parameter_groups(
            self.task.network,
            self.settings["learning_rate"],
            self.settings["layer_decay"],
            self.settings["weight_decay"],
            decayed_parameters(self.task.network),
        )
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
        warmup = max(1, int(WARMUP * self.steps))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, warmup, self.steps, "cosine")
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def batches(
    network: TaskNetwork, target: Target, codes: np.ndarray, truth: np.ndarray, size: int, seed: int, both_strands: bool
) -> DataLoader:
    """Shuffled batches; where both strands count, each sequence, or pair, on one that is drawn at random."""
    strand = np.random.default_rng(seed)

    def collate(rows: list[int]) -> Batch:
        here, true = codes[rows], truth[rows]
        if both_strands and not network.model.symmetric:
            flipped = strand.random(len(rows)) < 0.5
            here[flipped] = reverse_complement(here[flipped])
            if target.dense:
                true[flipped] = on_other_strand(target, true[flipped])
        return write(network.model, here, network.pooling), torch.from_numpy(true)

    generator = torch.Generator().manual_seed(seed)
    rows: Any = range(len(codes))
    return DataLoader(rows, batch_size=size, shuffle=True, generator=generator, collate_fn=collate)


def finetune(
    network: TaskNetwork,
    target: Target,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    settings: Mapping[str, Any],
    precision: str,
    seed: int,
) -> tuple[TaskModel, dict[str, Any]]:
    """Train what of a network is to be trained; return the model of the best epoch, and how that came about.

    Args:
        train, validation: base codes and truth, as in `Examples`.
        settings: `epochs`, `patience`, `learning_rate`, `layer_decay`, `weight_decay`, `batch_size`, `balanced`,
            `strands` ("both" or "given").
    """
    started = time.monotonic()
    both = settings["strands"] == "both"
    objective = Objective(target, train[1], settings["balanced"], network.signed).to(network.linear.weight.device)
    task = TaskModel(network, target, objective, both)
    loader = batches(network, target, *train, settings["batch_size"], seed, both)
    module = Finetuning(task.train(), *validation, settings, settings["epochs"] * len(loader), precision)
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=TRAINER_PRECISION[precision],
        max_epochs=settings["epochs"],
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, loader)
    if not module.best_weights:
        raise InputError(
            f"no epoch gave finite predictions at a learning rate of {settings['learning_rate']}: take a smaller one"
        )
    task.load_state_dict(module.best_weights)
    return task.eval(), {
        "best_epoch": module.best_epoch,
        "validation": module.best[0],
        "validation_error": -module.best[1],
        "seconds": round(time.monotonic() - started, 1),
        "history": module.history,
    }
