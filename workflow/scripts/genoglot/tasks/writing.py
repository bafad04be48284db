"""Sequences of a task in the tokens of a model, and what each token counts in the vector of its sequence."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import CODE_MASK, N_CODE
from genoglot.model.language_model import LanguageModel
from genoglot.network.pooling_genoglot import pooling_weights, token_places, tokens_of_bases
from genoglot.tokens.encoding import Tokens

BINS = "bins"  # the pooling of tasks with a truth for each bin of a sequence


@dataclass(frozen=True)
class Written:
    """Sequences in tokens.

    `ids` int64, `weights` float32 of each in the mean, and `places`, int64: the base in the middle of each, have shape
    (sequences, tokens); so has `present`, bool: where there is a token, None where all are. `token_of`, int64
    (sequences, bases), is the number of the token that a base belongs to; None where tokens are bases, or where the
    pooling does not ask for it.
    """

    ids: Tensor
    present: Tensor | None
    weights: Tensor
    places: Tensor
    token_of: Tensor | None = None

    def to(self, device: torch.device) -> "Written":
        present, token_of = (None if each is None else each.to(device) for each in (self.present, self.token_of))
        return Written(self.ids.to(device), present, self.weights.to(device), self.places.to(device), token_of)


def write(model: LanguageModel, codes: np.ndarray, pooling: str) -> Written:
    """Base codes (sequences, length), uint8, in a model's tokens, with their weights for a pooling.

    Codes of pairs (pairs, 2, length) are 2 * pairs sequences, REF before ALT. Of a sequence without any base all
    weights are 0. How the vectors of a sequence's tokens become one:

    `centre`: the mean of those in the central half of the window;
    `mean`: the mean of those that have bases;
    `token`: that of one token: the first special one, the last of a causal model, else the one in the middle;
    `attention`: means that are learnt (`AttentionPooling`), over those that have bases;
    `bins`: not at all: each bin of a sequence has its own, of the tokens that its bases belong to.
    """
    length = codes.shape[-1]
    codes = codes.reshape(-1, length) & CODE_MASK
    written = model.write(codes)
    places = token_places(torch.from_numpy(written.starts), torch.from_numpy(written.ends), length)
    present = None if written.present.all() else torch.from_numpy(written.present)
    token_of = None if pooling != BINS else _token_of(written, length)
    weights = _weights(model, written, codes, pooling)
    return Written(torch.from_numpy(written.ids), present, weights, places, token_of)


def _token_of(written: Tokens, length: int) -> Tensor | None:
    """The token of each base, int64 (sequences, bases); None where tokens are bases."""
    starts, ends = written.starts, written.ends
    if starts.shape[1] == length and (ends > starts).all() and (starts == np.arange(length)).all():
        return None
    return tokens_of_bases(torch.from_numpy(starts), torch.from_numpy(ends), length)


def _weights(model: LanguageModel, written: Tokens, codes: np.ndarray, pooling: str) -> Tensor:
    known = np.pad(np.cumsum(codes < N_CODE, axis=1), ((0, 0), (1, 0)))
    before, after = (np.take_along_axis(known, each, axis=1) for each in (written.starts, written.ends))
    spelt, causal = torch.from_numpy(after > before), model.kind == "causal"
    if pooling == "token" and (model.suffix if causal else model.prefix):
        weights = torch.zeros(spelt.shape)
        chosen = torch.from_numpy(written.lengths - 1) if causal else 0
        weights[torch.arange(len(codes)), chosen] = spelt.any(dim=1).float()
        return weights
    starts, ends = torch.from_numpy(written.starts), torch.from_numpy(written.ends)
    return pooling_weights(pooling, causal, starts, ends, spelt, codes.shape[1])
