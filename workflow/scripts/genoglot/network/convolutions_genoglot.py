"""Networks of dilated convolutions.

`convnet`
    The masked convolutional network of GPN (Benegas, Batra & Song 2023, doi:10.1073/pnas.2311219120): a position is
    predicted only if its own token was replaced by [MASK] in the input.
`cloze`
    A causal convolutional tower reads the sequence up to, and not including, each position; the same tower reads the
    reverse complement; a fusion network predicts the base between the two views. Every position is thereby masked from
    its own prediction, and all of them are predicted in one pass (two towers: Baevski et al. 2019,
    arXiv:1903.07785). Sharing the tower between strands and symmetrising the fusion makes the model
    reverse-complement equivariant (after the parameter sharing of Caduceus, arXiv:2403.03234).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_genoglot import BASES, SINGLE_VOCABULARY, GenoglotConfig
from .layers_genoglot import (
    Backbone,
    ClosingLinear,
    FeedForward,
    TokenEmbedding,
    kmer_ids,
    plus_squared_relu,
    reverse_complement,
    squared_relu,
    without_padding,
)

# Share of positions up to which a layer is faster computed where it is needed than everywhere: gathering the
# neighbours of a position costs about as much as its products.
SPARSE = 0.4


class Convolution(nn.Conv1d):
    """Dilated convolution of (batch, length, channels), zeros beyond the ends; the same shape comes out.

    Computed as an image of height one whose channels lie side by side in memory, as they do here anyway: that spares
    copies before and after, and is the layout for which processors have the faster kernels.
    """

    def forward(self, x: Tensor) -> Tensor:
        image = x.transpose(1, 2).unsqueeze(2)
        weight = self.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        result = F.conv2d(image, weight, self.bias, padding="same", dilation=(1, *self.dilation))
        return result.squeeze(2).transpose(1, 2)

    @property
    def offsets(self) -> list[int]:
        """Where the taps lie, from the position that they are for."""
        taps, step = self.kernel_size[0], self.dilation[0]
        return [step * tap - step * (taps - 1) // 2 for tap in range(taps)]

    def reach(self, positions: Tensor) -> Tensor:
        """Where x is read for the convolution at these positions, bool (batch, length)."""
        length = positions.shape[1]
        around = (-min(self.offsets), max(self.offsets))
        padded = F.pad(positions, around[::-1])
        views = [padded[:, around[1] - offset : around[1] - offset + length] for offset in self.offsets]
        return torch.stack(views).any(0)

    def at(self, x: Tensor, positions: Tensor) -> Tensor:
        """`forward` at the positions (batch, length) alone: (chosen, channels)."""
        around = (-min(self.offsets), max(self.offsets))
        padded = F.pad(x, (0, 0, *around))
        row, place = positions.nonzero(as_tuple=True)
        first = row * padded.shape[1] + place + around[0]
        # looked up as an embedding is, whose gradient is the fastest of those of an index
        neighbours = F.embedding(first[:, None] + torch.tensor(self.offsets, device=x.device), padded.flatten(0, 1))
        return F.linear(neighbours.flatten(1), self.weight.transpose(1, 2).flatten(1), self.bias)


class ConvBlock(nn.Module):
    """Residual block of GPN's kind: normalised dilated convolution, then a feed-forward layer.

    Maps (batch, length, dim) to the same shape. Padding counts as what lies beyond the ends: zeros.
    """

    def __init__(self, config: GenoglotConfig, dilation: int):
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.conv = Convolution(config.dim, config.dim, config.kernel_size, dilation=dilation)
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        x = plus_squared_relu(x, self.conv(without_padding(self.norm(x), present)))
        return x + self.feed_forward(x)

    def at(self, x: Tensor, positions: Tensor, present: Tensor | None = None) -> Tensor:
        """`forward` at the positions (batch, length) alone: (chosen, dim)."""
        y = plus_squared_relu(x[positions], self.conv.at(without_padding(self.norm(x), present), positions))
        return y + self.feed_forward(y)


class ConvBackbone(Backbone):
    """A stack of `ConvBlock`."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.embedding = TokenEmbedding(config)
        self.blocks = nn.ModuleList(ConvBlock(config, dilation) for dilation in config.dilations)

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        return self.run(self.blocks, self.embedding(tokens), present)

    def at(self, tokens: Tensor, positions: Tensor, present: Tensor | None = None) -> Tensor:
        """`forward` at the positions (batch, length) alone, (chosen, dim).

        The last layers are computed only where those after them look; where gradients are wanted, which need what the
        layers read, the last one.
        """
        dense: list[ConvBlock] = [block for block in self.blocks if isinstance(block, ConvBlock)]
        sparse: list[tuple[ConvBlock, Tensor]] = []
        places = positions
        while dense and places.float().mean() <= SPARSE:
            block = dense.pop()
            sparse.append((block, places))
            if torch.is_grad_enabled():
                break
            places = places | block.conv.reach(places)
        x = self.run(dense, self.embedding(tokens), present)
        for block, places in reversed(sparse[1:]):
            x[places] = block.at(x, places, present)
        return sparse[0][0].at(x, positions, present) if sparse else x[positions]


class CausalBlock(nn.Module):
    """Residual block whose output at a position depends on that position and earlier ones only.

    A dilated causal convolution from `dim` to `expansion * dim` channels, written as one matrix product over the
    shifted copies of the input (which a CPU runs at the rate of its matrix products), and a projection back.
    Maps (batch, length, dim) to the same shape.
    """

    def __init__(self, config: GenoglotConfig, dilation: int):
        super().__init__()
        self.shifts = [dilation * tap for tap in range(config.kernel_size)]
        self.norm = nn.LayerNorm(config.dim)
        self.up = nn.Linear(config.kernel_size * config.dim, config.expansion * config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.down = ClosingLinear(config.expansion * config.dim, config.dim)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        padded = F.pad(self.norm(x), (0, 0, self.shifts[-1], 0))
        start = self.shifts[-1]
        taps = torch.cat([padded[:, start - shift : start - shift + length] for shift in self.shifts], dim=-1)
        return x + self.down(self.dropout(squared_relu(self.up(taps))))


def shift_right(x: Tensor) -> Tensor:
    """Move (batch, length, dim) one position to the right; the first position becomes zero."""
    return F.pad(x, (0, 0, 1, 0))[:, :-1]


class ClozeBackbone(Backbone):
    """Tokens (batch, length) to vectors (batch, 2, length, dim) that do not see their own position.

    The second axis holds the two readings of the fused views: (left, right) as given, and (right, left) as on the
    reverse complement, both in forward coordinates.
    """

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.left_kmer, self.flank_kmer = config.left_kmer, config.flank_kmer
        self.kmer_embedding = nn.Embedding(BASES**config.left_kmer + 1, config.dim)
        self.base_embedding = nn.Embedding(SINGLE_VOCABULARY, config.dim)
        self.tower = nn.ModuleList(CausalBlock(config, dilation) for dilation in config.dilations)
        self.tower_norm = nn.LayerNorm(config.dim)
        self.flank_embedding = nn.Embedding((BASES**config.flank_kmer + 1) ** 2, config.dim)
        self.join = nn.Linear(2 * config.dim, config.dim)
        self.fusion = nn.ModuleList(FeedForward(config) for _ in range(config.fusion_layers))

    def read(self, tokens: Tensor) -> Tensor:
        """Vectors (batch, length, dim) of the sequence before each position."""
        x = self.kmer_embedding(kmer_ids(tokens, self.left_kmer)) + self.base_embedding(tokens)
        return shift_right(self.tower_norm(self.run(self.tower, x)))

    def flank_ids(self, tokens: Tensor) -> Tensor:
        """Number of the k-mer before each position, (batch, length)."""
        none = BASES**self.flank_kmer
        return F.pad(kmer_ids(tokens, self.flank_kmer), (1, 0), value=none)[:, :-1]

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        batch = tokens.shape[0]
        strands = torch.cat([tokens, reverse_complement(tokens)])
        views, flanks = self.read(strands), self.flank_ids(strands)
        left, right = views[:batch], views[batch:].flip(1)
        left_flank, right_flank = flanks[:batch], flanks[batch:].flip(1)
        numbers = BASES**self.flank_kmer + 1
        pairs = torch.stack([torch.cat([left, right], -1), torch.cat([right, left], -1)], dim=1)
        flank = torch.stack([left_flank * numbers + right_flank, right_flank * numbers + left_flank], dim=1)
        x = self.join(pairs) + self.flank_embedding(flank)
        for layer in self.fusion:
            x = x + layer(x)
        return x
