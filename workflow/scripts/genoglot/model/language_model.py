"""One interface to every language model of a study: those trained here, and those of others.

A model reads tokens of windows of base codes and gives logits and vectors. How its tokens spell bases is for its
`encoding` to say; masking, and likelihoods of bases, are in genoglot.model.reading.
"""

import inspect
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from genoglot.errors import InputError, few
from genoglot.files import read_json
from genoglot.genome.store import CODE_MASK, N_CODE
from genoglot.model import layers
from genoglot.model.folder import CONFIG, CONFIG_KEY, WEIGHTS
from genoglot.model.hardware import device
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.inner_genoglot import own_blocks, own_vectors, watch
from genoglot.network.modeling_genoglot import GenoglotForCausalLM, GenoglotForMaskedLM, GenoglotModel
from genoglot.tokens.encoding import Encoding, SingleBase, Tokens
from genoglot.tokens.files import load_encoding
from genoglot.tokens.translated import Translated

AUTO_CLASSES = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}
# what loading a model raises if a file is missing, broken or of another network
LOADING_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    ImportError,
    AttributeError,
    KeyError,
    TypeError,
    UnpicklingError,
    SafetensorError,
)


@dataclass(frozen=True)
class LanguageModel:
    """A network and how sequence is written for it.

    Attributes:
        network: in evaluation mode.
        kind: "masked" (a token must be hidden by the mask token for its prediction to be honest), "cloze" (no position
            sees itself) or "causal" (logits at a token are of the token after it).
        window: bases of the windows to read.
        symmetric: whether a sequence's reverse complement gives exactly the complementary prediction.
        dim: length of a vector.
        prefix, suffix: ids of special tokens around the tokens of each window.
        longest: most tokens that the network takes, prefix and suffix included; None for any number.
        layer: of the vectors, as `genoglot.network.inner_genoglot` counts them; None for the last. Set by `at_layer`.

    Column b of the logits is base b of own models of single nucleotides, else token b of the encoding.
    """

    network: nn.Module
    encoding: Encoding
    kind: str
    window: int
    symmetric: bool
    dim: int
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    longest: int | None = None
    layer: int | None = None

    def write(self, codes: np.ndarray) -> Tokens:
        """Tokens of base codes, uint8 (batch, length), with prefix and suffix, whose starts and ends are 0.

        Where N make a window's tokens more than the network takes, those N that are farthest from a base are left out.
        Raises InputError if there are too many tokens without them.
        """
        body = _fitted(self.encoding.encode(codes), codes, self._room, self.encoding.pad)
        first, last = len(self.prefix), len(self.suffix)
        if not first + last:
            return body
        width = ((0, 0), (first, last))
        ids = np.pad(body.ids, width, constant_values=self.encoding.pad)
        ids[:, :first] = self.prefix
        for place, number in enumerate(self.suffix):
            ids[np.arange(len(ids)), first + body.lengths + place] = number
        return Tokens(ids, np.pad(body.starts, width), np.pad(body.ends, width), body.lengths + first + last)

    def logits(self, ids: Tensor, present: Tensor | None, positions: Tensor | None = None) -> Tensor:
        """Logits, float32: (batch, length, V), or (chosen, V) of positions where the boolean `positions` is true.

        `ids` (batch, length), int64; `present` (batch, length), bool: where there is a token and not padding, None
        where all are. V is 4 for own models of single nucleotides, else the size of the encoding.
        """
        if isinstance(self.network, GenoglotModel):
            return self.network.logits(ids, positions, self._padding(present)).float()
        logits = self.network(input_ids=ids, **self._attention(ids, present)).logits
        return (logits if positions is None else logits[positions]).float()

    def vectors(self, ids: Tensor, present: Tensor | None) -> Tensor:
        """One vector per token, (batch, length, dim): the hidden state of `layer`. Arguments as of `logits`."""
        if isinstance(self.network, GenoglotModel):
            if self.layer is not None:
                return own_vectors(self.network, self.layer, ids, self._padding(present))
            return self.network.vectors(ids, self._padding(present))
        inputs = {"input_ids": ids, **self._attention(ids, present)}
        if self.layer is not None:
            return layers.foreign_vectors(self._trunk, self.layer, **inputs)
        output = self._trunk(**inputs)
        return output.last_hidden_state if hasattr(output, "last_hidden_state") else output[0]

    def vectors_and_logits(self, ids: Tensor, present: Tensor | None, positions: Tensor) -> tuple[Tensor, Tensor]:
        """`vectors` and `logits` of the same tokens, in one pass where the network allows it."""
        if isinstance(self.network, GenoglotModel) and self.layer is None:
            hidden = self.network.hidden(ids, self._padding(present))
            return self.network.merged(hidden), self.network.lm_logits(hidden, positions).float()
        return self.vectors(ids, present), self.logits(ids, present, positions)

    def at_layer(self, layer: int | None) -> "LanguageModel":
        """The same model, with vectors of another layer; None for the last.

        Raises InputError if the network has no such layer, or does not give it.
        """
        name = type(self.network).__name__
        if isinstance(self.network, GenoglotModel):
            name = f"a network of architecture {self.network.config.architecture}"
            layer = layers.checked_layer(layer, len(own_blocks(self.network)), name)
            if layer is not None:
                watch(self.network, layer)
        elif layer is not None:
            written = self.write(layers.example(self.window))
            place = next(self.network.parameters()).device
            ids, present = (torch.from_numpy(each).to(place) for each in (written.ids, written.present))
            inputs = {"input_ids": ids, **self._attention(ids, present)}
            layer = layers.checked_layer(layer, layers.foreign_layers(self._trunk, self.dim, name, **inputs), name)
        return replace(self, layer=layer)

    def to_device(self) -> "LanguageModel":
        """The same model on the machine's device, in evaluation mode."""
        return replace(self, network=self.network.to(device()).eval())

    @property
    def any_length(self) -> bool:
        """Whether windows longer than those of training are nothing new: the network sees places only by neighbours."""
        return isinstance(self.network, GenoglotModel) and self.network.config.architecture in ("convnet", "cloze")

    @property
    def _room(self) -> int | None:
        """Most tokens of a window beside prefix and suffix."""
        return None if self.longest is None else self.longest - len(self.prefix) - len(self.suffix)

    def _padding(self, present: Tensor | None) -> Tensor | None:
        """What own networks are told: windows of single nucleotides have no padding but N, which is read as it is."""
        return None if isinstance(self.encoding, SingleBase) else present

    @cached_property
    def _trunk(self) -> nn.Module:
        """A third-party network without its head."""
        trunk = self.network.base_model
        assert isinstance(trunk, nn.Module)
        return trunk

    @cached_property
    def takes_padding(self) -> bool:
        """Whether the network can be told which tokens are padding."""
        return all(_accepts(network, "attention_mask") for network in (self.network, self._trunk))

    def _attention(self, ids: Tensor, present: Tensor | None) -> dict[str, Tensor]:
        if not self.takes_padding:
            return {}
        return {"attention_mask": torch.ones_like(ids) if present is None else present.long()}


def load_language_model(folder: Path) -> LanguageModel:
    """The model of a folder that this workflow made, in evaluation mode on the machine's device.

    A model trained here is read by Genoglot's own classes, whatever code lies in the folder; code of an imported one
    runs only if it was imported with `trust_remote_code`.

    Raises InputError for a folder that lacks a file, whose weights are of another network, or that no rule made.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a model folder: it has no {name}")
    settings, encoding = read_json(folder / CONFIG), load_encoding(folder)
    if settings.get("model_type") == GenoglotConfig.model_type:
        own = GenoglotForCausalLM if settings.get("causal") else GenoglotForMaskedLM
        network = complete_network(own, folder)
        if network.config.vocab_size != encoding.size:
            raise InputError(
                f"{folder}: its tokenizer has {encoding.size} tokens, and the network {network.config.vocab_size}; "
                "the files are not of one model"
            )
        return of_network(network, encoding, network.config.window).to_device()
    about = settings.get(CONFIG_KEY)
    if not isinstance(about, dict) or not isinstance(encoding, Translated):
        raise InputError(
            f"{folder} holds a model of type {settings.get('model_type')!r} that this workflow has not imported: name "
            "its folder as `pretrained` of an entry of models, and use that model"
        )
    network = complete_network(AUTO_CLASSES[about["kind"]], folder, trust_remote_code="auto_map" in settings)
    return of_others(network, encoding, about["kind"], about["window"], about["longest"]).to_device()


def of_network(network: GenoglotModel, encoding: Encoding, window: int) -> LanguageModel:
    """A network of this workflow as a language model, where it is and as it is."""
    config = network.config
    kind = "causal" if config.causal else "masked" if network.needs_mask else "cloze"
    return LanguageModel(network, encoding, kind, window, bool(network.symmetric), config.dim)


def of_others(
    network: nn.Module, encoding: Translated, kind: str, window: int, longest: int | None = None
) -> LanguageModel:
    """A third-party network as a language model; `longest` is the most tokens that it takes.

    Raises InputError if its configuration does not say the length of its vectors.
    """
    config: Any = network.config
    dim = getattr(config, "hidden_size", None) or getattr(config, "d_model", None)
    if not isinstance(dim, int):
        raise InputError(f"the configuration of {type(network).__name__} has neither hidden_size nor d_model")
    return LanguageModel(network, encoding, kind, window, False, dim, encoding.prefix, encoding.suffix, longest)


def complete_network(kind: Any, folder: Path, **options: Any) -> Any:
    """As `load_network`, in float32; weights that the folder lacks are refused by InputError."""
    network, missing = load_network(kind, folder, torch.float32, **options)
    if missing:
        raise InputError(f"{folder / WEIGHTS} lacks the weights {few(missing)}: it is not of the network of {CONFIG}")
    return network


def load_network(kind: Any, folder: Path, dtype: Any, **options: Any) -> tuple[Any, list[str]]:
    """A network of a Hugging Face class from a folder, in evaluation mode, and the names of weights it lacks.

    Nothing is unpickled but tensors. Raises InputError, in words, if the files do not make such a network.
    """
    try:
        network, found = kind.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, weights_only=True, dtype=dtype, **options
        )
    except LOADING_ERRORS as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"{folder}: its network cannot be read by {kind.__name__} ({type(error).__name__}: {reason}); "
            f"{CONFIG} and the weights must be of one model, as transformers saves it"
        ) from error
    return network.eval(), sorted(found["missing_keys"])


def _fitted(written: Tokens, codes: np.ndarray, room: int | None, pad: int) -> Tokens:
    """Tokens with at most `room` in a window, without those N that are farthest from a base."""
    if room is None or written.lengths.max(initial=0) <= room:
        return written
    # number of known bases before each position, so that a token's are a difference
    known = np.pad(np.cumsum((codes & CODE_MASK) < N_CODE, axis=1), ((0, 0), (1, 0)))
    ids = np.full((len(codes), room), pad, dtype=np.int64)
    starts, ends = (np.zeros(ids.shape, dtype=np.int32) for _ in range(2))
    for row, length in enumerate(written.lengths):
        first, last = written.starts[row, :length], written.ends[row, :length]
        bases = np.flatnonzero(known[row, last] > known[row, first])
        if len(bases) > room:
            raise InputError(
                f"a window of {codes.shape[1]} bases has {len(bases)} tokens with bases, and the model takes {room}: N "
                "among its bases break tokens up; give the model's corpus a smaller window"
            )
        kept = np.sort(np.argsort(_distance(bases, length), kind="stable")[:room])
        ids[row, : len(kept)] = written.ids[row, kept]
        starts[row, : len(kept)], ends[row, : len(kept)] = first[kept], last[kept]
    return Tokens(ids, starts, ends, np.minimum(written.lengths, room))


def _distance(places: np.ndarray, length: int) -> np.ndarray:
    """Steps from each of `length` places to the nearest of `places`, which are sorted; all 0 if there are none."""
    if not len(places):
        return np.zeros(length, dtype=np.int64)
    after = np.searchsorted(places, np.arange(length)).clip(max=len(places) - 1)
    before = (after - 1).clip(min=0)
    return np.minimum(*(np.abs(places[near] - np.arange(length)) for near in (before, after)))


def _accepts(network: nn.Module, name: str) -> bool:
    return name in inspect.signature(network.forward).parameters
