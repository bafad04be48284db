"""Genoglot's language models as Hugging Face classes, over backbones of one interface.

A backbone maps tokens (batch, length) to one vector per position; see the files beside this one. Single-nucleotide
tokens are A 0, C 1, G 2, T 3, N 4, [MASK] 5, and logits are over the four bases, in the same order; with other
tokenizers logits are over the vocabulary.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput, MaskedLMOutput

from .attention_genoglot import AttentionBackbone, HybridBackbone
from .configuration_genoglot import BASES, GenoglotConfig
from .convolutions_genoglot import ClozeBackbone, ConvBackbone
from .hyena_genoglot import HyenaBackbone
from .layers_genoglot import COMPLEMENT, Backbone, BothStrands, ClosingLinear

BACKBONES: dict[str, Callable[[GenoglotConfig], Backbone]] = {
    "cloze": ClozeBackbone,
    "convnet": ConvBackbone,
    "encoder": AttentionBackbone,
    "decoder": AttentionBackbone,
    "hyena": HyenaBackbone,
    "hybrid": HybridBackbone,
}


class GenoglotModel(PreTrainedModel):
    """A backbone, the language model's head over it, and, if the configuration has regions, a head for those."""

    config: GenoglotConfig
    config_class = GenoglotConfig
    base_model_prefix = "backbone"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True

    def __init__(self, config: GenoglotConfig):
        super().__init__(config)
        backbone = BACKBONES[config.architecture](config)
        self.backbone = BothStrands(backbone) if config.equivariant and config.architecture != "cloze" else backbone
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, config.outputs)
        if config.regions:
            self.region_head = nn.Linear(config.dim, config.regions)
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
        """Whether a token must be replaced by [MASK] in the input for its prediction to be honest."""
        return not self.config.causal and self.config.architecture != "cloze"

    @property
    def symmetric(self) -> bool:
        """Whether the reverse complement of a sequence gives exactly the complementary prediction."""
        return self.config.equivariant or self.config.architecture == "cloze"

    def hidden(self, input_ids: Tensor, present: Tensor | None = None) -> Tensor:
        """What the heads read: (batch, length, dim), or (batch, 2, length, dim) of the strands of a symmetric model.

        `present` (batch, length), bool: where there is a token and not padding; None where all are.
        """
        return self.norm(self.backbone(input_ids, present))

    def lm_logits(self, hidden: Tensor, positions: Tensor | None = None) -> Tensor:
        """Logits (batch, length, outputs), or (chosen, outputs) of positions where the boolean `positions` is true.

        Those of a causal model are of the token that follows the position.
        """
        if hidden.dim() == 3:
            return self.head(hidden if positions is None else hidden[positions])
        forward, reverse = hidden.unbind(dim=1)
        if positions is not None:
            forward, reverse = forward[positions], reverse[positions]
        complement = torch.tensor(COMPLEMENT[:BASES], device=hidden.device)
        return (self.head(forward) + self.head(reverse)[..., complement]) / 2

    def region_logits(self, hidden: Tensor) -> Tensor:
        """Logits of the region class of each position, (batch, length, regions)."""
        return self.region_head(self.merged(hidden))

    def logits(self, input_ids: Tensor, positions: Tensor | None = None, present: Tensor | None = None) -> Tensor:
        """`lm_logits` of tokens."""
        if positions is not None and isinstance(self.backbone, ConvBackbone):
            return self.head(self.norm(self.backbone.at(input_ids, positions, present)))
        return self.lm_logits(self.hidden(input_ids, present), positions)

    def vectors(self, input_ids: Tensor, present: Tensor | None = None) -> Tensor:
        """One vector per position, (batch, length, dim), of tokens (batch, length)."""
        return self.merged(self.hidden(input_ids, present))

    @staticmethod
    def merged(hidden: Tensor) -> Tensor:
        """One vector per position, (batch, length, dim): the mean of both strands where `hidden` has two."""
        return hidden.mean(dim=1) if hidden.dim() == 4 else hidden

    def _present(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor | None:
        """Where tokens are and not padding; with single nucleotides padding is N, which needs no mask."""
        if attention_mask is not None:
            return None if bool(attention_mask.all()) else attention_mask.bool()
        return None


class GenoglotForMaskedLM(GenoglotModel):
    """A model that predicts a token from both sides."""

    def forward(
        self, input_ids: Tensor, labels: Tensor | None = None, attention_mask: Tensor | None = None, **_
    ) -> MaskedLMOutput:
        """`labels` (batch, length): tokens, -100 where no loss is wanted."""
        logits = self.logits(input_ids, present=self._present(input_ids, attention_mask))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        return MaskedLMOutput(loss=loss, logits=logits)


class GenoglotForCausalLM(GenoglotModel, GenerationMixin):
    """A model that predicts a token from those before it."""

    def forward(
        self, input_ids: Tensor, labels: Tensor | None = None, attention_mask: Tensor | None = None, **_
    ) -> CausalLMOutput:
        """`labels` (batch, length): the input's own tokens, -100 where no loss is wanted; they are shifted here."""
        logits = self.logits(input_ids, present=self._present(input_ids, attention_mask))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return CausalLMOutput(loss=loss, logits=logits)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_
    ) -> dict[str, Tensor | None]:
        """No keys and values are kept: each token is generated from the whole sequence before it."""
        return {"input_ids": input_ids, "attention_mask": attention_mask}


def new_network(config: GenoglotConfig) -> GenoglotModel:
    """A network with random weights."""
    return (GenoglotForCausalLM if config.causal else GenoglotForMaskedLM)(config)
