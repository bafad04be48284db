"""Windows of a genome labelled with their region class, from its annotation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.embeddings.windows import genome_windows, window_regions
from genoglot.errors import InputError
from genoglot.examples.finishing import finished
from genoglot.examples.sequences import genome_sequences
from genoglot.examples.splitting import groups_of
from genoglot.examples.store import TEST, TRAIN, Examples
from genoglot.examples.target import Target
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.region_classes import UNANNOTATED
from genoglot.genome.regions import read_regions

FEWEST = 10  # examples of a class, in training and in test, below which it is left out


def region_examples(on: TaskGenome, regions: Path, settings: Mapping[str, Any]) -> Examples:
    """Windows that do not overlap, labelled with the region class of most of their central half.

    What the model's corpus holds out of the genome tests (see `TaskGenome.held_out`); where that is nothing, or the
    settings say so, splits are by hash of runs of neighbouring windows, or by contigs. Classes too rare to be
    learnt or tested are left out, unlabelled windows too; a class has at most `max_per_class` windows to train and as
    many to choose the epoch, if that is a number.

    Raises:
        InputError: fewer than two classes are left.
    """
    if settings["split"]["by"] == "column":
        raise InputError("split.by: column: region classes come from an annotation, which has no such column")
    genome = on.sequence
    frame = genome_windows(genome, on.window, on.window)
    frame["label"] = window_regions(read_regions(regions, genome), genome, frame)
    frame.insert(0, "group", groups_of(frame))
    split, across, origin = on.splits(frame, settings["split"])
    frame.insert(0, "split", split)
    labelled = (frame["label"] != UNANNOTATED).to_numpy()
    frame, rare = _common(frame[labelled & ~across], regions)
    left_out = {
        "without a class": int((~labelled).sum()),
        "across a border of the splits": int((labelled & across).sum()),
        "of a rare class": {str(label): int(count) for label, count in rare.items()},
    }
    if settings["max_per_class"] is not None:
        count = len(frame)
        frame = _sampled(frame, settings["max_per_class"], on.seed)
        left_out["more than max_per_class"] = count - len(frame)
    codes = genome_sequences(genome, frame)
    names = sorted(frame["label"].unique())
    truth = pd.Categorical(frame["label"], categories=names).codes.astype(np.int64)
    about = {"source": ["the annotation"], "left_out": left_out, "origin": origin}
    found = Examples(Target("classes", tuple(names)), frame.drop(columns="label"), codes, truth, about)
    return finished(found, settings["split"]["drop"], f"region classes of {on.name}")


def _common(frame: pd.DataFrame, regions: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Windows of classes of which there is enough, and how many there are of each of the others."""
    counts = frame.groupby(["label", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[TRAIN, TEST], fill_value=0)
    enough = counts.index[(counts >= FEWEST).all(axis=1)]
    if len(enough) < 2:
        raise InputError(
            f"{regions}: fewer than two region classes have {FEWEST} windows both in training and in test; "
            f"windows per class are {counts.to_dict('index')}"
        )
    common = frame["label"].isin(enough)
    return frame[common].reset_index(drop=True), frame["label"][~common].value_counts()


def _sampled(frame: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """A seeded sample of at most so many windows of each class to train and as many to choose; the test set whole."""
    seen = frame[frame["split"] != TEST].sample(frac=1, random_state=seed)
    kept = seen.groupby(["split", "label"]).head(most)
    return pd.concat([kept, frame[frame["split"] == TEST]]).sort_index().reset_index(drop=True)
