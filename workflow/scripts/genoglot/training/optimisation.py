"""The optimisation of pretraining as a Lightning module, whatever the network, its tokens and its objective."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.utils.checkpoint import checkpoint

from genoglot.corpus.masking import IGNORED
from genoglot.corpus.schedule import Schedule
from genoglot.model.language_model import LanguageModel
from genoglot.network.layers_genoglot import Backbone
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.training.heldout import HeldOut, held_out_counts, held_out_metrics

# the batch, in bases, for which a learning rate is given
REFERENCE_BATCH = 16384
# FSDP puts this into the names of the parameters of what it wraps
WRAPPED = "_fsdp_wrapped_module."


class Counts(NamedTuple):
    """What a part of a step adds to the figures of training; also the order in which a tensor holds them.

    `loss` (nats) and `weight` of the targets, both weighted; `hits` and `targets`, numbers; `tokens` present and the
    `bases` that they spell; loss (nats), hits and number of the tokens with a region.
    """

    loss: float
    weight: float
    hits: float
    targets: float
    tokens: float
    bases: float
    region_loss: float
    region_hits: float
    region_tokens: float


def learning_rate_factor(step: int, warmup: int, total: int, schedule: str = "linear") -> float:
    """Linear warm-up, then decay to zero at step `total`.

    "linear" decay after Bergsma et al. 2025 (arXiv:2502.15938), "cosine" after Loshchilov & Hutter 2017
    (arXiv:1608.03983).
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return 1 - done if schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def scaled_learning_rate(learning_rate: float, batch_bases: int) -> float:
    """Learning rate of a batch of so many bases: as the square root of the batch, so that Adam takes like steps.

    Malladi et al. 2022 (arXiv:2205.10287); `learning_rate` is that of a batch of 16,384 bases.
    """
    return learning_rate * math.sqrt(batch_bases / REFERENCE_BATCH)


def decayed_parameters(network: nn.Module) -> set[str]:
    """Names of the parameters with weight decay: matrices and kernels; not embeddings, norms, biases and vectors."""
    embeddings = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    return {
        name
        for name, parameter in network.named_parameters()
        if parameter.dim() >= 2 and id(parameter) not in embeddings
    }


def checkpoint_activations(network: GenoglotModel) -> None:
    """Have blocks recompute their activations in the backward pass (Chen et al. 2016, arXiv:1604.06174).

    No parameter changes its name.
    """
    for module in network.modules():
        if isinstance(module, Backbone):
            module.gradient_checkpointing = True
            module._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)


class Pretraining(L.LightningModule):
    """Training by batches of `genoglot.training.loading`, validation by those of `genoglot.training.heldout`.

    The loss is that of the targets, times `lm_weight`, and that of the region classes, times `region_weight`, each
    divided by the sum of its weights over all parts of a step in all processes. So however a step is shared, its
    gradient is the same.

    Args:
        model: the network to train, and how sequence is written for it.
        training: settings.
        schedule: of the steps.
        bases: bases of one part of a step.
        seed: of dropout; what is dropped depends on the seed, the step, the part and the process alone.
        parts: parts of a step that each process has.
        compiles: whether the backbone is compiled, with `torch.compile`.
    """

    def __init__(
        self,
        model: LanguageModel,
        training: dict[str, Any],
        schedule: Schedule,
        bases: int,
        seed: int,
        parts: int = 1,
        compiles: bool = False,
    ):
        super().__init__()
        assert isinstance(model.network, GenoglotModel)
        self.network, self.model = model.network, model
        self.settings, self.schedule, self.bases = training, schedule, bases
        self.seed, self.parts, self.compiles = seed, parts, compiles
        self.region_weight = training["region_weight"] if self.network.config.regions else 0.0
        if not training["lm_weight"]:
            # nothing trains it, and processes wait for the gradient of everything that could be trained
            self.network.head.requires_grad_(False)
        self.decayed = decayed_parameters(self.network)
        self._totals = torch.ones(2)
        self._held_out = torch.zeros(0)

    def training_step(self, batch: dict[str, Any], _: int) -> dict[str, Tensor]:
        """One part of a step; gives the loss and, in the order of `Counts`, what the part adds to the figures."""
        step, part = self.trainer.global_step, batch["part"]
        if part == 0:
            totals = self.trainer.strategy.reduce(batch["totals"].clone(), reduce_op="sum")
            self._totals = totals.clamp(min=1e-6)
        numbers = np.random.SeedSequence([self.seed, 7, step, part, self.trainer.global_rank])
        torch.manual_seed(int(numbers.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        present = batch.get("present")
        hidden = None if self.sparse else self.network.hidden(batch["tokens"], present)
        counts = torch.zeros(len(Counts._fields), device=self.device)
        loss = torch.zeros((), device=self.device)
        # gradients of processes are averaged, and those of parts too
        share = self.trainer.world_size * self.parts
        if self.settings["lm_weight"]:
            own, counts[:4] = self._targets_loss(hidden, batch)
            loss = loss + self.settings["lm_weight"] * share * own / self._totals[0]
        if self.region_weight:
            assert hidden is not None
            own, counts[6:] = self._regions_loss(hidden, batch["regions"])
            loss = loss + self.region_weight * share * own / self._totals[1]
        counts[4] = batch["tokens"].numel() if present is None else present.sum()
        counts[5] = self.bases
        return {"loss": loss, "counts": counts}

    @property
    def sparse(self) -> bool:
        """Whether a network may leave out what the logits of the masked tokens do not need."""
        return self.network.needs_mask and not self.region_weight and not self.compiles

    def _targets_loss(self, hidden: Tensor | None, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Weighted sum of the losses (nats) of a part's targets, and the first four of `Counts`."""
        targets, weights = batch["targets"], batch["weights"]
        chosen = targets != IGNORED
        if self.network.needs_mask:
            if hidden is None:
                logits = self.network.logits(batch["tokens"], chosen, batch.get("present"))
            else:
                logits = self.network.lm_logits(hidden, chosen)
            truth, weight = targets[chosen], weights[chosen]
        else:
            assert hidden is not None
            # nearly all have one: to pick them out would cost more than the loss of the others
            logits = self.network.lm_logits(hidden).flatten(0, 1)
            truth, weight = targets.flatten(), (weights * chosen).flatten()
        losses = F.cross_entropy(logits.float(), truth, reduction="none", ignore_index=IGNORED)
        loss = (losses * weight).sum()
        hits = (logits.detach().argmax(-1) == truth).sum()
        return loss, torch.stack([loss.detach(), weight.sum(), hits.float(), chosen.sum().float()])

    def _regions_loss(self, hidden: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the losses (nats) of a part's region classes, and the last three of `Counts`."""
        logits = self.network.region_logits(hidden).flatten(0, 1)
        truth = regions.flatten()
        loss = F.cross_entropy(logits.float(), truth, reduction="sum", ignore_index=IGNORED)
        hits, labelled = (logits.detach().argmax(-1) == truth).sum(), (truth != IGNORED).sum()
        return loss, torch.stack([loss.detach(), hits.float(), labelled.float()])

    def on_validation_epoch_start(self) -> None:
        self._held_out = torch.zeros(0)

    def validation_step(self, batch: HeldOut, _: int) -> None:
        counts = held_out_counts(self.model, batch, bool(self.region_weight))
        self._held_out = counts if not len(self._held_out) else self._held_out + counts

    def on_validation_epoch_end(self) -> None:
        """Logs `validation_bits`, `validation_accuracy`, `validation_loss`, and of regions bits and accuracy."""
        counts = self.trainer.strategy.reduce(self._held_out, reduce_op="sum")
        metrics = held_out_metrics(counts, self.settings["lm_weight"], self.region_weight)
        for name, value in metrics.items():
            self.log(f"validation_{name}", value, sync_dist=self.trainer.world_size > 1)

    def setup(self, stage: str) -> None:
        if self.compiles:
            # in place, so that the names of the parameters stay; the copy for averages is already made
            self.network.backbone.compile()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                groups[name.replace(WRAPPED, "") in self.decayed].append(parameter)
        optimizer = torch.optim.AdamW(
            [
                {"params": groups[True], "weight_decay": self.settings["weight_decay"]},
                {"params": groups[False], "weight_decay": 0.0},
            ],
            lr=scaled_learning_rate(self.settings["learning_rate"], self.bases_per_step),
            betas=(0.9, 0.98),
            fused=True,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._factor())
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the norm of the gradient at `clip`; 0 is no limit.

        Lightning's own way refuses fused optimizers, which could unscale gradients; those of bfloat16 are not scaled.
        """
        limit, whole = self.settings["clip"], self.trainer.strategy.model
        if limit and isinstance(whole, FullyShardedDataParallel):
            whole.clip_grad_norm_(limit)
        elif limit:
            nn.utils.clip_grad_norm_(self.parameters(), limit)

    @property
    def bases_per_step(self) -> int:
        return self.schedule.batch * self.model.window

    def _factor(self) -> Callable[[int], float]:
        warmup, last, kind = self.schedule.warmup_steps, self.schedule.last, self.settings["schedule"]
        return lambda step: learning_rate_factor(step, warmup, last, kind)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Count batches as this run does, which may make other parts of a step than the one that saved it.

        States are saved at the ends of steps, after the validation if one was due, so that nothing else of Lightning's
        account of its loops matters.
        """
        loops = checkpoint["loops"]["fit_loop"]
        done = checkpoint["global_step"] * self.parts
        counts = {"ready": done, "started": done, "processed": done, "completed": done}
        loops["epoch_loop.batch_progress"] = {"total": counts, "current": dict(counts), "is_last_batch": False}
        for name in [name for name in loops if name.startswith("epoch_loop.val_loop")]:
            del loops[name]
