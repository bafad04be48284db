"""Genoglot's convolutional masked language models, as Hugging Face classes.

This file is copied into every model folder, so that
`AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True)` works where Genoglot is not installed.
It therefore imports torch and transformers only.

Tokens are A 0, C 1, G 2, T 3, N 4, [MASK] 5; logits are over the four bases, in the same order.
Two architectures share the blocks of one idea, dilated convolutions in residual blocks:

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
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

BASES = 4
N_TOKEN = 4
MASK_TOKEN = 5
VOCABULARY = 6
# token of the complementary base; N and [MASK] stay as they are
COMPLEMENT = (3, 2, 1, 0, 4, 5)


class GenoglotConfig(PretrainedConfig):
    """Shape of a model; `architecture` is `convnet` or `cloze`.

    `window` is the length the model was trained on, and the length that scoring and embedding use.
    """

    model_type = "genoglot"

    def __init__(
        self,
        architecture: str = "cloze",
        dim: int = 128,
        layers: int = 6,
        kernel_size: int = 3,
        dilation_growth: int = 3,
        max_dilation: int = 243,
        expansion: int = 2,
        fusion_layers: int = 2,
        left_kmer: int = 6,
        flank_kmer: int = 3,
        dropout: float = 0.0,
        window: int = 512,
        **kwargs,
    ):
        self.architecture = architecture
        self.dim = dim
        self.layers = layers
        self.kernel_size = kernel_size
        self.dilation_growth = dilation_growth
        self.max_dilation = max_dilation
        self.expansion = expansion
        self.fusion_layers = fusion_layers
        self.left_kmer = left_kmer
        self.flank_kmer = flank_kmer
        self.dropout = dropout
        self.window = window
        self.vocab_size = VOCABULARY
        self.hidden_size = dim
        kwargs.setdefault("mask_token_id", MASK_TOKEN)
        kwargs.setdefault("pad_token_id", N_TOKEN)
        super().__init__(**kwargs)

    @property
    def dilations(self) -> list[int]:
        """Dilation of each layer: powers of `dilation_growth`, starting again where they pass `max_dilation`."""
        cycle = [1]
        while cycle[-1] * self.dilation_growth <= self.max_dilation and self.dilation_growth > 1:
            cycle.append(cycle[-1] * self.dilation_growth)
        return [cycle[layer % len(cycle)] for layer in range(self.layers)]


def reverse_complement(tokens: Tensor) -> Tensor:
    """Reverse complement of tokens along the last axis."""
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


class ClosingLinear(nn.Linear):
    """Last layer of a residual branch; its weights begin at zero, so that depth costs nothing at the start."""


def squared_relu(x: Tensor) -> Tensor:
    """ReLU squared (So et al. 2021, arXiv:2109.08668): far cheaper than GELU on a CPU."""
    return F.relu(x).square()


class ConvBlock(nn.Module):
    """Residual block of GPN's kind: normalised dilated convolution, then a feed-forward layer.

    Maps (batch, length, dim) to the same shape.
    """

    def __init__(self, config: GenoglotConfig, dilation: int):
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.conv = nn.Conv1d(config.dim, config.dim, config.kernel_size, padding="same", dilation=dilation)
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + squared_relu(self.conv(self.norm(x).transpose(1, 2))).transpose(1, 2)
        return x + self.feed_forward(x)


class FeedForward(nn.Module):
    """Pre-norm position-wise feed-forward layer, (..., dim) to (..., dim)."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.norm = nn.LayerNorm(config.dim)
        self.up = nn.Linear(config.dim, config.expansion * config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.down = ClosingLinear(config.expansion * config.dim, config.dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.dropout(squared_relu(self.up(self.norm(x)))))


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


class ConvBackbone(nn.Module):
    """Tokens (batch, length) to vectors (batch, length, dim) by a stack of `ConvBlock`."""

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, config.dim)
        self.blocks = nn.ModuleList(ConvBlock(config, dilation) for dilation in config.dilations)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return x


class ClozeBackbone(nn.Module):
    """Tokens (batch, length) to vectors (batch, 2, length, dim) that do not see their own position.

    The second axis holds the two readings of the fused views: (left, right) as given, and (right, left) as on the
    reverse complement, both in forward coordinates.
    """

    def __init__(self, config: GenoglotConfig):
        super().__init__()
        self.left_kmer, self.flank_kmer = config.left_kmer, config.flank_kmer
        self.kmer_embedding = nn.Embedding(BASES**config.left_kmer + 1, config.dim)
        self.base_embedding = nn.Embedding(VOCABULARY, config.dim)
        self.tower = nn.ModuleList(CausalBlock(config, dilation) for dilation in config.dilations)
        self.tower_norm = nn.LayerNorm(config.dim)
        self.flank_embedding = nn.Embedding((BASES**config.flank_kmer + 1) ** 2, config.dim)
        self.join = nn.Linear(2 * config.dim, config.dim)
        self.fusion = nn.ModuleList(FeedForward(config) for _ in range(config.fusion_layers))

    def read(self, tokens: Tensor) -> Tensor:
        """Vectors (batch, length, dim) of the sequence before each position."""
        x = self.kmer_embedding(kmer_ids(tokens, self.left_kmer)) + self.base_embedding(tokens)
        for block in self.tower:
            x = block(x)
        return shift_right(self.tower_norm(x))

    def flank_ids(self, tokens: Tensor) -> Tensor:
        """Number of the k-mer before each position, (batch, length)."""
        none = BASES**self.flank_kmer
        return F.pad(kmer_ids(tokens, self.flank_kmer), (1, 0), value=none)[:, :-1]

    def forward(self, tokens: Tensor) -> Tensor:
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


class GenoglotForMaskedLM(PreTrainedModel):
    """Logits of the four bases at every position; see the module's text for the two architectures."""

    config: GenoglotConfig
    config_class = GenoglotConfig
    base_model_prefix = "backbone"
    main_input_name = "input_ids"

    def __init__(self, config: GenoglotConfig):
        super().__init__(config)
        backbones = {"convnet": ConvBackbone, "cloze": ClozeBackbone}
        if config.architecture not in backbones:
            raise ValueError(f"architecture {config.architecture!r} is not one of {', '.join(backbones)}")
        self.backbone = backbones[config.architecture](config)
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, BASES)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv1d):
            if isinstance(module, ClosingLinear):
                nn.init.zeros_(module.weight)
            else:
                nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)

    @property
    def needs_mask(self) -> bool:
        """Whether a position must be replaced by [MASK] in the input for its prediction to be honest."""
        return self.config.architecture == "convnet"

    def vectors(self, input_ids: Tensor) -> Tensor:
        """One vector per position, (batch, length, dim), of tokens (batch, length)."""
        x = self.norm(self.backbone(input_ids))
        return x.mean(dim=1) if x.dim() == 4 else x

    def logits(self, input_ids: Tensor, positions: Tensor | None = None) -> Tensor:
        """Logits (batch, length, 4), or (chosen, 4) of the positions where the boolean `positions` is true."""
        x = self.backbone(input_ids)
        if x.dim() == 3:
            return self.head(self.norm(x if positions is None else x[positions]))
        forward, reverse = x.unbind(dim=1)
        if positions is not None:
            forward, reverse = forward[positions], reverse[positions]
        complement = torch.tensor(COMPLEMENT[:BASES], device=x.device)
        return (self.head(self.norm(forward)) + self.head(self.norm(reverse))[..., complement]) / 2

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **_,
    ) -> MaskedLMOutput:
        """`labels` (batch, length): base tokens, -100 where no loss is wanted. Padding is N: no mask is needed."""
        logits = self.logits(input_ids)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.view(-1, BASES), labels.view(-1), ignore_index=-100)
        return MaskedLMOutput(loss=loss, logits=logits)
