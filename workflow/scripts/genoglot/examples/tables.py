"""Labelled sequences from tables: CSV, TSV or Parquet."""

import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genoglot.compression import open_plain
from genoglot.errors import InputError, few
from genoglot.examples.finishing import finished
from genoglot.examples.labels import read_labels, unknown_cells
from genoglot.examples.sequences import encode_sequences, sequence_keys
from genoglot.examples.splitting import by_column, by_hash, group_keys
from genoglot.examples.store import SPLITS, TEST, TRAIN, VALIDATION, Examples

log = logging.getLogger(__name__)

PARQUET = b"PAR1"  # its first bytes


def read_tables(settings: Mapping[str, Any], window: int, seed: int) -> Examples:
    """The labelled sequences of a task's tables.

    Args:
        settings: `sequences` (paths by split, None where there is none), `columns` (`sequence`, `label`), `kind`,
            `split`, `crop` and `group`, as the configuration has them. Two columns of sequences are those of pairs of
            alleles, REF first.
        window: longest sequence that the model reads.
        seed: of the splits that are drawn.

    Raises:
        InputError: a file is no such table, a cell does not fit, or there is nothing to learn.
    """
    files = {split: settings["sequences"][split] for split in SPLITS if settings["sequences"][split] is not None}
    labels = settings["columns"]["label"]
    labels = [labels] if isinstance(labels, str) else list(labels)
    alleles = settings["columns"]["sequence"]
    alleles = [alleles] if isinstance(alleles, str) else list(alleles)
    group = [] if settings["group"] is None else [settings["group"]]
    table = _joined(files, [*alleles, *group], labels, settings["split"])
    target, truth, known = read_labels(table[labels], settings["kind"], table["where"])
    if not known.any():
        raise InputError(f"{files[TRAIN]}: no row has a label in {few(labels)}")
    if not known.all():
        log.warning("%d rows have no label and are left out: %s", (~known).sum(), few(table["where"][~known]))
    same = _without_change(table, alleles)
    kept = known & ~same
    if not kept.any():
        raise InputError(f"{files[TRAIN]}: {few(alleles)} are the same in all rows that have a label")
    table, truth = table[kept].reset_index(drop=True), truth[kept]
    codes, ambiguous, sizes = _codes(table, alleles, window, settings["crop"])
    keys = (
        group_keys(table[group[0]], table["where"])
        if group
        else sequence_keys(codes if codes.ndim == 2 else codes[:, 0])
    )
    what = group[0] if group else "sequence" if codes.ndim == 2 else "sequence with REF"
    split, origin = _splits(table, keys, list(files), settings["split"], seed, what)
    frame = pd.DataFrame(
        {"split": split, "group": pd.factorize(keys)[0], "file": table["file"].astype(str), "line": table["line"]}
    )
    about = {
        "source": [str(path) for path in files.values()],
        "left_out": {
            "no label": int((~known).sum()),
            **({"ALT is REF": int((known & same).sum())} if codes.ndim == 3 else {}),
            "cells without a value": unknown_cells(target, truth),
        },
        "ambiguous": ambiguous,
        "cropped": int((sizes > window).any(axis=1).sum()),
        "lengths": [int(sizes.min()), int(sizes.max())],
        "origin": origin,
    }
    return finished(Examples(target, frame, codes, truth, about), settings["split"]["drop"], str(files[TRAIN]))


def _without_change(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Which rows have the same sequence twice, bool (rows,); of single sequences none."""
    first, *others = (table[column].str.strip().str.upper() for column in columns)
    return (first == others[0]).to_numpy() if others else np.zeros(len(table), dtype=bool)


def _codes(table: pd.DataFrame, columns: list[str], window: int, crop: bool) -> tuple[np.ndarray, int, np.ndarray]:
    """Base codes as in `Examples`, how many sequences have ambiguous letters, and lengths, int64 (rows, columns)."""
    texts = [table[column].str.strip() for column in columns]
    sizes = np.stack([text.str.len().to_numpy(dtype=np.int64) for text in texts], axis=1)
    for size in sizes.T:
        _check_lengths(pd.Series(size), table["where"], window, crop)
    found = [encode_sequences(text, table["where"], min(window, int(sizes.max()))) for text in texts]
    codes = [codes for codes, _ in found]
    return codes[0] if len(codes) == 1 else np.stack(codes, axis=1), sum(count for _, count in found), sizes


def _joined(
    files: Mapping[str, str], others: list[str], labels: list[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """The rows of all files: their columns, `file`, `line`, `where` (both, for messages) and `split`.

    The split is that of the file; where a column tells it, the training file has that too.
    """
    tables = []
    for split, path in files.items():
        column = [settings["column"]] if split == TRAIN and settings["by"] == "column" else []
        table = read_table(path, [*others, *labels, *column])
        own = table[column[0]] if column else pd.Series(split, index=table.index)
        where = f"{path}, line " + table["line"].astype(str)
        kept = list(dict.fromkeys([*others, *labels]))
        tables.append(table[kept].assign(file=str(path), line=table["line"], where=where, split=own))
    return pd.concat(tables, ignore_index=True)


def _check_lengths(sizes: pd.Series, where: pd.Series, window: int, crop: bool) -> None:
    long = sizes > window
    if long.any() and not crop:
        first = int(long.to_numpy().argmax())
        raise InputError(
            f"{where.iloc[first]}: the sequence has {sizes.iloc[first]:,} bases, and the model reads windows of "
            f"{window:,} ({long.sum():,} such in all); set crop: true to take their middle, or take a model of larger "
            "windows"
        )


def _splits(
    table: pd.DataFrame, keys: np.ndarray, files: list[str], settings: Mapping[str, Any], seed: int, what: str
) -> tuple[np.ndarray, str]:
    """The split of each row, and in words where it is from.

    It is that of the row's file, or what the column of the training file says; what neither is for is drawn from the
    training file by hash of the keys, which are those of `what`.
    """
    if settings["by"] == "contig":
        raise InputError("split.by: contig: sequences of a table lie on no contig; take hash or column")
    if settings["by"] == "column":
        return by_column(table["split"], table["where"]), f"the column {settings['column']}"
    drawn = tuple(split for split in (VALIDATION, TEST) if split not in files)
    split = table["split"].to_numpy(dtype=object)
    own = split == TRAIN
    split[own] = by_hash(keys[own], settings, seed, "split", drawn)
    return split, f"{' and '.join(drawn)} drawn by a hash of the {what}" if drawn else "a file for each"


def read_table(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a table as text, and `line` (the header is line 1; of Parquet, the row from 1).

    Parquet is told by its first bytes, and tabs from commas by the header, whatever the file is called. Lines without
    anything are passed over.

    Raises:
        InputError: the file is no table, lacks a column, or has no rows.
    """
    with open_plain(path) as handle:
        raw = handle.read()
    table = _parquet(path, raw, columns) if raw.startswith(PARQUET) else _text(path, raw, columns)
    if table.empty:
        raise InputError(f"{path}: there is no row below the header")
    return table


def _parquet(path: str | Path, raw: bytes, columns: list[str]) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        _need(path, columns, file.schema_arrow.names)
        table = file.read(list(dict.fromkeys(columns)))
        text = [pc.cast(column, pa.large_string()) for column in table.columns]
    except pa.ArrowException as error:
        raise InputError(f"{path}: not Parquet with columns of text and numbers ({error})") from None
    found = pa.table(text, names=table.column_names).to_pandas().fillna("")
    return found.assign(line=np.arange(1, len(found) + 1))


def _text(path: str | Path, raw: bytes, columns: list[str]) -> pd.DataFrame:
    if not raw.strip():
        raise InputError(f"{path}: the file is empty; expected a header with {few(columns)} and a row an example")
    separator = "\t" if b"\t" in raw.lstrip().split(b"\n", 1)[0] else ","
    words = "tabs" if separator == "\t" else "commas"
    try:
        with warnings.catch_warnings():
            # of rows longer than the header, which would lose their last cells
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(raw), sep=separator, dtype=str, index_col=False, keep_default_na=False,
                skip_blank_lines=False, encoding="utf-8-sig",
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a table whose columns are separated by {words} ({error})") from None
    _need(path, columns, list(table.columns))
    table = table[list(dict.fromkeys(columns))].fillna("").assign(line=np.arange(2, len(table) + 2))
    return table[(table[columns] != "").any(axis=1)]


def _need(path: str | Path, wanted: list[str], there: list[str]) -> None:
    if missing := [name for name in wanted if name not in there]:
        raise InputError(
            f"{path}: there is no column {few(missing)}; it has {few(list(map(str, there)))}. The task's `columns` "
            "says how they are called"
        )
