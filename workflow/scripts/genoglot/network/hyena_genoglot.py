"""`hyena`: long convolutions whose filters a small network makes, instead of attention.

Poli et al. 2023 (arXiv:2302.10866); of genomes, causal and at single nucleotides, HyenaDNA (Nguyen et al. 2023,
arXiv:2306.15794). Time and memory grow as length times its logarithm. `causal` decides between a filter over the past
and one over both sides.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_genoglot import GenoglotConfig
from .layers_genoglot import Backbone, ClosingLinear, FeedForward, TokenEmbedding, without_padding

FREQUENCIES = 8  # of the positions that a filter is a function of
SHORT = 3  # taps of the convolution of each projection


class ImplicitFilter(nn.Module):
    """A filter (channels, length) as a function of the distance: a sine network under an exponential decay.

    Distances are measured in `scale`, the length at which the model is trained, so that another length continues the
    same function.
    """

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.scale = max(config.window, 2)
        self.enter = nn.Linear(2 * FREQUENCIES + 1, config.filter_dim)
        self.middle = nn.Linear(config.filter_dim, config.filter_dim)
        self.leave = nn.Linear(config.filter_dim, config.dim, bias=False)
        # from channels that forget within some bases to channels that reach over the window
        decay = torch.logspace(math.log10(4.0), math.log10(2.0 * self.scale), config.dim)
        self.reach = nn.Parameter(decay.log())

    def forward(self, length: int) -> Tensor:
        device = self.reach.device
        distance = torch.arange(length, device=device, dtype=torch.float32)[:, None]
        # frequencies from one turn per window to one turn per few bases
        turns = torch.logspace(0, math.log10(self.scale / 2), FREQUENCIES, device=device) * 2 * math.pi / self.scale
        features = torch.cat([distance / self.scale, (distance * turns).sin(), (distance * turns).cos()], dim=1)
        with torch.autocast(device.type, enabled=False):
            values = self.leave(torch.sin(self.middle(torch.sin(self.enter(features)))))
            reach = self.reach.exp().clamp(min=1.0)
            # sums to about one for a constant, whatever the reach
            return (values * torch.exp(-distance / reach) / reach.sqrt()).T


def long_convolution(x: Tensor, past: Tensor, future: Tensor | None) -> Tensor:
    """Convolve x (batch, length, channels) with filters (channels, length) by FFT, in float32.

    `past` weighs the position itself and what lies before it; `future`, if given, what lies after it, by distance from
    0 on, of which the first is not used.
    """
    length, kind = x.shape[1], x.dtype
    size = 2 * length
    kernel = F.pad(past, (0, length))
    if future is not None:
        kernel = torch.cat([kernel[:, : length + 1], future[:, 1:].flip(1)], dim=1)
    with torch.autocast(x.device.type, enabled=False):
        spectrum = torch.fft.rfft(x.float().transpose(1, 2), n=size) * torch.fft.rfft(kernel, n=size)
        return torch.fft.irfft(spectrum, n=size)[..., :length].transpose(1, 2).to(kind)


class HyenaBlock(nn.Module):
    """Hyena operator of order 2, then a feed-forward layer; (batch, length, dim) to the same shape."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.causal = config.causal
        self.norm = nn.LayerNorm(config.dim)
        self.in_projection = nn.Linear(config.dim, 3 * config.dim)
        self.short = nn.Conv1d(3 * config.dim, 3 * config.dim, SHORT, groups=3 * config.dim)
        self.past = ImplicitFilter(config)
        self.future = None if config.causal else ImplicitFilter(config)
        self.through = nn.Parameter(torch.ones(config.dim))
        self.out_projection = ClosingLinear(config.dim, config.dim)
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        length = x.shape[1]
        before = SHORT - 1 if self.causal else SHORT // 2
        entered = without_padding(self.in_projection(self.norm(x)), present)
        parts = F.pad(entered.transpose(1, 2), (before, SHORT - 1 - before))
        value, inner, outer = self.short(parts).transpose(1, 2).chunk(3, dim=-1)
        gated = without_padding(value * inner, present)
        future = None if self.future is None else self.future(length)
        mixed = long_convolution(gated, self.past(length), future) + gated * self.through
        x = x + self.out_projection(mixed * outer)
        return x + self.feed_forward(x)


class HyenaBackbone(Backbone):
    """A stack of `HyenaBlock`."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.embedding = TokenEmbedding(config)
        self.blocks = nn.ModuleList(HyenaBlock(config) for _ in range(config.layers))

    def forward(self, tokens: Tensor, present: Tensor | None = None) -> Tensor:
        return self.run(self.blocks, self.embedding(tokens), present)
