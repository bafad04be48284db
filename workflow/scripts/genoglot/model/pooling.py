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
    # special tokens and padding begin and end at 0, which is no middle of a token in it
    twice_middle = written.starts + written.ends
    central = (twice_middle >= 2 * (length // 4)) & (twice_middle < 2 * (length - length // 4))
    count = np.maximum(central.sum(axis=1, keepdims=True), 1)
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
