"""Steps of training and inference on random tokens, their operations, and the machine's rate of matrix products.

Everything here runs on the machine's device: the GPU where there is one.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from measure import THREADS
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genoglot.model import hardware
from genoglot.network.modeling_genoglot import GenoglotConfig, GenoglotModel, new_network

MASK_RATE, IGNORED = 0.15, -100
# every layer's convolution has as many channels in and out as GPN's small network, and one dense layer more
GPN_SMALL = {
    "architecture": "convnet", "dim": 128, "layers": 8, "kernel_size": 9, "dilation_growth": 2, "max_dilation": 32,
    "expansion": 1, "ngram": 0,
}  # fmt: skip


def set_up(keep_memory: bool = True) -> torch.device:
    """Threads and allocator as the workflow has them; the device that measurements run on."""
    torch.set_num_threads(THREADS)
    if keep_memory:
        hardware.keep_freed_memory()
    return hardware.device()


def new_model(shape: dict[str, Any]) -> GenoglotModel:
    """A network of the library with random weights."""
    torch.manual_seed(0)
    network = new_network(GenoglotConfig(**shape))
    torch.nn.Module.to(network, hardware.device())
    return network


def random_batch(windows: int, window: int = 512, mask: bool = True) -> dict[str, Tensor]:
    """`tokens` and `targets`, both (windows, window); without `mask` every token is a target."""
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(0, 4, (windows, window)))
    chosen = torch.from_numpy(rng.random((windows, window)) < MASK_RATE) if mask else torch.ones_like(codes).bool()
    batch = {
        "tokens": codes.masked_fill(chosen, 5) if mask else codes,
        "targets": codes.masked_fill(~chosen, IGNORED),
    }
    return {name: tensor.to(hardware.device()) for name, tensor in batch.items()}


def training_step(
    network: nn.Module,
    batch: dict[str, Tensor],
    precision: str = "float32",
    everywhere: bool = False,
    parts: int = 1,
) -> Callable[[], None]:
    """Forward, backward, clipping and optimizer step, with the loss and the optimizer of the workflow's training.

    Its data, curves and checkpoints are not in here; `trainer.py` times all of them together.

    Args:
        network: of the library, or of `stacks`.
        everywhere: compute logits of every position, as the models of Hugging Face do, rather than of those with a
            loss.
        parts: pieces of the batch that are computed one after another, and whose gradients are added.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    pieces = list(zip(batch["tokens"].chunk(parts), batch["targets"].chunk(parts), strict=True))
    everywhere = everywhere or bool((batch["targets"] != IGNORED).all())
    call = logits_of(network.train())

    def loss(tokens: Tensor, targets: Tensor) -> Tensor:
        if everywhere:
            logits, truth = call(tokens).flatten(0, 1), targets.flatten()
        else:
            chosen = targets != IGNORED
            logits, truth = call(tokens, chosen), targets[chosen]
        return F.cross_entropy(logits.float(), truth, ignore_index=IGNORED) / parts

    def step() -> None:
        for tokens, targets in pieces:
            with hardware.autocast(precision):
                value = loss(tokens, targets)
            value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        finish()

    return step


def logits_of(network: nn.Module) -> Callable[..., Tensor]:
    """What gives a network's logits of tokens, and optionally of some positions alone."""
    return network.logits if isinstance(network, GenoglotModel) else network


def inference_step(network: nn.Module, tokens: Tensor, precision: str = "float32") -> Callable[[], None]:
    """A forward pass that gives logits of every position of `tokens`."""
    call = logits_of(network.eval())

    @torch.inference_mode()
    def step() -> None:
        with hardware.autocast(precision):
            call(tokens)
        finish()

    return step


def finish() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def operations(step: Callable[[], None]) -> int:
    """Floating-point operations of the matrix products, convolutions and attention of a step (two a multiply-add)."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def matmul_rate(precision: str, size: int = 2048, least_seconds: float = 1.0) -> float:
    """GFLOP/s of products of two square matrices, the fastest of the calls that fit into `least_seconds`."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = (torch.randn(size, size, device=hardware.device(), dtype=kind) for _ in range(2))
    left @ right
    finish()
    fastest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < least_seconds:
        start = time.perf_counter()
        left @ right
        finish()
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * size**3 / fastest / 1e9
