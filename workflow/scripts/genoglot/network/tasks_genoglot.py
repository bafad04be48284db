"""Heads that were trained for tasks, on their backbones, as Hugging Face classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

from .configuration_genoglot import GenoglotConfig
from .inner_genoglot import own_vectors, watch
from .modeling_genoglot import GenoglotModel
from .pooling_genoglot import AttentionPooling, binned, pool, pooling_weights, token_places, tokens_of_bases

CLASSES, LABELS, VALUES = "single_label_classification", "multi_label_classification", "regression"


class GenoglotTaskConfig(GenoglotConfig):
    """Shape of a backbone and of the head on it.

    Args:
        pooling: how the vectors of tokens become one: `centre`, `mean`, `token` or `attention`; `bins` where each bin
            of a sequence has its own.
        bin: bases that one prediction is of; 0 of one for the whole sequence.
        mirror: which output each output is on the other strand, of bins; empty where all stay what they are.
        sequence_length: bases of each sequence.
        layer: whose vectors the head reads; None for the last.
        overlapping: bases of each token, of tokens that begin at every base; 0 where tokens lie side by side.
        head_dropout: share of the numbers before the last layer that training leaves out.
    """

    model_type = "genoglot_task"

    def __init__(
        self,
        pooling: str = "mean",
        sequence_length: int = 512,
        layer: int | None = None,
        overlapping: int = 0,
        head_dropout: float = 0.0,
        bin: int = 0,
        mirror: tuple[int, ...] = (),
        **kwargs,
    ):
        self.pooling = pooling
        self.sequence_length = sequence_length
        self.layer = layer
        self.overlapping = overlapping
        self.head_dropout = head_dropout
        self.bin = bin
        self.mirror = list(mirror)
        super().__init__(**kwargs)


class GenoglotTaskModel(PreTrainedModel):
    """A backbone and a head.

    It reads sequences of `config.sequence_length` bases, one strand of each as it is written, and raises ValueError for
    those that have more or fewer.
    """

    config: GenoglotTaskConfig
    config_class = GenoglotTaskConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    token_bases: Tensor
    token_known: Tensor

    def __init__(self, config: GenoglotTaskConfig):
        super().__init__(config)
        self.network = GenoglotModel(config)
        # the language model's own head is of no use to a task
        del self.network.head
        if config.layer is not None:
            watch(self.network, config.layer)
        self.norm = nn.LayerNorm(config.dim)
        self.attention = AttentionPooling(config.dim, config.sequence_length) if config.pooling == "attention" else None
        self.dropout = nn.Dropout(config.head_dropout)
        self.linear = nn.Linear(config.dim, len(config.id2label or ()))
        # of each token of the vocabulary: how many bases it stands for, and whether one of them is known
        self.register_buffer("token_bases", torch.zeros(config.vocab_size, dtype=torch.int64))
        self.register_buffer("token_known", torch.zeros(config.vocab_size, dtype=torch.bool))
        self.post_init()

    def read(self, input_ids: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Vectors of tokens (batch, tokens, dim), float32; `starts`, `ends` and `spelt` of `pooling_genoglot`."""
        present = self._present(input_ids, attention_mask)
        vectors = self._vectors(input_ids, None if self.config.single or present.all() else present)
        return vectors.float(), *self._bases(input_ids, present)

    def outputs(self, vectors: Tensor) -> Tensor:
        """Logits (..., num_labels) of pooled vectors (..., dim)."""
        return self.linear(self.dropout(self.norm(vectors)))

    def loss(self, logits: Tensor, labels: Tensor | None) -> Tensor | None:
        """By `config.problem_type`; None without labels."""
        if labels is None:
            return None
        if self.config.problem_type == CLASSES:
            return F.cross_entropy(logits.flatten(0, -2), labels.flatten())
        if self.config.problem_type == LABELS:
            return F.binary_cross_entropy_with_logits(logits, labels.float())
        return F.mse_loss(logits, labels.float().view_as(logits))

    def _present(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Where tokens are and not padding, bool."""
        if attention_mask is not None:
            return attention_mask.bool()
        # with single nucleotides the token of padding is N, which is read as it is
        return (
            torch.ones_like(input_ids, dtype=torch.bool)
            if self.config.single
            else input_ids != self.config.pad_token_id
        )

    def _bases(self, input_ids: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """First base of each token, the one after its last, and whether it has a known one, as `pooling_weights` takes
        them.

        What an overlapping token holds that has an N is told by its neighbours: fewer known bases than a token has,
        between two N, count as N.
        """
        known = self.token_known[input_ids] & present
        size = self.config.overlapping
        if size:
            starts = torch.arange(input_ids.shape[1], device=input_ids.device) * present
            ends = (starts + size) * present
            covered = F.max_pool1d(known[:, None].float(), 2 * size - 1, stride=1, padding=size - 1)[:, 0] > 0
            known = covered & present
        else:
            bases = self.token_bases[input_ids] * present
            ends = bases.cumsum(dim=1) * present
            starts = ends - bases
        self._check_lengths(ends.max(dim=1).values)
        return starts, ends, known

    def _check_lengths(self, lengths: Tensor) -> None:
        expected = self.config.sequence_length
        if (wrong := lengths != expected).any():
            row = int(wrong.int().argmax())
            raise ValueError(
                f"sequence {row} of the batch has {int(lengths[row])} bases, and this head reads sequences of "
                f"{expected}: cut a longer one, put N on both sides of a shorter one"
            )

    def _vectors(self, input_ids: Tensor, present: Tensor | None) -> Tensor:
        if self.config.layer is not None:
            return own_vectors(self.network, self.config.layer, input_ids, present)
        return self.network.vectors(input_ids, present)


class GenoglotForSequenceClassification(GenoglotTaskModel):
    """Logits of the classes or labels of sequences, or numbers in the units of the training data."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **_
    ) -> SequenceClassifierOutput:
        """Logits (batch, num_labels) of tokens (batch, tokens), as the tokenizer of the same folder writes sequences.

        `labels`: class numbers (batch,), or (batch, num_labels) of zeros and ones, or of numbers.
        """
        vectors, starts, ends, spelt = self.read(input_ids, attention_mask)
        length = self.config.sequence_length
        weights = pooling_weights(self.config.pooling, self.config.causal, starts, ends, spelt, length)
        with torch.autocast(vectors.device.type, enabled=False):
            logits = self.outputs(pool(vectors, weights, token_places(starts, ends, length), self.attention))
        return SequenceClassifierOutput(loss=self.loss(logits, labels), logits=logits)


class GenoglotForTokenClassification(GenoglotTaskModel):
    """The same of each bin of `config.bin` bases; of each base where that is 1, whatever the tokens are."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **_
    ) -> TokenClassifierOutput:
        """Logits (batch, bins, num_labels) of tokens (batch, tokens), as the tokenizer of the same folder writes them.

        `labels`: class numbers (batch, bins), -100 where no loss is wanted, or (batch, bins, num_labels) of zeros and
        ones, or of numbers.
        """
        vectors, starts, ends, _spelt = self.read(input_ids, attention_mask)
        token_of = tokens_of_bases(starts, ends, self.config.sequence_length)
        with torch.autocast(vectors.device.type, enabled=False):
            logits = self.outputs(binned(vectors, token_of, self.config.bin))
        return TokenClassifierOutput(loss=self.loss(logits, labels), logits=logits)
