"""Vectors of a layer inside a network, rather than of its last one.

Layers are counted as Hugging Face counts `hidden_states`: 0 is what goes into the first block, n what the n-th block
puts out. Blocks are those of convolutions, attention or Hyena. A `hybrid` counts its convolutions before, its
attention, whose pools stand for each of their positions, and its convolution after; `cloze` counts its tower (each
position's vector is the mean of both directions of reading) and then its fusion.
"""

import threading
from typing import Any

from torch import Tensor, nn

from .attention_genoglot import HybridBackbone
from .convolutions_genoglot import ClozeBackbone
from .layers_genoglot import BothStrands
from .modeling_genoglot import GenoglotModel

_asked = threading.local()


class _ReachedError(Exception):
    """Ends a pass at the layer that was asked for, and carries its vectors."""

    def __init__(self, vectors: Tensor):
        super().__init__()
        self.vectors = vectors


def _stop(block: nn.Module, arguments: tuple[Any, ...]) -> None:
    """Hook of the block after the layer: ends the pass of a thread that asked for it, and of no other."""
    if getattr(_asked, "block", None) is block:
        raise _ReachedError(arguments[0])


def own_blocks(network: GenoglotModel) -> list[nn.Module]:
    """The blocks of an own network; what goes into block n is layer n."""
    backbone: Any = network.backbone
    if isinstance(backbone, BothStrands):
        backbone = backbone.strand
    if isinstance(backbone, ClozeBackbone):
        return [*backbone.tower, *backbone.fusion]
    if isinstance(backbone, HybridBackbone):
        return [*backbone.stem, *backbone.blocks, *backbone.refine]
    return list(backbone.blocks)


def watch(network: GenoglotModel, layer: int) -> None:
    """Have passes of an own network end at a layer when `own_vectors` asks for it."""
    own_blocks(network)[layer].register_forward_pre_hook(_stop)


def own_vectors(network: GenoglotModel, layer: int, ids: Tensor, present: Tensor | None) -> Tensor:
    """Vectors (batch, length, dim) of a layer that is watched; the blocks after it are not computed."""
    _asked.block = own_blocks(network)[layer]
    try:
        network.backbone(ids, present)
    except _ReachedError as reached:
        vectors = reached.vectors
    finally:
        _asked.block = None
    if vectors.dim() == 4:
        return vectors.mean(dim=1)
    if vectors.shape[1] != ids.shape[1]:
        pool = network.config.pool
        vectors = vectors.repeat_interleave(pool, dim=1)[:, : ids.shape[1]]
    if len(vectors) == 2 * len(ids):
        forward, reverse = vectors.chunk(2)
        vectors = (forward + reverse.flip(1)) / 2
    return vectors
