"""The network that training begins with: random weights, or those of an earlier model (continual pretraining)."""

import inspect
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from genoglot.errors import InputError, few
from genoglot.files import read_json
from genoglot.model.build import build
from genoglot.model.folder import CONFIG, WEIGHTS
from genoglot.network.configuration_genoglot import GenoglotConfig
from genoglot.network.modeling_genoglot import GenoglotModel
from genoglot.tokens.encoding import Encoding
from genoglot.tokens.files import load_encoding
from genoglot.training.state import describe_changes

log = logging.getLogger(__name__)

REGION_HEAD = "region_head."
# what may differ between two networks of which one takes the other's weights
FREE = ("dropout", "window", "regions")


def first_network(
    architecture: Mapping[str, Any], encoding: Encoding, window: int, regions: int, init_from: Path | None
) -> GenoglotModel:
    """A network with random weights, or with those of the model folder `init_from`.

    The head for regions begins at random where the earlier model has none, and is left out where `regions` is 0.

    Raises:
        InputError: the earlier model has another architecture or another tokenizer.
    """
    network = build(architecture, encoding, window, regions)
    if init_from is None:
        return network
    folder = Path(init_from)
    _check(network.config, encoding, folder)
    weights = {
        name: tensor
        for name, tensor in load_file(folder / WEIGHTS).items()
        if regions or not name.startswith(REGION_HEAD)
    }
    own = network.state_dict()
    fresh = [name for name in own if name.startswith(REGION_HEAD) and name not in weights]
    shapes = {name: list(tensor.shape) for name, tensor in own.items() if name not in fresh}
    changes = describe_changes({name: list(tensor.shape) for name, tensor in weights.items()}, shapes)
    if changes:
        raise InputError(f"init_from {folder} has another architecture: {'; '.join(changes[:5])}")
    network.load_state_dict(weights, strict=not fresh)
    if fresh:
        log.info("%s has no head for regions: %s begin at random", folder, few(fresh))
    return network


def _check(config: GenoglotConfig, encoding: Encoding, folder: Path) -> None:
    """Refuse a model of another architecture or tokenizer."""
    before = read_json(folder / CONFIG)
    if before.get("model_type") != config.model_type:
        raise InputError(
            f"init_from {folder} holds a model of type {before.get('model_type')!r}, which was not trained here; "
            "only a model of the same architecture can be trained on"
        )
    read = load_encoding(folder)
    if read.tokens != encoding.tokens:
        raise InputError(
            f"init_from {folder} reads other tokens ({read.size} of them) than this model "
            f"({encoding.size}): give this model the tokenizer of that one, or none if that one has none"
        )
    names = [name for name in _shape(config) if name not in FREE]
    old = _shape(GenoglotConfig(**{key: before[key] for key in names if key in before}))
    changes = describe_changes({name: old[name] for name in names}, {name: _shape(config)[name] for name in names})
    if changes:
        raise InputError(f"init_from {folder} has another architecture: {'; '.join(changes[:5])}")


def _shape(config: GenoglotConfig) -> dict[str, Any]:
    """The settings of a configuration that are Genoglot's own."""
    names = inspect.signature(GenoglotConfig.__init__).parameters
    return {name: getattr(config, name) for name in names if name not in ("self", "kwargs")}
