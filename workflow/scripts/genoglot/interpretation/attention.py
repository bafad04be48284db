"""Attention maps: from which bases each layer of a network with attention takes what it makes of a base.

The weights of a layer's heads are averaged. A token's attention is shared evenly among the bases that it covers, and a
base's is the mean over the tokens that cover it, so that a row over all bases of the window and special tokens sums to
1. Attention says where a layer looks, not what matters to the prediction (Jain & Wallace 2019, arXiv:1902.10186); a
dependency map says the latter.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import Genome, reverse_complement
from genoglot.interpretation.dependencies import window_around
from genoglot.interpretation.loci import Locus
from genoglot.model.inference import Predictor
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import device_of
from genoglot.network.attention_genoglot import AttentionBlock, HybridBackbone
from genoglot.network.layers_genoglot import BothStrands
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.tokens.encoding import Tokens


def why_no_attention(model: LanguageModel, length: int, longest: int) -> str | None:
    """Why a locus of so many bases has no attention maps by a model, in words; None if it has.

    `longest` is the limit of the configuration.
    """
    if length > longest:
        return f"the locus has {length:,} bases, and map_length is {longest:,}"
    if isinstance(model.network, GenoglotModel):
        if not any(isinstance(module, AttentionBlock) for module in model.network.modules()):
            return "the network has no attention"
    elif not hasattr(model.network, "set_attn_implementation") or not _layers(model.network.config):
        return "the network does not give its attention out"
    if length > model.window:
        return f"the locus has {length:,} bases, and the model reads windows of {model.window:,}"
    return None


def _layers(config: Any) -> int:
    """Number of layers that a configuration of others tells of."""
    return getattr(config, "num_hidden_layers", 0) or getattr(config, "n_layer", 0)


def attention_maps(predictor: Predictor, genome: Genome, locus: Locus) -> np.ndarray:
    """Attention between the bases of a locus, float32 (layers, length, length): row i looks at column j.

    Nothing is hidden. The two strands are averaged, but of a causal model, which looks back on the strand as given.

    Args:
        predictor, genome: of the model and the tokenized genome.
        locus: one for which `why_no_attention` has no reason.
    """
    model = predictor.model
    codes, place = window_around(genome, locus, model.window)

    def read(codes: np.ndarray, place: int) -> np.ndarray:
        # strands one after another: the hooks of a pass see all that goes through the network
        [found] = predictor.map(lambda _: _of_window(model, codes, place, locus.length), [None])
        return found

    forward = read(codes, place)
    if model.kind == "causal":
        return forward
    reverse = read(reverse_complement(codes), len(codes) - place - locus.length)
    return (forward + reverse[:, ::-1, ::-1]) / 2


def _of_window(model: LanguageModel, codes: np.ndarray, place: int, length: int) -> np.ndarray:
    """Maps of the `length` bases from `place` on in a window of base codes (size,), read on one strand."""
    written = model.write(codes[None])
    weights = token_attention(model, written)
    network = model.network
    if isinstance(network, GenoglotModel) and isinstance(_strand(network), HybridBackbone):
        written = _pools(written, network.config.pool, weights.shape[-1])
    covers = np.zeros((weights.shape[-1], len(codes)), dtype=np.float32)
    for token, (start, end) in enumerate(zip(written.starts[0], written.ends[0], strict=True)):
        covers[token, start:end] = 1
    # of a base the mean over its tokens; of a token an equal share for each of its bases
    reads = covers / np.maximum(covers.sum(axis=0), 1)
    shares = covers / np.maximum(covers.sum(axis=1, keepdims=True), 1)
    here = slice(place, place + length)
    return np.einsum("ti,ltu,uj->lij", reads[:, here], weights, shares[:, here], optimize=True).astype(np.float32)


def _pools(written: Tokens, size: int, count: int) -> Tokens:
    """The pools of `size` tokens each between which a hybrid network has its attention, as if they were tokens."""
    starts, ends = (np.zeros((1, count), dtype=np.int32) for _ in range(2))
    for pool in range(count):
        inside = slice(pool * size, min((pool + 1) * size, int(written.lengths[0])))
        if inside.start < inside.stop:
            starts[0, pool] = written.starts[0, inside].min()
            ends[0, pool] = written.ends[0, inside].max()
    return Tokens(np.zeros((1, count), dtype=np.int64), starts, ends, np.array([count]))


def token_attention(model: LanguageModel, written: Tokens) -> np.ndarray:
    """Attention weights between the tokens of one window, mean over heads, float32 (layers, tokens, tokens)."""
    place = device_of(model)
    ids = torch.from_numpy(written.ids).to(place)
    if not isinstance(model.network, GenoglotModel):
        with _eager(model.network):
            output = model.network(input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True)
        return torch.stack([layer[0].float().mean(dim=0) for layer in output.attentions]).cpu().numpy()
    found: list[Tensor] = []

    def keep(block: AttentionBlock, inputs: tuple[Tensor, ...]) -> None:
        # of a network that reads both strands, the first row is the one as given
        found.append(block_attention(block, *inputs)[0].float().mean(dim=0))

    blocks = [module for module in model.network.modules() if isinstance(module, AttentionBlock)]
    hooks = [block.register_forward_pre_hook(keep) for block in blocks]  # type: ignore[arg-type]
    try:
        model.network.hidden(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(found).cpu().numpy()


def block_attention(block: AttentionBlock, x: Tensor, present: Tensor | None, cosine: Tensor, sine: Tensor) -> Tensor:
    """What a block's heads attend to, (batch, heads, length, length), which its forward pass computes and drops."""
    query, key, _ = block.projected(x, cosine, sine)
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    if block.causal:
        ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        scores = scores.masked_fill(ahead, -torch.inf)
    elif present is not None:
        scores = scores.masked_fill(~present[:, None, None, :], -torch.inf)
    return scores.softmax(dim=-1)


def _strand(network: GenoglotModel) -> torch.nn.Module:
    """The backbone that reads one strand."""
    return network.backbone.strand if isinstance(network.backbone, BothStrands) else network.backbone


@contextmanager
def _eager(network: Any) -> Iterator[None]:
    """Have a network of others compute attention in the way that gives its weights out."""
    before = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(before)
