"""Labelled windows of a task, and which of them train, choose the epoch and test."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.embeddings.embed import genome_windows, window_regions
from genoglot.errors import InputError
from genoglot.genome.regions import UNANNOTATED, read_regions
from genoglot.genome.store import Genome

BLOCK = 20  # windows; neighbours share a split, so that none has a twin across the border
FEWEST = 10  # examples of a class, in training and in test, below which it is left out


def split_of_block(contig: str, block: int, seed: int) -> float:
    """A number in [0, 1) that depends on the contig's name, the block's number and the seed alone."""
    return zlib.crc32(f"{seed}:{contig}:{block}".encode()) / 2**32


def region_examples(
    sequence: Path, regions: Path, window: int, settings: dict[str, Any], test_contigs: list[str], seed: int
) -> pd.DataFrame:
    """Windows that do not overlap, labelled with the region class of most of their central half.

    Columns contig, number, start, end, label, split. Windows of `test_contigs` test; where the genome has none of
    them, a fifth of the blocks does. A tenth of the other blocks chooses the epoch (`validation`). Classes too rare to
    be learnt or tested are left out, unlabelled windows too; a class has at most `max_per_class` windows
    to train and as many to choose the epoch.
    """
    genome = Genome(Path(sequence))
    frame = genome_windows(genome, window, window)
    frame["label"] = window_regions(read_regions(regions, genome), genome, frame)
    frame = frame[frame["label"] != UNANNOTATED].reset_index(drop=True)
    here = frame["contig"].isin(test_contigs).to_numpy()
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
