"""Labelled variants of a genome as pairs of alleles: a VCF with labels in INFO, or a table of variants."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from genoglot.errors import InputError, few
from genoglot.examples.finishing import finished
from genoglot.examples.labels import read_labels, unknown_cells
from genoglot.examples.sequences import row_chunks
from genoglot.examples.splitting import by_column, by_hash, group_keys, keep_together, neighbour_groups
from genoglot.examples.store import Examples
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome
from genoglot.variants.alleles import SCORED, Edit, read_alleles
from genoglot.variants.haplotypes import longest_allele, pair_windows
from genoglot.variants.info import read_info
from genoglot.variants.records import AT_ONCE, VariantFile, chunked, info_name, open_variants
from genoglot.variants.splitting import FEWEST

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variants:
    """The alleles of a file of variants, those with several ALT one by one, in order.

    Attributes:
        path: of the file.
        frame: columns line (of BCF, the record), contig (of the genome), number (of the contig, -1 if there is none),
            pos (0-based), ref, alt, and reason: why there is no window, empty where there is one.
        edits: what each allele changes.
        text: what the file says of each allele in the columns that were asked for, "" where nothing.
        several: how many cells have one value for several alleles, which does not say whose it is.
    """

    path: Path
    frame: pd.DataFrame
    edits: Sequence[Edit]
    text: pd.DataFrame
    several: int

    @property
    def where(self) -> pd.Series:
        """The file and line of each allele."""
        return f"{self.path}, line " + self.frame["line"].astype(str)

    def take(self, kept: np.ndarray) -> "Variants":
        """Some of the alleles, by a mask."""
        frame, text = (table[kept].reset_index(drop=True) for table in (self.frame, self.text))
        edits = [self.edits[row] for row in np.flatnonzero(kept).tolist()]
        return Variants(self.path, frame, edits, text, self.several)


def read_variants(on: TaskGenome, settings: Mapping[str, Any]) -> Examples:
    """Pairs of windows of a model's length, with REF and with ALT in their middle, and labels, in the file's order.

    The file need not be sorted. Alleles without a window or a label are left out and counted, by the reasons of
    `genoglot.variants.alleles`; so is what would put variants of one group on two sides (`splitting.keep_together`). A
    group are those that the column `group` says, or else those whose windows overlap from one to the next.

    Args:
        settings: `variants`, `column`, `group`, `kind` and `split`, as the configuration has them; `max_length`, most
            bases of an allele, and `max_mismatch`, the share of REF that may differ from the genome.

    Raises:
        InputError: the file is none of variants of this genome, a label does not fit, or there is nothing to learn.
    """
    asked, by = settings["column"], settings["split"]["by"]
    labels = [asked] if isinstance(asked, str) else list(asked)
    others = [settings["group"]] if settings["group"] is not None else []
    others += [settings["split"]["column"]] if by == "column" else []
    longest = longest_allele(on.window, settings["max_length"])
    found = _alleles(Path(settings["variants"]), on.sequence, on.known, [*labels, *others], longest)
    reasons = found.frame["reason"].value_counts().drop(SCORED, errors="ignore")
    _refuse_another_genome(found, on.sequence, settings["max_mismatch"])
    found = found.take((found.frame["reason"] == SCORED).to_numpy())
    target, truth, labelled = read_labels(found.text[labels], settings["kind"], found.where)
    if not labelled.any():
        raise InputError(f"{found.path}: no variant that has a window has a label in {few(labels)}")
    found, truth = found.take(labelled), truth[labelled]
    codes, starts = _windows(found, on.sequence, on.window)
    frame = found.frame.drop(columns="reason").assign(start=starts, end=starts + on.window, strand=".")
    group = found.text[settings["group"]] if settings["group"] is not None else None
    frame.insert(0, "group", neighbour_groups(frame) if group is None else pd.factorize(group)[0])
    split, across, origin = _split(found, frame, on, settings)
    frame.insert(0, "split", split)
    about = {
        "source": [str(found.path)],
        "left_out": {
            "no label": int((~labelled).sum()),
            **{str(reason): int(count) for reason, count in reasons.items()},
            "across a border of the splits": int(across.sum()),
            "cells without a value": unknown_cells(target, truth[~across]),
            "cells with one value for several alleles": found.several,
        },
        "origin": origin,
    }
    examples = Examples(target, frame, codes, truth, about).take(np.flatnonzero(~across))
    return finished(examples, settings["split"]["drop"], str(found.path))


def _alleles(path: Path, genome: Genome, names: ContigNames, columns: Sequence[str], longest: int) -> Variants:
    """All alleles of a file, with the text of INFO keys or of a table's columns."""
    source = open_variants(path)
    keys = [info_name(column) if source.kind == "table" else column for column in columns]
    parts, edits = [], list[Edit]()
    for records in chunked(source.records(), AT_ONCE):
        alleles = read_alleles(records, genome, names, longest)
        mine = [records[index] for index in alleles.record]
        parts.append(
            pd.DataFrame(
                {
                    "line": [record.number for record in mine],
                    "contig": genome.contigs.index.to_numpy(dtype=object)[np.maximum(alleles.contig, 0)],
                    "number": alleles.contig,
                    "pos": [record.position for record in mine],
                    "ref": [record.ref for record in mine],
                    "alt": alleles.alt,
                    "reason": alleles.reason,
                }
            )
        )
        edits += alleles.edits
    if not parts:
        raise InputError(f"{path}: there is no variant in it")
    info = read_info(path, list(dict.fromkeys(keys)), "the task")
    read = {column: _texts(info, key, source) for column, key in zip(columns, keys, strict=True)}
    text = pd.DataFrame({column: texts for column, (texts, _) in read.items()}, dtype=object)
    return Variants(path, pd.concat(parts, ignore_index=True), edits, text, sum(count for _, count in read.values()))


def _texts(info: pd.DataFrame, key: str, source: VariantFile) -> tuple[list[str], int]:
    """What INFO says of each allele, and of how many it has one value for several of them.

    A flag is 1 where it is and 0 elsewhere.
    """
    flag, several = any(value is True for value in info[key]), 0
    texts = []
    for value, allele, alleles in zip(info[key], info["allele"], info["alleles"], strict=True):
        if isinstance(value, tuple):
            several += len(value) != alleles > 1
            value = value[allele] if len(value) == alleles else ",".join(value) if alleles == 1 else None
        text = ("0" if flag else "") if value is None else "1" if value is True else str(value)
        texts.append(unquote(text) if source.kind == "table" else text)
    return texts, several


def _refuse_another_genome(found: Variants, genome: Genome, most: float) -> None:
    """Raise `InputError` if no allele has a window, or if too many REF are not those of the genome."""
    reason = found.frame["reason"]
    wrong, known = int((reason == "REF_MISMATCH").sum()), int((reason != "CONTIG_UNKNOWN").sum())
    if wrong >= FEWEST and wrong > most * known:
        first = found.frame[reason == "REF_MISMATCH"].iloc[0]
        raise InputError(
            f"{found.where[first.name]}: {wrong} of {known} REF alleles differ from the genome {genome.folder}, more "
            f"than {most:.0%} (scoring.max_ref_mismatch), the first of them {first['contig']}:{first['pos'] + 1} "
            f"{first['ref']}. Were the variants called on another assembly? Positions of a table are counted from 1"
        )
    if not (reason == SCORED).any():
        counts = ", ".join(f"{name}: {count}" for name, count in reason.value_counts().items())
        raise InputError(f"{found.path}: no allele has a window on the genome {genome.folder} ({counts})")


def _windows(found: Variants, genome: Genome, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Base codes (alleles, 2, window), REF first, and where the windows with REF begin, (alleles,)."""
    number = found.frame["number"].to_numpy()
    codes = np.empty((len(number), 2, window), dtype=np.uint8)
    starts = np.empty(len(number), dtype=np.int64)
    for rows in row_chunks(len(number), 2 * window):
        codes[rows], starts[rows] = pair_windows(genome, number[rows], found.edits[rows], window)
    return codes, starts


def _split(
    found: Variants, frame: pd.DataFrame, on: TaskGenome, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, str]:
    """The split of each pair, which are left out lest a group be on two sides, and where the splits are from."""
    split, group = settings["split"], settings["group"]
    if split["by"] == "column":
        column = split["column"]
        return by_column(found.text[column], found.where), np.zeros(len(frame), dtype=bool), f"the column {column}"
    if split["by"] == "hash" and group is not None:
        drawn = by_hash(group_keys(found.text[group], found.where), split, on.seed, "split")
        return drawn, np.zeros(len(frame), dtype=bool), f"drawn by a hash of {group}"
    drawn, across, origin = on.splits(frame, split)
    return drawn, keep_together(drawn, across, frame["group"].to_numpy()), origin
