"""Sequences of a task in the tokens of a model, and what each token counts in the vector of its sequence."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import CODE_MASK, N_CODE
from genoglot.model.language_model import LanguageModel
from genoglot.model.pooling import central_weights
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
    `attention`: means that are learnt (`network.AttentionPooling`), over those that have bases;
    `bins`: not at all: each bin of a sequence has its own, of the tokens that its bases belong to.
    """
    length = codes.shape[-1]
    codes = codes.reshape(-1, length) & CODE_MASK
    written = model.write(codes)
    places = np.clip((written.starts + written.ends) // 2, 0, length - 1).astype(np.int64)
    weights = _weights(model, written, codes, pooling)
    present = None if written.present.all() else torch.from_numpy(written.present)
    token_of = None if pooling != BINS else _token_of(written, places, length)
    return Written(
        torch.from_numpy(written.ids), present, torch.from_numpy(weights), torch.from_numpy(places), token_of
    )


def _token_of(written: Tokens, places: np.ndarray, length: int) -> Tensor | None:
    """The token of each base, int64 (sequences, bases): the last that begins at the base or before it.

    Of tokens that overlap, as k-mers do, it is the one whose middle the base is.
    """
    starts, ends = written.starts, written.ends
    spelt = ends > starts
    if starts.shape[1] == length and spelt.all() and (starts == np.arange(length)).all():
        return None
    overlap = (spelt[:, 1:] & (starts[:, 1:] < ends[:, :-1])).any()
    row, token = np.nonzero(spelt)
    begin = (places if overlap else starts)[row, token]
    latest = np.zeros((len(starts), length), dtype=np.int64)
    np.maximum.at(latest, (row, begin), token)
    first = np.where(spelt.any(axis=1), spelt.argmax(axis=1), 0)
    return torch.from_numpy(np.maximum(np.maximum.accumulate(latest, axis=1), first[:, None]))


def _weights(model: LanguageModel, written: Tokens, codes: np.ndarray, pooling: str) -> np.ndarray:
    if pooling == "centre":
        return central_weights(written, codes.shape[1])
    known = np.pad(np.cumsum(codes < N_CODE, axis=1), ((0, 0), (1, 0)))
    bases: np.ndarray = np.take_along_axis(known, written.ends, axis=1) - np.take_along_axis(
        known, written.starts, axis=1
    )
    spelt = bases > 0
    if pooling != "token":
        return (spelt / np.maximum(spelt.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    rows = np.arange(len(codes))
    if model.kind == "causal":
        last = spelt.shape[1] - 1 - spelt[:, ::-1].argmax(axis=1)
        chosen = np.where(model.suffix, written.lengths - 1, last) if model.suffix else last
    elif model.prefix:
        chosen = np.zeros(len(codes), dtype=np.int64)
    else:
        twice = written.starts + written.ends
        middle = codes.shape[1]
        chosen = np.where(spelt, np.abs(twice - middle), np.iinfo(np.int32).max).argmin(axis=1)
    weights = np.zeros(spelt.shape, dtype=np.float32)
    weights[rows, chosen] = spelt.any(axis=1)
    return weights
