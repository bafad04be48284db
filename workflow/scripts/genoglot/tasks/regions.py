"""Labelled windows of a task, and which of them train, choose the epoch and test."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.corpus.splits import SPLITS, SplitMap
from genoglot.embeddings.windows import genome_windows, window_regions
from genoglot.errors import InputError
from genoglot.genome.region_classes import UNANNOTATED
from genoglot.genome.regions import read_regions
from genoglot.genome.store import Genome

BLOCK = 20  # windows; neighbours share a split, so that none has a twin across the border
FEWEST = 10  # examples of a class, in training and in test, below which it is left out


def split_of_block(contig: str, block: int, seed: int) -> float:
    """A number in [0, 1) that depends on the contig's name, the block's number and the seed alone."""
    return zlib.crc32(f"{seed}:{contig}:{block}".encode()) / 2**32


def held_out(frame: pd.DataFrame, genome: Genome, name: str, corpus: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Which windows a corpus holds out, and which lie across the border of its splits; two bool arrays.

    Held out are the windows of its test split, or, where the genome has none, those of its validation split. `corpus`
    holds its settings `split`, `validation` and `test`; `name` is the genome's.
    """
    splits = SplitMap.of(name, genome.contigs.index, genome.contigs["length"].to_list(), corpus)
    offset = genome.contigs["offset"].to_numpy()[frame["number"]]
    run = splits.run(offset + frame["start"].to_numpy())
    across = run != splits.run(offset + frame["end"].to_numpy() - 1)
    split = splits.splits[run]
    codes = [SPLITS.index(name) for name in ("test", "validation")]
    code = next((code for code in codes if (splits.splits == code).any()), None)
    return (split == code) & ~across, across


def region_examples(
    sequence: Path,
    regions: Path,
    window: int,
    settings: dict[str, Any],
    name: str,
    corpus: dict[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Windows that do not overlap, labelled with the region class of most of their central half.

    Columns contig, number, start, end, label, split. What the model's `corpus` holds out of the genome `name` tests
    (see `held_out`); where that is nothing, a fifth of the blocks does. A tenth of the other blocks chooses the epoch
    (`validation`). Classes too rare to be learnt or tested are left out, unlabelled windows too; a class has at most
    `max_per_class` windows to train and as many to choose the epoch.
    """
    genome = Genome(Path(sequence))
    frame = genome_windows(genome, window, window)
    frame["label"] = window_regions(read_regions(regions, genome), genome, frame)
    here, across = held_out(frame, genome, name, corpus)
    labelled = (frame["label"] != UNANNOTATED).to_numpy() & ~across
    frame, here = frame[labelled].reset_index(drop=True), here[labelled]
    blocks = zip(frame["contig"], frame["start"] // (BLOCK * window), strict=True)
    draw = np.array([split_of_block(contig, block, seed) for contig, block in blocks])
    test = here if here.any() else draw >= 0.8
    frame["split"] = np.where(test, "test", np.where(draw < 0.1, "validation", "train"))
    counts = frame.groupby(["label", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["train", "test"], fill_value=0)
    classes = counts.index[(counts >= FEWEST).all(axis=1)]
    if len(classes) < 2:
        raise InputError(
            f"{regions}: fewer than two region classes have {FEWEST} windows both in training and in test; "
            f"windows per class are {counts.to_dict('index')}"
        )
    frame = frame[frame["label"].isin(classes)]
    seen = frame[frame["split"] != "test"].sample(frac=1, random_state=seed)
    kept = seen.groupby(["split", "label"]).head(settings["max_per_class"])
    return pd.concat([kept, frame[frame["split"] == "test"]]).sort_values(["number", "start"], ignore_index=True)
