"""Networks of tasks: a backbone, one vector of each sequence, pair of alleles or bin, and a linear layer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from genoglot.errors import InputError
from genoglot.examples.target import Target
from genoglot.genome.store import reverse_complement
from genoglot.model.hardware import autocast
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import device_of
from genoglot.network.pooling_genoglot import AttentionPooling, binned, pool
from genoglot.tasks.pairing import PairFeatures
from genoglot.tasks.writing import Written, write

MEASURED = 256  # pairs of alleles whose differences are measured


class TaskNetwork(nn.Module):
    """Outputs, float32, of written sequences of up to `length` bases: (batch, outputs), or (batch, bins, outputs) of a
    dense target.

    Args:
        effect: of pairs of alleles, what of them is read (`genoglot.tasks.pairing`); None of single sequences.
    """

    def __init__(
        self, model: LanguageModel, target: Target, pooling: str, length: int, dropout: float = 0.0,
        effect: str | None = None,
    ):  # fmt: skip
        super().__init__()
        self.model, self.pooling, self.length, self.bin = model, pooling, length, target.bin
        self.backbone = model.network
        self.norm = nn.LayerNorm(model.dim)
        self.attention = AttentionPooling(model.dim, length) if pooling == "attention" else None
        self.dropout = nn.Dropout(dropout)
        self.pairs = None if effect is None else PairFeatures(effect)
        width = model.dim if self.pairs is None else self.pairs.width(model.dim)
        self.linear = nn.Linear(width, target.outputs, bias=not self.signed)
        self.to(device_of(model))

    @property
    def signed(self) -> bool:
        """Whether swapped alleles have the opposite outputs."""
        return self.pairs is not None and self.pairs.signed

    def forward(self, written: Written) -> Tensor:
        features = self.features(written)
        # in half precision what tells one sequence's mean vector from another's is rounded away
        with torch.autocast(features.device.type, enabled=False):
            return self.linear(self.dropout(features))

    def features(self, written: Written) -> Tensor:
        """What the linear layer reads of each sequence or pair, (batch, width), float32."""
        vectors = self.vectors(written)
        return vectors if self.pairs is None else self.pairs(vectors)

    def vectors(self, written: Written) -> Tensor:
        """One vector of each sequence, (batch, dim), or of each of its bins, (batch, bins, dim), float32."""
        vectors = self.model.vectors(written.ids, written.present).float()
        with torch.autocast(vectors.device.type, enabled=False):
            if self.bin:
                return self.norm(binned(vectors, written.token_of, self.bin))
            return self.norm(pool(vectors, written.weights, written.places, self.attention))


def strands_of(network: TaskNetwork, codes: np.ndarray, both: bool) -> list[np.ndarray]:
    """Base codes as they are to be read: of `both` strands where these count and the model tells them apart."""
    return [codes, reverse_complement(codes)] if both and not network.model.symmetric else [codes]


def _as_it_is(results: Tensor) -> Tensor:
    return results


@torch.inference_mode()
def read_batches(
    network: TaskNetwork,
    codes: np.ndarray,
    batch_size: int,
    precision: str,
    both_strands: bool,
    function: Callable[[Written], Tensor],
    shape: tuple[int, ...],
    turn: Callable[[Tensor], Tensor] = _as_it_is,
) -> np.ndarray:
    """`function` of written sequences or pairs, float32 (sequences or pairs, *shape), batch by batch.

    Where both strands count, the mean of the two; a model that is the same on both reads one.

    Args:
        codes: base codes, uint8 (sequences, length) or (pairs, 2, length).
        turn: makes of a result of reverse complements, (batch, *shape), one of the strand as given.
    """
    device = device_of(network.model)
    results = np.empty((len(codes), *shape), dtype=np.float32)
    for first in range(0, len(codes), batch_size):
        here = codes[first : first + batch_size]
        strands = strands_of(network, here, both_strands)
        with autocast(precision):
            made = [function(write(network.model, each, network.pooling).to(device)) for each in strands]
        mean = made[0] if len(made) == 1 else (made[0].float() + turn(made[1]).float()) / 2
        results[first : first + batch_size] = mean.float().cpu().numpy()
    return results


@torch.inference_mode()
def measure_spread(network: TaskNetwork, codes: np.ndarray, precision: str) -> None:
    """Tell a network of pairs, (pairs, 2, length), how far the vectors of the first ones differ."""
    assert network.pairs is not None
    network.eval()
    with autocast(precision):
        written = write(network.model, codes[:MEASURED], network.pooling).to(device_of(network.model))
        network.pairs.measure(network.vectors(written))


def parameter_groups(
    network: TaskNetwork, learning_rate: float, layer_decay: float, weight_decay: float, decayed: set[str]
) -> list[dict[str, Any]]:
    """Parameters that are trained, in groups for an optimizer.

    The head has the learning rate as given, a block of the backbone `layer_decay` times that of the one after it, and
    embeddings that of the first block times `layer_decay` (Clark et al. 2020, arXiv:2003.10555).
    """
    depth = _depths(network)
    deepest = max(depth.values(), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        steps = deepest + 1 - depth[name] if name in depth else 0
        key = (learning_rate * layer_decay**steps, weight_decay if name in decayed else 0.0)
        groups.setdefault(key, []).append(parameter)
    return [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]


def _depths(network: TaskNetwork) -> Mapping[str, int]:
    """Which block, counted from 1, each parameter of the backbone is in; 0 before the first one."""
    of_block = dict(_numbered(network))
    last = max(of_block.values(), default=0)
    depths, before = {}, True
    for name, _ in network.named_parameters():
        if not name.startswith("backbone."):
            continue
        number = of_block.get(name)
        if number is not None:
            before = False
        # what stands before the first block is embeddings, what comes after it closes the network
        depths[name] = number if number is not None else 0 if before else last
    return depths


def _numbered(network: TaskNetwork) -> Iterator[tuple[str, int]]:
    """Parameters that are in a numbered part of the backbone, as those of a list of blocks are."""
    first: dict[str, int] = {}
    for name, _ in network.named_parameters():
        if not name.startswith("backbone."):
            continue
        parts = name.split(".")
        for place, part in enumerate(parts):
            if part.isdecimal():
                block = ".".join(parts[: place + 1])
                yield name, first.setdefault(block, len(first) + 1)
                break


def set_dropout(backbone: nn.Module, rate: float) -> None:
    """Give all dropout layers of a network another rate."""
    for module in backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate


def adapt(network: TaskNetwork, rank: int, alpha: int, dropout: float) -> None:
    """Freeze the backbone and give each of its linear layers a low-rank update to train (Hu et al. 2021,
    arXiv:2106.09685).

    Raises InputError for a backbone without linear layers.
    """
    backbone = network.backbone
    linear = {
        name
        for name, module in backbone.named_modules()
        # the language model's own head is of no use to a task
        if isinstance(module, nn.Linear) and name and not name.startswith(("head", "region_head", "lm_head", "cls"))
    }
    if not linear:
        raise InputError(f"mode lora: {type(backbone).__name__} has no linear layers to adapt; take mode full or probe")
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=sorted(linear))
    inject_adapter_in_model(config, backbone)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_("lora_" in name)
