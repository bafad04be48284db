"""Small language models of every kind whose every weight is random, and windows to read with them."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_tokens import tiny_encoding

from genoglot.genome.store import decode
from genoglot.model.build import network_config
from genoglot.model.language_model import LanguageModel, of_network
from genoglot.network.modeling_genoglot import GenoglotModel, new_network
from genoglot.tokens.encoding import Encoding

WINDOW = 48
_SHAPES: dict[str, dict[str, Any]] = {
    "cloze": {"kernel_size": 3, "dilation_growth": 3, "max_dilation": 9, "left_kmer": 3, "flank_kmer": 2},
    "convnet": {"kernel_size": 3, "dilation_growth": 2, "max_dilation": 2},
    "encoder": {"heads": 2},
    "decoder": {"heads": 2},
    "hyena": {"filter_dim": 8},
    "hybrid": {"heads": 2, "kernel_size": 3, "stem_layers": 1, "pool": 4},
}
MASKED = [("encoder", "single"), ("convnet", "kmer"), ("encoder", "kmer"), ("encoder", "blocks")]
CAUSAL = [("decoder", "single"), ("decoder", "kmer"), ("decoder", "blocks"), ("decoder", "bpe")]
ALL = [("cloze", "single"), *MASKED, ("encoder", "bpe"), *CAUSAL]
MATES = str.maketrans("ACGT", "TGCA")


def random_network(architecture: str, encoding: Encoding, window: int = WINDOW, **shape: Any) -> GenoglotModel:
    """Every weight is random, those that begin at zero too."""
    torch.manual_seed(0)
    settings = {"type": architecture, "dim": 12, "layers": 2, **_SHAPES[architecture], **shape}
    network = new_network(network_config(settings, encoding, window))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return network.eval()


def random_model(architecture: str, kind: str, make_genome, folder: Path, **shape: Any) -> LanguageModel:
    """A model of an architecture whose tokens are of one of the kinds of `tiny_encoding`."""
    encoding = tiny_encoding(kind, make_genome, folder)
    return of_network(random_network(architecture, encoding, **shape), encoding, WINDOW)


def random_codes(rows: int, seed: int, unknown: float = 0.0) -> np.ndarray:
    """Base codes of windows, some of them N, uint8 (rows, WINDOW)."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (rows, WINDOW)).astype(np.uint8)
    codes[rng.random(codes.shape) < unknown] = 4
    return codes


def spell(model: LanguageModel, codes: np.ndarray) -> list[tuple[int, int, str]]:
    """First base, end and spelling of each token of one window."""
    written = model.encoding.encode(codes[None])
    spelled = model.encoding.tokens
    length = int(written.lengths[0])
    columns = (values[0, :length].tolist() for values in (written.starts, written.ends, written.ids))
    return [(start, end, spelled[number]) for start, end, number in zip(*columns, strict=True)]


def plain_logits(model: LanguageModel, spelled: list[str]) -> np.ndarray:
    """Log-probabilities of one window's tokens, (tokens, V), of a masked or cloze model, or of the token after each."""
    return _plain_logits(model, tuple(spelled))


@lru_cache(maxsize=8)
def _plain_logits(model: LanguageModel, spelled: tuple[str, ...]) -> np.ndarray:
    ids = torch.tensor([[model.encoding.tokens.index(token) for token in spelled]])
    with torch.no_grad():
        return model.network.logits(ids)[0].double().log_softmax(-1).numpy()


def plain_table(model: LanguageModel, codes: np.ndarray, chosen: np.ndarray, place: int) -> np.ndarray:
    """The slow reference of `reading.tables`: one base of one window, by the spelling of its tokens."""
    ids = {token: number for number, token in enumerate(model.encoding.tokens)}
    tokens = spell(model, codes)
    text = decode(codes)
    causal = model.kind == "causal"
    covering = [i for i, (start, end, _) in enumerate(tokens) if start <= place < end and "[" not in tokens[i][2]]
    covering = [i for i in covering if i > 0][:1] if causal else covering
    if causal and covering and tokens[covering[0]][1] != place + 1:
        covering = []
    spelled = [token for _, _, token in tokens]
    if model.kind == "masked":
        hidden = [any(chosen[start:end]) and "[" not in token for start, end, token in tokens]
        spelled = ["[MASK]" if hide else token for hide, token in zip(hidden, spelled, strict=True)]
    logits = plain_logits(model, spelled)
    found = []
    for i in covering:
        start, end, _ = tokens[i]
        four = [text[start:place] + base + text[place + 1 : end] for base in "ACGT"]
        values = np.array([logits[i - causal, ids[token]] for token in four])
        found.append(values - np.log(np.exp(values).sum()))
    mean = np.mean(found, axis=0) if found else np.zeros(4)
    return mean - np.log(np.exp(mean).sum())
