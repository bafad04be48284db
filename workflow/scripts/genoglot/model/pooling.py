"""One vector per window: the mean over the tokens in its central half."""

import numpy as np
import torch
from torch import Tensor

from genoglot.genome.store import CODE_MASK
from genoglot.model.language_model import LanguageModel
from genoglot.model.reading import device_of
from genoglot.tokens.encoding import Tokens


def central_weights(written: Tokens, length: int) -> np.ndarray:
    """Weight of each token in the mean of its window of `length` bases, float32 (windows, longest).

    Equal for the tokens whose middle lies in the window's central half, 0 for others, special tokens and padding.
    """
    return window_weights(written, np.zeros((len(written.ids), 1), dtype=np.int64), length)[:, 0]


def window_weights(written: Tokens, offsets: np.ndarray, length: int) -> np.ndarray:
    """`central_weights` of windows within longer stretches that were written as tokens, (stretches, windows, longest).

    `offsets` (stretches, windows) are the first bases of windows of `length` bases, from their stretch's first.
    """
    # special tokens and padding begin and end at 0, which is no middle of a token in a central half
    twice_middle = (written.starts + written.ends)[:, None]
    first = offsets[..., None] + length // 4
    last = offsets[..., None] + length - length // 4
    central = (twice_middle >= 2 * first) & (twice_middle < 2 * last)
    count = np.maximum(central.sum(axis=-1, keepdims=True), 1)
    return (central / count).astype(np.float32)


def pooled_input(model: LanguageModel, codes: np.ndarray) -> tuple[Tensor, Tensor | None, Tensor]:
    """What `pool` needs of windows of base codes: token ids, where they are (None: everywhere), and weights."""
    written = model.write(codes & CODE_MASK)
    present = None if written.present.all() else torch.from_numpy(written.present)
    return torch.from_numpy(written.ids), present, torch.from_numpy(central_weights(written, codes.shape[1]))


def pool(model: LanguageModel, ids: Tensor, present: Tensor | None, weights: Tensor) -> Tensor:
    """Vectors (windows, dim), float32: the weighted sum of the tokens' vectors."""
    place = device_of(model)
    seen = None if present is None else present.to(place)
    vectors = model.vectors(ids.to(place), seen).float()
    with torch.autocast(vectors.device.type, enabled=False):
        return torch.einsum("wt,wtd->wd", weights.to(place), vectors)
