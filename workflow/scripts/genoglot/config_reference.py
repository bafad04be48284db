"""The tables of `config/README.md`, made from the schemas, so that they cannot disagree.

    python -m genoglot.config_reference ../../config/README.md ../schemas

rewrites what stands between `<!-- config -->` (or `genomes`, `variants`) and `<!-- end -->` in that file.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genoglot.schema import KINDS, Schema, kinds, load_schema, only_word

# what stands for a name that the user chooses
PLACEHOLDERS = {
    "cleaning": "CLEANING",
    "corpora": "CORPUS",
    "tokenizers": "TOKENIZER",
    "models": "MODEL",
    "tasks": "TASK",
    "mirrors": "PREFIX",
    "pathvars": "NAME",
    "include": "GENOME",
    "exclude": "GENOME",
    "weights": "GENOME",
    "scans": "SCAN",
    "interpretation": "LOCI",
    "predictions": "NAME",
    "tracks": "NAME",
    "bed": "GENOME",
    "windows": "GENOME",
}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def keys(schema: Schema, prefix: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Every key below a section, depth first: its full name, its schema, and whether it must be given."""
    for key, sub in schema.get("properties", {}).items():
        name = f"{prefix}{key}"
        yield name, sub, key in schema.get("required", [])
        yield from keys(sub, f"{name}.")
        if isinstance(named := sub.get("additionalProperties"), dict):
            placeholder = f"{name}.{PLACEHOLDERS[key]}"
            if "properties" in named:
                yield from keys(named, f"{placeholder}.")
            else:
                yield placeholder, named, False


def default_of(schema: Schema, required: bool) -> str:
    if required:
        return "**required**"
    if "default" not in schema or "object" in kinds(schema):
        return ""
    return f"`{json.dumps(schema['default'])}`"


def type_of(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    limits = ", ".join(f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema)
    names = {**KINDS, "null": "null", "object": "section", "array": _list_of(schema.get("items", {}))}
    if word := only_word(schema):
        names["string"] = f'`"{word}"`'
    text = " or ".join(names[kind] for kind in kinds(schema))
    return f"{text}, {limits}" if limits else text


def _list_of(items: Schema) -> str:
    """What a list holds: names, some words, or numbers."""
    if "enum" in items:
        return "list of " + ", ".join(f"`{json.dumps(value)}`" for value in items["enum"])
    numbers = {"integer": "whole numbers", "number": "numbers"}
    return f"list of {numbers.get(kinds(items)[0], 'names') if items else 'names'}"


def table(schema: Schema) -> str:
    """Markdown table of a configuration's keys."""
    lines = ["| key | type | default | effect |", "| --- | --- | --- | --- |"]
    for name, sub, required in keys(schema):
        cells = [f"`{name}`", type_of(sub), default_of(sub, required), sub["description"]]
        lines.append(_row(cells))
    return "\n".join(lines)


def columns(schema: Schema) -> str:
    """Markdown table of a sheet's columns."""
    lines = ["| column | must be filled | content |", "| --- | --- | --- |"]
    for name, sub in schema["properties"].items():
        lines.append(_row([f"`{name}`", "yes" if name in schema["required"] else "no", sub["description"]]))
    return "\n".join(lines)


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def rewrite(text: str, schemas: Path) -> str:
    """`text` with its tables made anew."""
    for name, make in (("config", table), ("genomes", columns), ("variants", columns)):
        made = make(load_schema(schemas / f"{name}.schema.yaml"))
        start, end = f"<!-- {name} -->", "<!-- end -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"there is no {start} ... {end} for the table of {name}")
        text = f"{before}{start}\n{made}\n{end}{after}"
    return text


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(rewrite(readme.read_text(), Path(sys.argv[2])))
