"""Networks from the settings of a study."""

from collections.abc import Mapping
from typing import Any

from genoglot.model.presets import is_causal
from genoglot.network.configuration_genoglot import BASES, GenoglotConfig
from genoglot.network.modeling_genoglot import GenoglotModel, new_network
from genoglot.tokens.encoding import Encoding, SingleBase


def network_config(
    architecture: Mapping[str, Any], encoding: Encoding, window: int, regions: int = 0
) -> GenoglotConfig:
    """Configuration of a network of a resolved architecture (`genoglot.model.presets.resolve`).

    Args:
        encoding: its vocabulary.
        window: bases of a window.
        regions: number of region classes that a second head is to tell apart.
    """
    shape = {key: value for key, value in architecture.items() if key not in ("type", "size")}
    single = isinstance(encoding, SingleBase)
    return GenoglotConfig(
        **{**shape, "causal": is_causal(architecture)},
        architecture=architecture["type"],
        window=window,
        regions=regions,
        vocab_size=encoding.size,
        outputs=BASES if single else encoding.size,
        mask_token_id=encoding.mask,
        pad_token_id=encoding.pad,
    )


def build(architecture: Mapping[str, Any], encoding: Encoding, window: int, regions: int = 0) -> GenoglotModel:
    """A network with random weights; arguments as of `network_config`."""
    return new_network(network_config(architecture, encoding, window, regions))
