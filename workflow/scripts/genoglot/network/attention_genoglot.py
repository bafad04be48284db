"""Networks with attention.

`encoder`
    A masked language model of BERT's kind (Devlin et al. 2019, doi:10.18653/v1/N19-1423; of genomes: DNABERT, Ji et al.
    2021, doi:10.1093/bioinformatics/btab083), with rotary positions (Su et al. 2021, arXiv:2104.09864), normalisation
    before each layer and gated feed-forward layers.
`decoder`
    The same with attention to earlier positions only: a language model of GPT's kind (Radford et al. 2019).
`hybrid`
    Convolutions, attention between pooled positions, and convolutions again: the trunk of Enformer (Avsec et al. 2021,
    doi:10.1038/s41592-021-01252-x), brought back to the resolution of its input so that every token gets a vector.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_genoglot import GenoglotConfig
from .convolutions_genoglot import ConvBlock
from .layers_genoglot import Backbone, ClosingLinear, GatedFeedForward, TokenEmbedding


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each pair of features (i, i + half) of x (batch, heads, length, features) by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


def rotary_angles(length: int, features: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (length, features / 2) of the angles of each position."""
    frequency = 10000.0 ** (-torch.arange(0, features, 2, device=device, dtype=torch.float32) / features)
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


class AttentionBlock(nn.Module):
    """Self-attention, then a gated feed-forward layer; (batch, length, dim) to the same shape."""

    def __init__(self, config: GenoglotConfig, causal: bool):
        super().__init__()
        if config.dim % (2 * config.heads):
            raise ValueError(f"dim {config.dim} is not a multiple of twice the number of heads, {config.heads}")
        self.heads, self.causal, self.dropout = config.heads, causal, nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.dim)
        self.in_projection = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.out_projection = ClosingLinear(config.dim, config.dim, bias=False)
        self.feed_forward = GatedFeedForward(config)

    def projected(self, x: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, turned by their positions, and values, each (batch, heads, length, features)."""
        batch, length, dim = x.shape
        parts = self.in_projection(self.norm(x)).view(batch, length, 3, self.heads, dim // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return rotate(query, cosine, sine).to(value.dtype), rotate(key, cosine, sine).to(value.dtype), value

    def forward(self, x: Tensor, present: Tensor | None, cosine: Tensor, sine: Tensor) -> Tensor:
        query, key, value = self.projected(x, cosine, sine)
        # a causal network never looks ahead, to where the padding is
        seen = None if present is None or self.causal else present[:, None, None, :]
        attended = F.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, dropout_p=self.dropout.p if self.training else 0.0, is_causal=self.causal
        )
        x = x + self.out_projection(attended.transpose(1, 2).reshape(x.shape))
        return x + self.feed_forward(x)


class AttentionBackbone(Backbone):
    """A stack of `AttentionBlock`, causal or not."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.features = config.dim // config.heads
        self.embedding = TokenEmbedding(config)
        self.blocks = nn.ModuleList(AttentionBlock(config, config.causal) for _ in range(config.layers))

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        angles = rotary_angles(tokens.shape[1], self.features, tokens.device)
        return self.run(self.blocks, self.embedding(tokens), present, *angles)


class AttentionPool(nn.Module):
    """Positions (batch, length, dim) to pools of `size` positions each, (batch, length / size, dim).

    Each feature is averaged with weights that a softmax over the pool gives (Enformer's).
    """

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.size = config.pool
        self.weigh = ClosingLinear(config.dim, config.dim, bias=False)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        batch, length, dim = x.shape
        pools = x.view(batch, length // self.size, self.size, dim)
        weights = self.weigh(pools).float()
        # a pool of padding alone averages it: no position of the input sees that pool
        weights = weights.masked_fill(~present.view(batch, -1, self.size, 1), -1e4).softmax(dim=2)
        return (pools * weights.to(pools.dtype)).sum(dim=2)


class HybridBackbone(Backbone):
    """Convolutions at the resolution of tokens, attention between pools of them, and the sum of both refined."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.pool_size, self.features = config.pool, config.dim // config.heads
        self.embedding = TokenEmbedding(config)
        self.stem = nn.ModuleList(ConvBlock(config, dilation) for dilation in config.dilations[: config.stem_layers])
        self.pool = AttentionPool(config)
        self.blocks = nn.ModuleList(AttentionBlock(config, causal=False) for _ in range(config.layers))
        self.unpool = nn.Linear(config.dim, config.dim)
        self.refine = nn.ModuleList([ConvBlock(config, 1)])

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        length = tokens.shape[1]
        extra = -length % self.pool_size
        x = self.run(self.stem, self.embedding(tokens), present)
        here = torch.ones_like(tokens, dtype=torch.bool) if present is None else present
        padded, here = F.pad(x, (0, 0, 0, extra)), F.pad(here, (0, extra), value=False)
        pooled = self.pool(padded, here)
        seen = here.view(len(tokens), -1, self.pool_size).any(dim=2)
        angles = rotary_angles(pooled.shape[1], self.features, tokens.device)
        pooled = self.run(self.blocks, pooled, None if present is None and not extra else seen, *angles)
        wide = self.unpool(pooled).repeat_interleave(self.pool_size, dim=1)[:, :length]
        return self.run(self.refine, x + wide, present)
