"""Convolutional networks of GPN's small shape in plain modules, to be timed beside the library's.

What is tried is written here and not in the library, so that a figure can still be made again when the library has
changed.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS, DIM, TAPS = 8, 128, 9
DILATIONS = (1, 2, 4, 8, 16, 32)  # of the layers, again and again
TOKENS, BASES = 6, 4

# x (batch, length, channels), weight (channels out, channels in, taps), bias (channels out), dilation
Convolution = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def by_conv1d(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """PyTorch's convolution in one dimension, with channels before positions."""
    return F.conv1d(x.transpose(1, 2), weight, bias, padding="same", dilation=dilation).transpose(1, 2)


def by_channels_last(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """A convolution in two dimensions, one of them of size 1, that leaves channels last in memory."""
    image = x.transpose(1, 2).unsqueeze(2).contiguous(memory_format=torch.channels_last)
    kernel = weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    around = (0, dilation * (weight.shape[2] // 2))
    return F.conv2d(image, kernel, bias, padding=around, dilation=(1, dilation)).squeeze(2).transpose(1, 2)


def shifted(x: Tensor, taps: int, dilation: int) -> list[Tensor]:
    """A view of x (batch, length, channels) for each tap, moved by its distance; zeros come in at the ends."""
    length, reach = x.shape[1], dilation * (taps // 2)
    padded = F.pad(x, (0, 0, reach, reach))
    return [padded[:, dilation * tap : dilation * tap + length] for tap in range(taps)]


def by_one_product(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """One matrix product over the shifted copies of x, laid side by side."""
    copies = torch.cat(shifted(x, weight.shape[2], dilation), dim=-1)
    return F.linear(copies, weight.transpose(1, 2).flatten(1), bias)


def by_products(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """A matrix product for each tap, added up."""
    total = bias
    for tap, copy in enumerate(shifted(x, weight.shape[2], dilation)):
        total = total + F.linear(copy, weight[:, :, tap])
    return total


def squared_relu(x: Tensor) -> Tensor:
    return F.relu(x).square()


class Layer(nn.Module):
    """The library's layer: norm, convolution, activation; norm, two dense layers."""

    def __init__(self, dim: int, dilation: int, convolution: Convolution, activation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.dilation, self.convolution, self.activation = dilation, convolution, activation
        self.norm, self.dense_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.weight = nn.Parameter(torch.randn(dim, dim, TAPS) * (dim * TAPS) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(dim))
        self.up, self.down = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.activation(self.convolution(self.norm(x), self.weight, self.bias, self.dilation))
        return x + self.down(self.activation(self.up(self.dense_norm(x))))


class PublishedLayer(nn.Module):
    """GPN's layer (Benegas et al. 2023): convolution, GELU, norm; one dense layer, GELU, norm."""

    def __init__(self, dim: int, dilation: int):
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, TAPS, padding="same", dilation=dilation)
        self.dense = nn.Linear(dim, dim)
        self.norm, self.dense_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.norm(F.gelu(self.conv(x.transpose(1, 2)).transpose(1, 2)))
        return x + self.dense_norm(F.gelu(self.dense(x)))


class Stack(nn.Module):
    """Tokens (batch, length) to logits of the four bases, (batch, length, 4) or (chosen, 4)."""

    def __init__(self, layer: Callable[[int, int], nn.Module], dim: int = DIM, layers: int = LAYERS):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, dim)
        self.layers = nn.Sequential(*(layer(dim, DILATIONS[number % len(DILATIONS)]) for number in range(layers)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, BASES)

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        x = self.norm(self.layers(self.embedding(tokens)))
        return self.head(x if positions is None else x[positions])


def published() -> Stack:
    """GPN's small network."""
    return Stack(PublishedLayer)


def tried(
    convolution: Convolution,
    activation: Callable[[Tensor], Tensor] = squared_relu,
    dim: int = DIM,
    layers: int = LAYERS,
) -> Stack:
    """The library's network of this shape, its convolution computed in another way."""
    return Stack(lambda width, dilation: Layer(width, dilation, convolution, activation), dim, layers)
