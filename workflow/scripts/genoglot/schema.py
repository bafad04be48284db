"""JSON schemas put to use for people: defaults filled in, and what is wrong said in words.

Only what the workflow's own schemas need of Draft 2020-12 is handled by `fill_defaults` (no `$ref`, no `anyOf`).
"""

import copy
import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

Schema = dict[str, Any]

NAME_RULE = "start with a letter or a digit and use only letters, digits, '_', '.' and '-'"

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section of keys",
    "null": "nothing (null)",
}


def load_schema(path: str | Path) -> Schema:
    """Read a schema (YAML)."""
    # the parser in C, ten times as fast, is not built everywhere
    return yaml.load(Path(path).read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def kinds(schema: Schema) -> list[str]:
    """The JSON types that a schema allows."""
    declared = schema.get("type", [])
    return [declared] if isinstance(declared, str) else list(declared)


def fill_defaults(value: Any, schema: Schema) -> Any:
    """A copy of `value` with every default of `schema` filled in, at any depth, in the schema's order of keys.

    The order of a section's keys and the type of its numbers then no longer depend on how the user wrote them,
    so neither causes a rerun. A section or list that is left empty counts as empty, not as null.
    What does not fit the schema is kept as it is, for `problems` to report.
    """
    allowed = kinds(schema)
    if value is None and "null" not in allowed:
        value = {"object": {}, "array": []}.get(allowed[0]) if allowed else None
    if isinstance(value, dict) and "object" in allowed:
        return _fill_section(value, schema)
    if isinstance(value, list) and "items" in schema:
        return [fill_defaults(item, schema["items"]) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and "number" in allowed:
        return float(value)
    return copy.deepcopy(value)


def _fill_section(value: dict, schema: Schema) -> dict:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    filled = {}
    for key, sub in properties.items():
        if key in value:
            filled[key] = fill_defaults(value[key], sub)
        elif "default" in sub:
            filled[key] = fill_defaults(sub["default"], sub)
    for key, item in value.items():
        if key not in properties:
            # a name such as 2024 is a number to YAML
            filled[str(key)] = fill_defaults(item, others) if isinstance(others, dict) else item
    return filled


def problems(value: Any, schema: Schema) -> list[str]:
    """Everything in `value` that does not fit `schema`: one line each, beginning with where it is."""
    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [line for error in errors for line in _describe(error)]


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` where a known word is near, else the known words."""
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(known)}" if known else "; there are none"


def place(path: Iterable[str | int]) -> str:
    """`models.demo.training[0]` of the keys and indices that lead to a value."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".")


def _describe(error: ValidationError) -> Iterator[str]:
    path = list(error.path)
    where = f"{place(path)}: " if path else ""
    limit, found = error.validator_value, error.instance
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in found:
            if key not in known:
                yield f"{place([*path, str(key)])}: unknown key{suggestion(str(key), known)}"
    elif error.validator == "required":
        # jsonschema reports each missing key by itself, and names it in the message alone
        key = next(key for key in limit if error.message.startswith(repr(key)))
        yield f"{place([*path, key])}: missing; {error.schema['properties'][key]['description']}"
    elif error.validator == "type":
        expected = " or ".join(KINDS[kind] for kind in ([limit] if isinstance(limit, str) else limit))
        yield f"{where}expected {expected}, found {_say(found)}{_type_hint(found, limit)}"
    elif error.validator == "enum":
        yield f"{where}expected one of {', '.join(map(str, limit))}, found {_say(found)}"
    elif error.validator in BOUNDS:
        yield f"{where}expected {BOUNDS[error.validator]} {limit}, found {_say(found)}"
    elif error.validator == "pattern":
        yield f"{where}{_say(found)} {_pattern_hint(limit)}"
    elif error.validator in ("minItems", "minProperties"):
        yield f"{where}expected at least {limit}, found {_say(found)}"
    elif error.validator == "uniqueItems":
        twice = sorted({str(item) for item in found if found.count(item) > 1})
        yield f"{where}given twice: {', '.join(twice)}"
    else:
        yield f"{where}{error.message}"


BOUNDS = {
    "minimum": "a value of at least",
    "maximum": "a value of at most",
    "exclusiveMinimum": "a value above",
    "exclusiveMaximum": "a value below",
}


def _say(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a section ({', '.join(map(str, value)) or 'empty'})"
    if isinstance(value, list):
        return f"a list ({', '.join(map(str, value)) or 'empty'})"
    return f"the text {value!r}" if isinstance(value, str) else f"the number {value}"


def _type_hint(found: Any, limit: str | list[str]) -> str:
    expected = [limit] if isinstance(limit, str) else limit
    if isinstance(found, str) and {"number", "integer"} & set(expected):
        try:
            value = float(found)
        except ValueError:
            return ""
        return f"; YAML reads it as text, write {int(value) if value.is_integer() else value}"
    if isinstance(found, int | float) and "string" in expected:
        return f"; write it in quotes: '{str(found).lower() if isinstance(found, bool) else found}'"
    return ""


def only_word(schema: Schema) -> str | None:
    """The one word that a schema allows as text, beside numbers for example; None if any text will do."""
    match = re.fullmatch(r"\^(\w+)\$", schema.get("pattern", ""))
    return match.group(1) if match else None


def _pattern_hint(pattern: str) -> str:
    if word := only_word({"pattern": pattern}):
        return f"is neither a number nor the word {word}"
    if "[0-9a-fA-F]" in pattern:
        return (
            "is not a checksum: expected md5: and 32, sha1: and 40, or sha256: and 64 hexadecimal digits, or a file of "
            "checksums"
        )
    return f"is not a safe name: {NAME_RULE}"
