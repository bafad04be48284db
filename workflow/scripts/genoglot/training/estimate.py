"""What a training run will cost, told before it starts: arithmetic, and memory.

Both are measured on one part of a step that is computed with tensors that have shapes but no contents, so that it takes
neither the memory nor the time.
"""

import contextlib
import math
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from genoglot.model.hardware import autocast, device
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.modeling_genoglot import GenoglotModel, new_network
from genoglot.training.optimisation import checkpoint_activations

aten = torch.ops.aten
FLOAT = 4  # bytes of a weight, whatever the precision of the arithmetic
ADAM = 2  # moments of a weight


@dataclass(frozen=True)
class Part:
    """Shape of one part of a step: `rows` sequences of `length` tokens, of which `targets` have a loss."""

    rows: int
    length: int
    targets: int

    def divided(self, times: int) -> "Part":
        """A part with so many times fewer rows."""
        return Part(max(1, self.rows // times), self.length, max(1, self.targets // times))


@dataclass(frozen=True)
class Estimate:
    """What training takes.

    Attributes:
        parameters: number of weights.
        flops: floating-point operations of a part, forward and backward; recomputed activations are not counted.
        states: bytes of weights, gradients, the optimizer's moments and, if there is one, the weights' average.
        activations: bytes that a part takes beside these at the most.
    """

    parameters: int
    flops: int
    states: int
    activations: int

    @property
    def memory(self) -> int:
        """Bytes of a process, beside what it takes before training."""
        return self.states + self.activations


def estimate(
    config: GenoglotConfig,
    part: Part,
    parts: int,
    precision: str,
    checkpointing: bool = False,
    averages: bool = False,
) -> Estimate:
    """Costs of training a network.

    Args:
        parts: of this kind that a process has in a step.
        precision: "float32" or "bfloat16".
        checkpointing: whether activations are recomputed.
        averages: whether an average of the weights is kept.
    """
    counter, live = FlopCounterMode(display=False, custom_mapping=FORMULAS), LiveBytes()
    with FakeTensorMode(), live:
        network = _network(config, checkpointing)
        with contextlib.nullcontext() if checkpointing else counter:
            _compute(network, part, precision)
        if parts > 1:
            # the gradients of the first part are there when the second begins
            _compute(network, part, precision)
    if checkpointing:
        with FakeTensorMode(), counter:
            _compute(_network(config, False), part, precision)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    states = parameters * FLOAT * (2 + ADAM + averages)
    return Estimate(parameters, counter.get_total_flops(), states, live.peak - 2 * parameters * FLOAT)


def _network(config: GenoglotConfig, checkpointing: bool) -> GenoglotModel:
    with torch.device(device()):
        network = new_network(config).train()
    if checkpointing:
        checkpoint_activations(network)
    return network


def _compute(network: GenoglotModel, part: Part, precision: str) -> None:
    """Forward and backward pass of a part. What is chosen depends on contents, so as many from the start stand in."""
    tokens = torch.zeros(part.rows, part.length, dtype=torch.long, device=device())
    chosen = part.length if not network.needs_mask else min(part.length, math.ceil(part.targets / part.rows))
    with autocast(precision):
        hidden = network.hidden(tokens)
        logits = network.lm_logits(hidden[..., :chosen, :]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits.float(), tokens[:, :chosen].flatten(), reduction="none").sum()
        if network.config.regions:
            regions = network.region_logits(hidden).flatten(0, 1).float()
            loss = loss + torch.nn.functional.cross_entropy(regions, tokens.flatten(), reduction="none").sum()
        # a training step holds on to these no longer
        del hidden, logits
    loss.backward()


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that exist at a time, and keeps the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._see(leaf.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = id(storage)
        if key in self._known:
            return
        self._known.add(key)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def _fft_flops(shape: Any, dims: Any, size: int, each: float) -> int:
    """Operations of transforms of `size` points, `each` * size * log2(size), over all others of the dimensions."""
    batch = math.prod(shape) // math.prod(shape[dim] for dim in dims)
    return int(batch * each * size * math.log2(max(size, 2)))


# the usual counts of fast Fourier transforms: 5 N log2 N, half of it where one side is real
COMPLEX, REAL = 5.0, 2.5
FORMULAS = {
    aten._fft_c2c: lambda x, dim, *_, **__: _fft_flops(x, dim, math.prod(x[axis] for axis in dim), COMPLEX),
    aten._fft_r2c: lambda x, dim, *_, **__: _fft_flops(x, dim, math.prod(x[axis] for axis in dim), REAL),
    aten._fft_c2r: lambda x, dim, _, size, **__: _fft_flops(x, dim, size, REAL),
    aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda grad, q, k, v, *_, **__: sdpa_backward_flop_count(
        grad, q, k, v
    ),
}
