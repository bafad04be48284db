"""What a language model says of chosen bases, each hidden from its own prediction, whatever its tokens are.

Where one base is one token, a cloze model gives all chosen bases in one pass, a masked model those whose tokens are
replaced by [MASK], and a causal model each base given those before it. Tokens of several bases are read as follows.

Overlapping k-mers and blocks of a masked model
    A base is hidden by masking every token that covers it. Its probabilities are those of the four k-mers that have
    A, C, G or T in its place and otherwise the bases that are there, renormalised; where several tokens cover it, their
    log-probabilities are averaged and renormalised. So the probability of a base is conditional on the other bases of
    its own tokens, as that of a Markov chain on both sides is on its neighbours, even where these are hidden too. A
    k-mer with an N in it is not used; where no other is left, the four bases are equally likely.
Overlapping k-mers of a causal model
    A base is predicted as the last of the first k-mer that covers it, among the four that continue the one before.
Blocks of a causal model, and tokens of different lengths (byte-pair encoding)
    No base has probabilities of its own. The log-probability of the true token is spread evenly over its bases, so
    that their sum is the token's. Of a masked model this is the joint probability of a token's bases given the other
    tokens: an upper bound of the bits per base given all other bases, since those of the same token are hidden too;
    only where tokens begin and end is given away. A base counts as right if its token was the best guess.

Everything here reads one strand. `codes` are base codes, uint8 (windows, length); `chosen` is boolean of that shape.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import CODE_MASK, N_CODE
from genoglot.model.language_model import LanguageModel
from genoglot.tokens.encoding import Encoding, Tokens

UNIFORM = float(np.log(0.25))


def has_tables(model: LanguageModel) -> bool:
    """Whether a model gives each base four probabilities, rather than a token one for all of its bases."""
    if model.kind == "causal":
        return model.encoding.k == 1 or model.encoding.overlapping
    return model.encoding.k > 0


def evaluation_rate(model: LanguageModel, mask_rate: float) -> float | None:
    """Share of the bases to choose, so that about `mask_rate` of the tokens are masked; None: all, none is masked.

    A base hides all tokens that cover it: k of overlapping k-mers; of others one, which holds several bases. How many
    a byte-pair encoding has in a token is measured on random sequence.
    """
    if model.kind != "masked":
        return None
    bases = model.encoding.k
    if not bases:
        random = np.random.default_rng(0).integers(0, N_CODE, (1, 8192), dtype=np.uint8)
        return mask_rate * int(model.encoding.encode(random).lengths[0]) / random.size
    return mask_rate / bases


def truth(model: LanguageModel, codes: np.ndarray, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    """Log-probability (nats) of the true base at each chosen position, and whether it was the best guess.

    Float32 and boolean tensors (chosen,) on the model's device, window after window. No base is seen by its own
    prediction. Chosen positions hold bases, not N. What a model cannot predict, as the first token of a causal one, is
    as likely as any of four.
    """
    if not has_tables(model):
        return _token_truth(model, codes, chosen)
    values = tables(model, codes, chosen)
    true = torch.from_numpy((codes[chosen] & CODE_MASK).astype(np.int64)).to(values.device)
    return values.gather(1, true[:, None])[:, 0], values.argmax(1) == true


def tables(model: LanguageModel, codes: np.ndarray, chosen: np.ndarray) -> Tensor:
    """Log-probabilities (nats) of the four bases at the chosen positions, float32 (chosen, 4), on the model's device.

    For models that `has_tables` accepts; window after window. A chosen N is predicted like a base.
    """
    codes = codes & CODE_MASK
    rows, places = np.nonzero(chosen)
    written = model.write(codes)
    cover = _cover(model, written, rows, places, codes.shape[1])
    ids, usable = _alternatives(model.encoding, codes, rows, places, cover)
    logits, index, usable = _predict(model, written, rows, cover, usable)
    if not len(logits):
        return torch.full((len(rows), N_CODE), UNIFORM, device=logits.device)
    where = torch.from_numpy(usable).to(logits.device)[..., None]
    each = logits[index[..., None], torch.from_numpy(ids).to(logits.device)].log_softmax(-1)
    # of a base without any usable token this is the log-softmax of zeros
    mean = (each * where).sum(1) / where.sum(1).clamp(min=1)
    return mean.log_softmax(-1)


def _token_truth(model: LanguageModel, codes: np.ndarray, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    """`truth` of a model without tables: the true token's log-probability, spread over its bases."""
    rows, places = np.nonzero(chosen)
    written = model.write(codes & CODE_MASK)
    cover = _cover(model, written, rows, places, codes.shape[1])
    logits, index, usable = _predict(model, written, rows, cover, cover.there)
    if not len(logits):
        empty = torch.full((len(rows),), UNIFORM, device=logits.device)
        return empty, torch.zeros_like(empty, dtype=torch.bool)
    place = logits.device
    true = torch.from_numpy(written.ids[rows[:, None], cover.token][usable]).to(place)
    some, index = torch.from_numpy(usable[:, 0]).to(place), index[:, 0]
    # several bases of one token ask for the same row
    likelihood, hit = token_log_probabilities(logits, true, index[some])
    values = torch.full((len(rows),), UNIFORM, device=place)
    values[some] = likelihood / torch.from_numpy(cover.span[usable]).to(place)
    hits = torch.zeros(len(rows), dtype=torch.bool, device=place)
    hits[some] = hit
    return values, hits


def token_log_probabilities(logits: Tensor, true: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of each token of `true` in the named row of `logits`, and whether it was that row's best."""
    return logits[rows, true] - logits.logsumexp(-1)[rows], logits.argmax(-1)[rows] == true


@dataclass(frozen=True)
class _Cover:
    """The tokens that cover bases, arrays (bases, most).

    `token` is a token's index in its window, `start` its first base, `span` its number of bases; `there` is false
    where a base has fewer tokens than others.
    """

    token: np.ndarray
    start: np.ndarray
    span: np.ndarray
    there: np.ndarray


def _cover(model: LanguageModel, written: Tokens, rows: np.ndarray, places: np.ndarray, length: int) -> _Cover:
    """The tokens that cover bases (those that a prediction is made of: of a causal model, the first alone)."""
    encoding, row, place = model.encoding, rows[:, None], places[:, None]
    begins = _begins(written, length)
    if encoding.overlapping:
        start = place - np.arange(encoding.k - 1, -1, -1)
        start = start[:, :1] if model.kind == "causal" else start
        token = np.where(start >= 0, begins[row, np.maximum(start, 0)], -1)
    else:
        token = np.maximum.accumulate(begins, axis=1)[row, place]
    there = token >= 0
    token = np.maximum(token, 0)
    start, end = written.starts[row, token], written.ends[row, token]
    return _Cover(token, start, end - start, there & (place < end))


def _begins(written: Tokens, length: int) -> np.ndarray:
    """Index of the token that begins at each base, (windows, length), -1 where none does."""
    begins = np.full((len(written.ids), length), -1, dtype=np.int64)
    row, token = np.nonzero(written.ends > written.starts)
    begins[row, written.starts[row, token]] = token
    return begins


def _alternatives(
    encoding: Encoding, codes: np.ndarray, rows: np.ndarray, places: np.ndarray, cover: _Cover
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of a base's tokens with A, C, G and T in its place, (bases, most, 4), and where they can be used."""
    k = encoding.k
    if k == 1:
        return encoding.base_ids[None, None], cover.there  # no need to look what is around
    offset = np.clip(places[:, None] - cover.start, 0, k - 1)
    number = np.zeros(cover.token.shape, dtype=np.int64)
    known = cover.there.copy()
    for step in range(k):
        base = codes[rows[:, None], np.clip(cover.start + step, 0, codes.shape[1] - 1)]
        other = step != offset
        known &= ~other | (base < N_CODE)
        number = number * 4 + np.where(other, base & 3, 0)
    ids = encoding.kmer_ids[number[..., None] + (4 ** (k - 1 - offset))[..., None] * np.arange(4)]
    letter = cover.span == 1
    ids = np.where(letter[..., None], encoding.base_ids, ids)
    # blocks of others need not have letters beside them
    return ids, np.where(letter, cover.there, known) & (ids >= 0).all(axis=-1)


def _predict(
    model: LanguageModel, written: Tokens, rows: np.ndarray, cover: _Cover, usable: np.ndarray
) -> tuple[Tensor, Tensor, np.ndarray]:
    """One pass: logits (asked, V), the row of them for each covering token, (bases, most), and which have one.

    A masked model has the covering tokens masked, but for k-mers with an N elsewhere, which are [UNK] and give nothing
    away; a causal one predicts a token where the one before it stands.
    """
    ids, owner = written.ids, np.broadcast_to(rows[:, None], cover.token.shape)
    if model.kind == "masked":
        ids = ids.copy()
        ids[owner[usable], cover.token[usable]] = model.encoding.mask
    at = cover.token - (model.kind == "causal")
    usable = usable & (at >= 0)
    asked = np.zeros(ids.shape, dtype=bool)
    asked[owner[usable], at[usable]] = True
    index = np.zeros(usable.shape, dtype=np.int64)
    index[usable] = np.cumsum(asked)[owner[usable] * ids.shape[1] + at[usable]] - 1
    logits = logits_of(model, ids, written.present, asked)
    return logits, torch.from_numpy(index).to(logits.device), usable


def logits_of(model: LanguageModel, ids: np.ndarray, present: np.ndarray, asked: np.ndarray) -> Tensor:
    """Logits, float32 (asked, V), of tokens (windows, longest) where `asked` is true.

    There is a pass even if it is nowhere: processes that share a network must all make it.
    """
    place = device_of(model)
    if not asked.size:
        return torch.empty(0, N_CODE, device=place)
    seen = None if present.all() else torch.from_numpy(present).to(place)
    return model.logits(torch.from_numpy(ids).to(place), seen, torch.from_numpy(asked).to(place)).float()


def device_of(model: LanguageModel) -> torch.device:
    return next(model.network.parameters()).device
