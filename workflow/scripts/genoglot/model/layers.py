"""Layers inside a network, rather than its last one, whose vectors a user may ask for.

`genoglot.network.inner_genoglot` says how those of own networks are counted; the last is what the language model's
head reads, after the network's closing norm.
"""

import numpy as np
import torch
from torch import Tensor, nn

from genoglot.errors import InputError

EXAMPLE = 64  # bases of the window by which a network of others is asked for its layers


def checked_layer(layer: int | None, last: int, name: str) -> int | None:
    """The layer, None for the last; `InputError` if there is none of that number."""
    if layer is None or layer == last:
        return None
    if not 0 <= layer < last:
        raise InputError(
            f"embeddings.layer: found {layer}, but {name} has the layers 0 (the vectors of its tokens) to {last} "
            "(its last); leave the key out for the last"
        )
    return layer


def foreign_vectors(trunk: nn.Module, layer: int, **inputs: Tensor) -> Tensor:
    """Vectors (batch, length, dim) of a layer of a third-party network."""
    return trunk(**inputs, output_hidden_states=True).hidden_states[layer]


def foreign_layers(trunk: nn.Module, dim: int, name: str, **inputs: Tensor) -> int:
    """The number of a third-party network's last layer; `InputError` if it does not give its layers."""
    try:
        with torch.inference_mode():
            states = getattr(trunk(**inputs, output_hidden_states=True), "hidden_states", None)
    except TypeError:
        states = None
    if not states or any(state.dim() != 3 or state.shape[2] != dim for state in states):
        raise InputError(
            f"embeddings.layer: {name} does not give the vectors of its layers (output_hidden_states of transformers), "
            f"or they are not {dim} long as those of its last layer; leave the key out for the last"
        )
    return len(states) - 1


def example(window: int) -> np.ndarray:
    """Base codes of a short window, uint8 (1, length)."""
    return np.random.default_rng(0).integers(0, 4, (1, min(window, EXAMPLE)), dtype=np.uint8)
