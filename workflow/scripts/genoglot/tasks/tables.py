"""Labelled sequences from tables: CSV, TSV or Parquet."""

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.tasks.examples import SPLITS, TEST, TRAIN, VALIDATION, Examples, checked
from genoglot.tasks.labels import read_labels
from genoglot.tasks.overlap import without_overlap
from genoglot.tasks.sequences import encode_sequences, sequence_keys
from genoglot.tasks.splitting import by_column, by_hash

log = logging.getLogger(__name__)

FEW = 10  # examples of a class below which the log warns


def read_tables(settings: Mapping[str, Any], window: int, seed: int) -> Examples:
    """The labelled sequences of a task's tables.

    Args:
        settings: `sequences` (paths by split, None where there is none), `columns` (`sequence`, `label`), `kind`,
            `split` and `crop`, as the configuration has them.
        window: longest sequence that the model reads.
        seed: of the splits that are drawn.

    Raises:
        InputError: a file is no such table, a cell does not fit, or there is nothing to learn.
    """
    files = {split: settings["sequences"][split] for split in SPLITS if settings["sequences"][split] is not None}
    labels = settings["columns"]["label"]
    labels = [labels] if isinstance(labels, str) else list(labels)
    column = settings["split"]["column"] if settings["split"]["by"] == "column" else None
    wanted = [settings["columns"]["sequence"], *labels, *([column] if column else [])]
    table = pd.concat(
        [read_table(path, wanted).assign(split=split) for split, path in files.items()], ignore_index=True
    )
    where = table["file"] + ", line " + table["line"].astype(str)
    target, truth, known = read_labels(table[labels], settings["kind"], where)
    sequences = table[settings["columns"]["sequence"]].str.strip()
    long = (sequences.str.len() > window) & known
    if long.any() and not settings["crop"]:
        first = int(long.to_numpy().argmax())
        raise InputError(
            f"{where.iloc[first]}: the sequence has {len(sequences.iloc[first]):,} bases, and the model reads windows "
            f"of {window:,} ({long.sum():,} such in all); set crop: true to take their middle, or take a model of "
            "larger windows"
        )
    if (~known).any():
        log.warning("%d rows have no label and are left out: %s", (~known).sum(), few(where[~known]))
    table, where, truth, sequences = table[known], where[known], truth[known], sequences[known]
    if table.empty:
        raise InputError(f"{next(iter(files.values()))}: no row has a label")
    length = min(window, int(sequences.str.len().max()))
    codes, ambiguous = encode_sequences(sequences, where, length)
    split = _splits(table, where, codes, column, list(files), settings["split"], seed)
    frame = pd.DataFrame({"file": table["file"], "line": table["line"], "split": split}).reset_index(drop=True)
    frame["group"] = pd.factorize(sequence_keys(codes))[0]
    about = {
        "source": [str(path) for path in files.values()],
        "left_out": {"no label": int((~known).sum())},
        "ambiguous": ambiguous,
        "cropped": int(long.sum()),
        "lengths": [int(sequences.str.len().min()), int(sequences.str.len().max())],
        "origin": _origin(column, list(files)),
    }
    examples = without_overlap(Examples(target, frame, codes, truth, about), settings["split"]["drop"])
    return warned(checked(examples, next(iter(files.values()))))


def _splits(
    table: pd.DataFrame,
    where: pd.Series,
    codes: np.ndarray,
    column: str | None,
    files: list[str],
    settings: Mapping[str, Any],
    seed: int,
) -> np.ndarray:
    """The split of each row: that of its file; what no file is for is drawn from the training file."""
    if column:
        return by_column(table[column], where)
    if settings["by"] == "contig":
        raise InputError("split.by: contig: sequences of a table lie on no contig; take hash or column")
    split = table["split"].to_numpy(dtype=object)
    if VALIDATION in files and TEST in files:
        return split
    own = split == TRAIN
    drawn = by_hash(sequence_keys(codes[own]), settings, seed, TEST not in files, "split")
    if VALIDATION in files:
        drawn[drawn == VALIDATION] = TRAIN
    split[own] = drawn
    return split


def _origin(column: str | None, files: list[str]) -> str:
    """Where the splits are from, in words."""
    if column:
        return f"the column {column}"
    drawn = [split for split in (VALIDATION, TEST) if split not in files]
    return f"{' and '.join(drawn)} drawn by a hash of the sequence" if drawn else "a file for each"


def read_table(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a table as text, `file` and `line` (the header is line 1; of Parquet, the row from 1).

    Raises InputError if the file is no table, or lacks a column.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if ".parquet" in suffixes:
        table = pq.read_table(path).to_pandas()
        _need(path, columns, list(table.columns))
        table = table[columns].astype("string").fillna("").astype(object)
        first = 1
    else:
        with open_plain(path) as handle:
            raw = handle.read()
        if not raw.strip():
            raise InputError(f"{path}: the file is empty; expected a header with {few(columns)} and a row an example")
        table = _parsed(path, raw, "\t" if {".tsv", ".txt", ".tab"} & set(suffixes) else ",")
        _need(path, columns, list(table.columns))
        table, first = table[columns].fillna(""), 2
    if table.empty:
        raise InputError(f"{path}: there is no row below the header")
    return table.assign(file=str(path), line=np.arange(first, first + len(table)))


def _parsed(path: Path, raw: bytes, separator: str) -> pd.DataFrame:
    try:
        return pd.read_csv(
            io.BytesIO(raw), sep=separator, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8"
        )
    except (pd.errors.ParserError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a table separated by {separator!r} ({error})") from None


def _need(path: Path, wanted: list[str], there: list[str]) -> None:
    if missing := [name for name in wanted if name not in there]:
        raise InputError(
            f"{path}: there is no column {few(missing)}; it has {few(list(map(str, there)))}. The task's `columns` "
            "says how they are called"
        )


def warned(examples: Examples) -> Examples:
    """The same examples; the log names what of them is few, shared or contradictory."""
    about = examples.about
    for name, count in about.get("per_class", {}).get(TRAIN, {}).items():
        if count < FEW:
            log.warning("class %s has %d training examples", name, count)
    for pair, counts in about["shared"].items():
        if any(counts.values()):
            words = ", ".join(f"{count} with the {kind}" for kind, count in counts.items())
            log.warning("%s share sequence: %s", pair.replace("_", " "), words.replace("_", " "))
    if about["conflicting"]:
        log.warning("%d examples have a sequence that another has with another label", about["conflicting"])
    return examples
