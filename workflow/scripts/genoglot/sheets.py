"""Tab-separated sheets: named columns, one named thing a row."""

import csv
from pathlib import Path

from genoglot.errors import InputError
from genoglot.schema import Schema, fill_defaults, problems, suggestion

Row = dict[str, str | None]


def read_sheet(path: str | Path, schema: Schema) -> dict[str, tuple[Row, str]]:
    """Rows of a sheet by the name in their first column of the schema, each with the place it stands at.

    Empty fields are null; empty lines and lines that begin with `#` are passed over. The place is
    `config/genomes.tsv, line 3`, for messages about the row.

    Raises:
        InputError: with every problem of the sheet, each with its line.
    """
    key = next(iter(schema["properties"]))
    rows: dict[str, tuple[Row, str]] = {}
    wrong: list[str] = []
    for line, row in _rows(Path(path), schema):
        where = f"{path}, line {line}"
        row = fill_defaults(row, schema)
        wrong += [f"{where}: {problem}" for problem in problems(row, schema)]
        name = row.get(key)
        if name in rows:
            wrong.append(f"{where}: {key} {name!r} is there already ({rows[name][1]}); each needs a name of its own")
        elif name:
            rows[name] = (row, where)
    if wrong:
        raise InputError("\n".join(wrong))
    return rows


def _rows(path: Path, schema: Schema) -> list[tuple[int, dict[str, str]]]:
    """Line number and filled fields of each row, after a check of the header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such sheet (paths are relative to the working directory)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable sheet: {error}") from None
    lines = [
        (number, fields)
        for number, fields in enumerate(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE), 1)
        if any(field.strip() for field in fields) and not fields[0].startswith("#")
    ]
    if not lines:
        raise InputError(f"{path}: the sheet is empty; expected a header with {', '.join(schema['properties'])}")
    number, header = lines[0]
    header = [column.strip() for column in header]
    _check_header(f"{path}, line {number}", header, schema)
    rows = []
    for number, fields in lines[1:]:
        if len(fields) > len(header) and any(field.strip() for field in fields[len(header) :]):
            raise InputError(f"{path}, line {number}: {len(fields)} fields under {len(header)} columns")
        values = zip(header, (field.strip() for field in fields), strict=False)
        rows.append((number, {column: value for column, value in values if value}))
    return rows


def _check_header(where: str, header: list[str], schema: Schema) -> None:
    known = schema["properties"]
    missing = [column for column in schema["required"] if column not in header]
    if missing and len(header) == 1:
        raise InputError(f"{where}: columns must be separated by tabs; found one column, {header[0]!r}")
    wrong = [
        f"{where}: unknown column {column!r}{suggestion(column, known)}" for column in header if column not in known
    ]
    wrong += [f"{where}: there is no column {column!r}: {known[column]['description']}" for column in missing]
    twice = sorted(column for column in set(header) if header.count(column) > 1)
    wrong += [f"{where}: column {column!r} is there twice" for column in twice]
    if wrong:
        raise InputError("\n".join(wrong))
