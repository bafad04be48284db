"""Architectures by name and size: which settings each has, and their values from `tiny` to `base`.

Sizes are of the order of 0.1, 1 to 2, 10 and 100 million parameters. Nothing here needs torch, so that a configuration
can be checked before any job starts.
"""

from collections.abc import Mapping
from typing import Any

from genoglot.errors import InputError

SIZES = ("tiny", "small", "medium", "base")

_WIDTH = {
    "tiny": {"dim": 32, "layers": 2},
    "small": {"dim": 128, "layers": 6},
    "medium": {"dim": 256, "layers": 12},
    "base": {"dim": 768, "layers": 12},
}
_HEADS = {"tiny": {"heads": 2}, "small": {"heads": 4}, "medium": {"heads": 8}, "base": {"heads": 12}}
# settings that every architecture has beside dim and layers
_COMMON: dict[str, Any] = {"dropout": 0.0}
_SINGLE: dict[str, Any] = {"ngram": 5, "equivariant": False}

# settings of each architecture that do not depend on the size
_SHAPES: dict[str, dict[str, Any]] = {
    "cloze": {
        "kernel_size": 3, "dilation_growth": 3, "max_dilation": 243, "expansion": 2,
        "fusion_layers": 2, "left_kmer": 6, "flank_kmer": 3,
    },
    "convnet": {"kernel_size": 9, "dilation_growth": 2, "max_dilation": 32, "expansion": 1, **_SINGLE},
    "encoder": {"expansion": 2, **_SINGLE},
    "decoder": {"expansion": 2, "ngram": 6},
    "hyena": {"expansion": 2, "filter_dim": 32, "causal": False, **_SINGLE},
    "hybrid": {
        "expansion": 2, "kernel_size": 9, "dilation_growth": 2, "max_dilation": 32, "stem_layers": 2, "pool": 8,
        **_SINGLE,
    },
}  # fmt: skip

# what a size means for one architecture alone
_SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "convnet": {"medium": {"dim": 256, "layers": 16}, "base": {"dim": 512, "layers": 25}},
    "encoder": _HEADS,
    "decoder": _HEADS,
    "hybrid": _HEADS,
}
ARCHITECTURES = tuple(_SHAPES)
# settings that need single nucleotides, and what they are without
_WITHOUT_SINGLE = {"ngram": 0, "equivariant": False}


def settings_of(kind: str) -> list[str]:
    """Names of the settings of an architecture, `type` and `size` left out."""
    return ["dim", "layers", *_SHAPES[kind], *_SIZES.get(kind, {}).get("small", {}), *_COMMON]


def resolve(architecture: Mapping[str, Any], single: bool = True) -> dict[str, Any]:
    """All settings of an architecture: those given, and for those that are None or missing, what its size has.

    Args:
        architecture: `type`, one of `ARCHITECTURES`; `size`, one of `SIZES`; and settings of its own.
        single: whether its tokens are single nucleotides; n-grams are looked up only then.

    Raises:
        InputError: a setting that the architecture does not have, or that does not go with the others.
    """
    kind, size = architecture["type"], architecture["size"]
    given = {key: value for key, value in architecture.items() if key not in ("type", "size") and value is not None}
    known = list(dict.fromkeys(settings_of(kind)))
    if foreign := [key for key in given if key not in known]:
        raise InputError(f"{kind} has no setting {', '.join(foreign)}; those it has are {', '.join(known)}")
    preset = {**_WIDTH[size], **_SHAPES[kind], **_SIZES.get(kind, {}).get(size, {}), **_COMMON}
    if not single:
        if kind == "cloze":
            raise InputError("cloze reads single nucleotides; choose another architecture for a tokenizer")
        if wrong := [key for key in _WITHOUT_SINGLE if given.get(key)]:
            raise InputError(f"{', '.join(wrong)}: for single nucleotides only, and this model has a tokenizer")
        preset.update({key: value for key, value in _WITHOUT_SINGLE.items() if key in preset})
    result = {"type": kind, "size": size, **preset, **given}
    if result.get("causal") and result["equivariant"]:
        raise InputError("equivariant: a causal network reads one strand from its start, and cannot be equivariant")
    heads = result.get("heads")
    if heads and result["dim"] % (2 * heads):
        raise InputError(f"dim: {result['dim']} is not a multiple of twice the number of heads, {heads}")
    return result


def objective(kind: str, training: Mapping[str, Any]) -> str:
    """What a model learns: to predict bases as `kind` says ("masked", "cloze", "causal"), "regions", or both, "+"."""
    return "+".join([kind] * bool(training["lm_weight"]) + ["regions"] * bool(training["region_weight"]))


def is_causal(architecture: Mapping[str, Any]) -> bool:
    """Whether a network predicts a token from those before it."""
    return architecture["type"] == "decoder" or bool(architecture.get("causal"))
