"""Windows of a genome labelled with their region class, from its annotation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.embeddings.windows import genome_windows, window_regions
from genoglot.errors import InputError
from genoglot.genome.names import ContigNames
from genoglot.genome.region_classes import UNANNOTATED
from genoglot.genome.regions import read_regions
from genoglot.genome.store import Genome
from genoglot.tasks.examples import TEST, TRAIN, VALIDATION, Examples, checked
from genoglot.tasks.overlap import without_overlap
from genoglot.tasks.splitting import by_contig, by_corpus, by_hash, groups_of, place_keys
from genoglot.tasks.tables import warned
from genoglot.tasks.target import Target

FEWEST = 10  # examples of a class, in training and in test, below which it is left out


def region_examples(
    genome: Genome,
    regions: Path,
    window: int,
    settings: Mapping[str, Any],
    name: str,
    corpus: Mapping[str, Any],
    seed: int,
) -> Examples:
    """Windows that do not overlap, labelled with the region class of most of their central half.

    What the model's `corpus` holds out of the genome `name` tests (see `splitting.held_out`); where that is nothing, or
    the settings say so, splits are by hash of runs of neighbouring windows, or by contigs. Classes too rare to be
    learnt or tested are left out, unlabelled windows too; a class has at most `max_per_class` windows to train and as
    many to choose the epoch, if that is a number.

    Raises:
        InputError: fewer than two classes are left.
    """
    frame = genome_windows(genome, window, window)
    frame["label"] = window_regions(read_regions(regions, genome), genome, frame)
    frame["group"] = groups_of(frame, window)
    labelled = (frame["label"] != UNANNOTATED).to_numpy()
    keys, split = place_keys(frame, window), settings["split"]
    across, origin = np.zeros(len(frame), dtype=bool), "drawn by a hash of the place"
    share = split[VALIDATION] if isinstance(split[VALIDATION], int | float) else 0.1
    held = by_corpus(frame, genome, name, corpus, keys, share, seed) if split["by"] == "auto" else None
    if held is not None:
        frame["split"], across = held
        origin = "tested on what the model's corpus held out"
    elif split["by"] == "contig":
        frame["split"], origin = (
            by_contig(frame["contig"], split, ContigNames.of(genome.contigs.index, None), "split"),
            "contig",
        )
    elif split["by"] == "column":
        raise InputError("split.by: column: region classes come from an annotation, which has no such column")
    else:
        frame["split"] = by_hash(keys, split, seed, True, "split")
    frame = frame[labelled & ~across]
    counts = frame.groupby(["label", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[TRAIN, TEST], fill_value=0)
    classes = counts.index[(counts >= FEWEST).all(axis=1)]
    if len(classes) < 2:
        raise InputError(
            f"{regions}: fewer than two region classes have {FEWEST} windows both in training and in test; "
            f"windows per class are {counts.to_dict('index')}"
        )
    rare = frame[~frame["label"].isin(classes)]
    frame = frame[frame["label"].isin(classes)]
    if settings["max_per_class"] is not None:
        seen = frame[frame["split"] != TEST].sample(frac=1, random_state=seed)
        kept = seen.groupby(["split", "label"]).head(settings["max_per_class"])
        frame = pd.concat([kept, frame[frame["split"] == TEST]])
    frame = frame.sort_values(["number", "start"], ignore_index=True)
    names = sorted(classes)
    codes = genome.windows(frame["number"].to_numpy(), frame["start"].to_numpy(), window)
    truth = pd.Categorical(frame["label"], categories=names).codes.astype(np.int64)
    left_out = {
        "without a class": int((~labelled).sum()),
        "across a border of the splits": int((labelled & across).sum()),
        **{f"of the rare class {label}": int(count) for label, count in rare["label"].value_counts().items()},
    }
    about = {"source": ["the annotation"], "left_out": left_out, "origin": origin}
    place = f"region classes of {name}"
    found = Examples(Target("classes", tuple(names)), frame.drop(columns="label"), codes, truth, about)
    return warned(checked(without_overlap(found, split["drop"]), place))
