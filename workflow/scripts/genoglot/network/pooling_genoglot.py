"""One vector of each sequence, or of each bin of it, from those of its tokens.

Tokens are told by the bases that they cover: `starts` and `ends` (batch, tokens), from the first base of the sequence,
0-based half-open; those that cover none begin and end at 0. `spelt` (batch, tokens), bool: where a token has a known
base, and not N alone.
"""

import torch
from torch import Tensor, nn

HEADS = 4


def pooling_weights(pooling: str, causal: bool, starts: Tensor, ends: Tensor, spelt: Tensor, length: int) -> Tensor:
    """Weight of each token in the mean of its sequence of `length` bases, float32 (batch, tokens).

    `centre`: equal for the tokens whose middle lies in the central half of the sequence;
    `token`: 1 for the last token that has bases, of a model that reads from left to right; of any other for the one in
    the middle of the sequence;
    any other: equal for those that have bases.
    """
    twice = starts + ends
    if pooling == "centre":
        chosen = (twice >= 2 * (length // 4)) & (twice < 2 * (length - length // 4))
    elif pooling == "token":
        order = torch.arange(spelt.shape[1], device=spelt.device)
        # the first of those that are equally near
        far = -order.expand_as(twice) if causal else (twice - length).abs()
        place = far.masked_fill(~spelt, 1 << 30).argmin(dim=1, keepdim=True)
        chosen = spelt & (order == place)
    else:
        chosen = spelt
    return chosen / chosen.sum(dim=1, keepdim=True).clamp(min=1)


def token_places(starts: Tensor, ends: Tensor, length: int) -> Tensor:
    """The base in the middle of each token, int64 (batch, tokens)."""
    return ((starts + ends) // 2).clamp(0, length - 1).long()


class AttentionPooling(nn.Module):
    """Vectors (batch, tokens, dim) to (batch, dim): each of some heads has its own weights for its part of the vector.

    A token's weight in a head is the softmax, over the tokens of its sequence, of a linear function of its vector and
    of a number for its place. All numbers begin at 0, so that it begins as the mean (multi-head attention with a
    learnt query: Lee et al. 2019, arXiv:1810.00825; here without keys of its own).
    """

    def __init__(self, dim: int, length: int):
        super().__init__()
        self.heads = next(heads for heads in range(HEADS, 0, -1) if dim % heads == 0)
        self.score = nn.Linear(dim, self.heads)
        self.place = nn.Parameter(torch.zeros(length, self.heads))
        self.value = nn.Linear(dim, dim)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, vectors: Tensor, weights: Tensor, places: Tensor) -> Tensor:
        scores = self.score(vectors) + self.place[places]
        scores = scores.masked_fill((weights == 0)[..., None], -1e4)
        values = self.value(vectors).unflatten(-1, (self.heads, -1))
        return torch.einsum("bth,bthd->bhd", scores.softmax(dim=1), values).flatten(1)


def pool(vectors: Tensor, weights: Tensor, places: Tensor, attention: AttentionPooling | None) -> Tensor:
    """Vectors of tokens (batch, tokens, dim) to one of each sequence, (batch, dim)."""
    if attention is not None:
        return attention(vectors, weights, places)
    return torch.einsum("bt,btd->bd", weights, vectors)


def tokens_of_bases(starts: Tensor, ends: Tensor, length: int) -> Tensor:
    """The token of each base, int64 (batch, length): the last that begins at the base or before it.

    Of tokens that overlap, as k-mers do, it is the one whose middle the base is.
    """
    spelt = ends > starts
    overlap = bool((spelt[:, 1:] & (starts[:, 1:] < ends[:, :-1])).any())
    begin = token_places(starts, ends, length) if overlap else starts.long()
    number = torch.arange(starts.shape[1], device=starts.device).expand_as(starts)
    latest = torch.zeros((len(starts), length), dtype=torch.int64, device=starts.device)
    latest.scatter_reduce_(1, begin.masked_fill(~spelt, 0), number.masked_fill(~spelt, 0), "amax")
    first = spelt.int().argmax(dim=1, keepdim=True)
    return torch.maximum(latest.cummax(dim=1).values, first)


def binned(vectors: Tensor, token_of: Tensor | None, size: int) -> Tensor:
    """Vectors of tokens (batch, tokens, dim) to those of bins, (batch, bins, dim): means over their `size` bases.

    `token_of` as `tokens_of_bases` gives it; None where tokens are bases.
    """
    if token_of is not None:
        vectors = vectors.gather(1, token_of[..., None].expand(-1, -1, vectors.shape[-1]))
    return vectors if size == 1 else vectors.unflatten(1, (-1, size)).mean(2)
