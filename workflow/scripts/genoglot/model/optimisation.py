"""The optimisation of pretraining as a Lightning module."""

from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from genoglot.model.modeling_genoglot import BASES, MASK_TOKEN, GenoglotForMaskedLM

LN2 = 0.6931471805599453
IGNORED = -100


def learning_rate_factor(step: int, warmup: int, total: int) -> float:
    """Linear warm-up, then linear decay to zero (Bergsma et al. 2025, arXiv:2502.15938)."""
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (total - step) / max(1, total - warmup))


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices and kernels; none on embeddings, norms and biases."""
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, torch.nn.Embedding)
        for parameter in module.parameters()
    }
    decayed: list[torch.nn.Parameter] = []
    plain: list[torch.nn.Parameter] = []
    for parameter in model.parameters():
        matrix = parameter.dim() >= 2 and id(parameter) not in embeddings
        (decayed if matrix else plain).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


class Pretraining(L.LightningModule):
    """Masked-LM training; a batch is (tokens, targets, weights) of `TrainingBatches`."""

    def __init__(self, model: GenoglotForMaskedLM, training: dict[str, Any]):
        super().__init__()
        self.model = model
        self.training_settings = training

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> dict[str, Tensor]:
        tokens, targets, weights = batch
        chosen = targets != IGNORED
        if self.model.needs_mask:
            logits, truth, weight = self.model.logits(tokens, chosen), targets[chosen], weights[chosen]
        else:
            logits, truth, weight = self.model.logits(tokens).view(-1, BASES), targets.view(-1), weights.view(-1)
        losses = F.cross_entropy(logits.float(), truth, reduction="none", ignore_index=IGNORED)
        counted = truth != IGNORED
        loss = (losses * weight).sum() / (weight * counted).sum().clamp(min=1e-6)
        hits = (logits.detach().argmax(-1) == truth).sum() / counted.sum().clamp(min=1)
        return {"loss": loss, "bits": loss.detach() / LN2, "accuracy": hits}

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """A batch is (codes, chosen); chosen positions are all masked. Logs bits per base and accuracy."""
        codes, chosen = batch
        tokens = codes.masked_fill(chosen, MASK_TOKEN) if self.model.needs_mask else codes
        logits = self.model.logits(tokens, chosen).float()
        truth = codes[chosen]
        bits = F.cross_entropy(logits, truth) / LN2
        accuracy = (logits.argmax(-1) == truth).float().mean()
        self.log("validation_bits", bits, batch_size=len(truth), prog_bar=True)
        self.log("validation_accuracy", accuracy, batch_size=len(truth))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.training_settings
        optimizer = torch.optim.AdamW(
            parameter_groups(self.model, settings["weight_decay"]),
            lr=settings["learning_rate"],
            betas=(0.9, 0.98),
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, settings["warmup_steps"], settings["max_steps"])
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
