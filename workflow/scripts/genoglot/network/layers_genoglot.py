"""What the backbones share: strands, n-grams, feed-forward layers, and stacks of blocks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_genoglot import BASES, N_TOKEN, GenoglotConfig

# token of the complementary base; N and [MASK] stay as they are
COMPLEMENT = (3, 2, 1, 0, 4, 5)


def reverse_complement(tokens: Tensor) -> Tensor:
    """Reverse complement of single-nucleotide tokens along the last axis."""
    return torch.tensor(COMPLEMENT, device=tokens.device)[tokens].flip(-1)


def kmer_ids(tokens: Tensor, k: int) -> Tensor:
    """Number of the k-mer that ends at each position, int64 of the shape of `tokens`, (batch, length).

    k-mers that begin before the sequence or hold anything but A, C, G, T get the number 4**k.
    """
    padded = F.pad(tokens, (k - 1, 0), value=N_TOKEN)
    unknown = padded.ge(BASES)
    digits = padded.masked_fill(unknown, 0)
    length = tokens.shape[1]
    ids = torch.zeros_like(tokens)
    known = torch.ones_like(tokens, dtype=torch.bool)
    for offset in range(k):
        ids = ids * BASES + digits[:, offset : offset + length]
        known &= ~unknown[:, offset : offset + length]
    return ids.masked_fill(~known, BASES**k)


def centred_ids(tokens: Tensor, n: int) -> Tensor:
    """Number, in base 5, of the n letters around each position, int64 of the shape of `tokens`, (batch, length).

    The fifth letter is everything that is no base: N, [MASK], and what lies beyond the ends.
    """
    digits = F.pad(tokens.clamp(max=BASES), (n // 2, n - 1 - n // 2), value=BASES)
    length = tokens.shape[1]
    ids = torch.zeros_like(tokens)
    for offset in range(n):
        ids = ids * (BASES + 1) + digits[:, offset : offset + length]
    return ids


class SquaredReLU(torch.autograd.Function):
    """ReLU squared that keeps one tensor for its gradient, and makes that in two passes over memory, not four."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        positive = F.relu(x)
        context.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (positive,) = context.saved_tensors
        return (gradient * positive).mul_(2)


class PlusSquaredReLU(torch.autograd.Function):
    """The sum of a tensor and the squared ReLU of another, in one pass more than the ReLU takes."""

    @staticmethod
    def forward(context: Any, x: Tensor, y: Tensor) -> Tensor:
        positive = F.relu(y)
        context.save_for_backward(positive)
        return torch.addcmul(x, positive, positive)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (positive,) = context.saved_tensors
        return gradient, (gradient * positive).mul_(2)


def squared_relu(x: Tensor) -> Tensor:
    """ReLU squared (So et al. 2021, arXiv:2109.08668): far cheaper than GELU on a CPU.

    Where no gradient is wanted x is overwritten, which spares passes over memory.
    """
    return SquaredReLU.apply(x) if torch.is_grad_enabled() else x.relu_().square_()


def plus_squared_relu(x: Tensor, y: Tensor) -> Tensor:
    """The sum of x and the squared ReLU of y; where no gradient is wanted y is overwritten."""
    if x.dtype != y.dtype:
        return x + squared_relu(y)
    if torch.is_grad_enabled():
        return PlusSquaredReLU.apply(x, y)
    y = y.relu_()
    return torch.addcmul(x, y, y)


def without_padding(x: Tensor, present: Tensor | None) -> Tensor:
    """x (batch, length, dim) with zeros where no token is present, (batch, length)."""
    return x if present is None else x * present[..., None]


class ClosingLinear(nn.Linear):
    """Last layer of a residual branch; its weights begin at zero, so that depth costs nothing at the start."""


class FeedForward(nn.Module):
    """Pre-norm position-wise feed-forward layer, (..., dim) to (..., dim), without the residual sum."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.up = nn.Linear(config.dim, config.expansion * config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.down = ClosingLinear(config.expansion * config.dim, config.dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.dropout(squared_relu(self.up(self.norm(x)))))


class GatedFeedForward(nn.Module):
    """Pre-norm gated feed-forward layer (SwiGLU: Shazeer 2020, arXiv:2002.05202), without the residual sum."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.up = nn.Linear(config.dim, 2 * config.expansion * config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.down = ClosingLinear(config.expansion * config.dim, config.dim)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.up(self.norm(x)).chunk(2, dim=-1)
        return self.down(self.dropout(F.silu(gate) * value))


class TokenEmbedding(nn.Module):
    """Tokens (batch, length) to vectors (batch, length, dim); of single nucleotides, with the n-gram around each.

    A table of n-grams (as in the Byte Latent Transformer, Pagnoni et al. 2024, arXiv:2412.09871, but exact, not
    hashed) holds what short context says, and leaves the network what is longer. A causal network looks up the n-gram
    that ends at the position, any other the one around it.
    """

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.ngram, self.causal = config.ngram, config.causal
        self.tokens = nn.Embedding(config.vocab_size, config.dim)
        if self.ngram:
            numbers = BASES**self.ngram + 1 if self.causal else (BASES + 1) ** self.ngram
            self.ngrams = nn.Embedding(numbers, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens)
        if self.ngram:
            x = x + self.ngrams((kmer_ids if self.causal else centred_ids)(tokens, self.ngram))
        return self.dropout(x)


class Backbone(nn.Module, ABC):
    """Tokens (batch, length) to one vector per position, (batch, length, dim).

    `present` (batch, length), bool, says where there is a token and not padding; None where all are.
    """

    # set by `PreTrainedModel.gradient_checkpointing_enable`, which recomputes activations and renames nothing
    gradient_checkpointing = False
    _gradient_checkpointing_func: Any = None

    @abstractmethod
    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        """See the class."""

    def run(self, blocks: Iterable[nn.Module], x: Tensor, *arguments: Any) -> Tensor:
        """Pass x through blocks one after another."""
        for block in blocks:
            if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
                x = self._gradient_checkpointing_func(block, x, *arguments)
            else:
                x = block(x, *arguments)
        return x


class BothStrands(nn.Module):
    """A backbone that reads both strands with the same weights: parameter sharing without any mixing of strands.

    The reverse-complement equivariant form of Caduceus (Schiff et al. 2024, arXiv:2403.03234). Tokens (batch, length)
    to vectors (batch, 2, length, dim): of the strand as given and of its reverse complement, both in the coordinates
    of the strand as given.
    """

    def __init__(self, strand: Backbone):
        super().__init__()
        self.strand = strand

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        both = None if present is None else torch.cat([present, present.flip(1)])
        vectors = self.strand(torch.cat([tokens, reverse_complement(tokens)]), both)
        forward, reverse = vectors.chunk(2)
        return torch.stack([forward, reverse.flip(1)], dim=1)
