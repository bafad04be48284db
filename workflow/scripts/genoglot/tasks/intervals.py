"""Labelled intervals of a genome, from a BED."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.errors import InputError, few
from genoglot.genome.bed import read_bed
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome, reverse_complement
from genoglot.tasks.examples import VALIDATION, Examples, checked
from genoglot.tasks.labels import read_labels
from genoglot.tasks.overlap import without_overlap
from genoglot.tasks.splitting import by_column, by_contig, by_corpus, by_hash, groups_of, place_keys
from genoglot.tasks.tables import warned

log = logging.getLogger(__name__)

STRAND = 6  # the column of a BED that has it, from 1


def read_intervals(
    settings: Mapping[str, Any],
    genome: Genome,
    names: Path | None,
    window: int,
    seed: int,
    name: str,
    corpus: Mapping[str, Any],
) -> Examples:
    """Windows of a model's length, each around the middle of an interval, with its label.

    A window of an interval on the strand `-` is read as its reverse complement. It may reach past the ends of its
    contig, where there is N.

    Args:
        settings: `bed`, `column`, `kind` and `split`, as the configuration has them.
        names: the genome's `names.tsv`, if the BED may call contigs by other names.
        window: bases of a window.
        seed: of the splits that are drawn.
        name: of the genome.
        corpus: settings `split`, `validation` and `test` of the model's corpus.

    Raises:
        InputError: the file is no BED of this genome, a label does not fit, or there is nothing to learn.
    """
    bed = settings["bed"]
    table = read_bed(bed, genome.contigs.reset_index(), names, rest=True)
    fields, header = _fields(table, bed)
    chosen = settings["column"] if isinstance(settings["column"], list) else [settings["column"]]
    labels = pd.DataFrame({_name(column, header): _column(fields, column, header, bed) for column in chosen})
    where = f"{bed}, line " + table["line"].astype(str)
    target, truth, known = read_labels(labels, settings["kind"], where)
    if (~known).any():
        log.warning("%d intervals have no label and are left out: %s", (~known).sum(), few(where[~known]))
    table, fields, truth, where = table[known], fields[known], truth[known], where[known]
    if table.empty:
        raise InputError(f"{bed}: no interval has a label")
    frame = pd.DataFrame(
        {
            "line": table["line"],
            "contig": table["contig"],
            "number": genome.contig_numbers(table["contig"]),
            "start": (table["start"] + table["end"]) // 2 - window // 2,
        }
    ).reset_index(drop=True)
    frame["end"] = frame["start"] + window
    strand = _strands(fields)
    frame["strand"] = strand
    codes = genome.windows(frame["number"].to_numpy(), frame["start"].to_numpy(), window)
    minus = strand == "-"
    codes[minus] = reverse_complement(codes[minus])
    frame["group"] = groups_of(frame, window)
    split, across, origin = _splits(
        frame, genome, names, fields, header, where, settings["split"], seed, name, corpus, bed
    )
    frame["split"] = split
    about = {
        "source": [str(bed)],
        "left_out": {"no label": int((~known).sum()), "across a border of the splits": int(across.sum())},
        "minus_strand": int(minus.sum()),
        "origin": origin,
    }
    kept = np.flatnonzero(~across)
    examples = Examples(target, frame, codes, truth, about).take(kept)
    return warned(checked(without_overlap(examples, settings["split"]["drop"]), str(bed)))


def _splits(
    frame: pd.DataFrame,
    genome: Genome,
    names: Path | None,
    fields: pd.DataFrame,
    header: list[str],
    where: pd.Series,
    settings: Mapping[str, Any],
    seed: int,
    name: str,
    corpus: Mapping[str, Any],
    bed: str,
) -> tuple[np.ndarray, np.ndarray, str]:
    """The split of each window, which lie across a border and belong to none, and where the splits are from."""
    window = int(frame["end"].iloc[0] - frame["start"].iloc[0])
    nowhere = np.zeros(len(frame), dtype=bool)
    keys = place_keys(frame, window)
    if settings["by"] == "column":
        column = settings["column"]
        return by_column(_column(fields, column, header, bed), where), nowhere, f"the column {column}"
    if settings["by"] == "contig":
        known = ContigNames.of(genome.contigs.index, names)
        return by_contig(frame["contig"], settings, known, "split"), nowhere, "by contig"
    if settings["by"] == "auto":
        share = settings[VALIDATION] if isinstance(settings[VALIDATION], int | float) else 0.1
        found = by_corpus(frame, genome, name, corpus, keys, share, seed)
        if found is not None:
            return *found, "tested on what the model's corpus held out"
    return by_hash(keys, settings, seed, True, "split"), nowhere, "drawn by a hash of the place"


def _fields(table: pd.DataFrame, bed: str) -> tuple[pd.DataFrame, list[str]]:
    """All columns of the intervals as text, numbered from 1, and their names if a header has them."""
    fields = table["text"].str.rstrip("\r\n").str.split("\t", expand=True).fillna("")
    fields.columns = range(1, fields.shape[1] + 1)
    header = table.attrs.get("header") or ""
    return fields, [part.strip() for part in header.lstrip("#").split("\t")] if "\t" in header else []


def _column(fields: pd.DataFrame, column: int | str, header: list[str], bed: str) -> pd.Series:
    """A column by its number from 1, or by its name in the header."""
    number = column if isinstance(column, int) else header.index(column) + 1 if column in header else None
    if number is None or number not in fields:
        has = f"a header with {few(header)}" if header else "no header"
        raise InputError(f"{bed}: there is no column {column!r}; the file has {fields.shape[1]} columns and {has}")
    return fields[number]


def _name(column: int | str, header: list[str]) -> str:
    """What a column is called."""
    if isinstance(column, str):
        return column
    return header[column - 1] if len(header) >= column else f"column {column}"


def _strands(fields: pd.DataFrame) -> np.ndarray:
    """The strand of each interval: `+`, `-`, or `.` where the BED does not say."""
    if STRAND not in fields:
        return np.full(len(fields), ".", dtype=object)
    strand = fields[STRAND].str.strip()
    return np.where(strand.isin(["+", "-"]), strand, ".").astype(object)
