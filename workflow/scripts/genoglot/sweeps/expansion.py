"""From an entry with lists of values to one model for each combination of them."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from genoglot.errors import InputError

USES = ("embeddings", "tasks", "variants")
# in the names of models that read single bases, where other members have tokenizers
SINGLE = "single"
# what each list varies, in the order in which the values stand in names: section (None for the entry itself) and key
LISTS: dict[str, tuple[str | None, str]] = {
    "architectures": ("architecture", "type"),
    "sizes": ("architecture", "size"),
    "tokenizers": (None, "tokenizer"),
    "learning_rates": ("training", "learning_rate"),
    "seeds": (None, "seed"),
}


def unfold(entries: Mapping[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """The models of the section `models`, its sweeps unfolded, and the names of each sweep's members.

    `uses` is filled in: all for a model by itself, none for a member of a sweep, unless the entry says otherwise.

    Raises:
        InputError: two models would have one name.
    """
    models: dict[str, dict[str, Any]] = {}
    sweeps: dict[str, list[str]] = {}
    origin: dict[str, str] = {}
    for name, entry in entries.items():
        swept = entry["sweep"] is not None
        made = members(name, entry) if swept else [(name, {**entry, "uses": _uses(entry, USES)})]
        for member, settings in made:
            if member in models:
                raise InputError(
                    f"configuration: models.{name}: the name {member} is taken by models.{origin[member]}; each model "
                    "and each member of a sweep needs a name of its own, so rename one"
                )
            models[member], origin[member] = settings, name
        if swept:
            sweeps[name] = [member for member, _ in made]
    return models, sweeps


def members(name: str, entry: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and settings of each member of a sweep, the first list varying slowest."""
    given = {key: entry["sweep"][key] for key in LISTS if entry["sweep"].get(key)}
    made = []
    for values in product(*given.values()):
        member = {**entry, "sweep": None, "uses": _uses(entry, ())}
        for key, value in zip(given, values, strict=True):
            section, setting = LISTS[key]
            if section is None:
                member[setting] = value
            else:
                member[section] = {**member[section], setting: value}
        words = [_word(key, value) for key, value in zip(given, values, strict=True)]
        made.append(("-".join([name, *words]), member))
    return made


def _uses(entry: Mapping[str, Any], default: tuple[str, ...]) -> list[str]:
    return list(default) if entry["uses"] is None else entry["uses"]


def _word(key: str, value: Any) -> str:
    """How a value stands in the name of a member."""
    if key == "seeds":
        return f"s{value}"
    if key == "learning_rates":
        return f"lr{value:g}"
    return SINGLE if value is None else str(value)
