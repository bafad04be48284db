"""The examples of a task, wherever they come from."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoglot.genome.store import Genome
from genoglot.model.folder import model_window
from genoglot.tasks.annotation import annotated_windows
from genoglot.tasks.intervals import read_intervals
from genoglot.tasks.regions import region_examples
from genoglot.tasks.tables import read_tables
from genoglot.tasks.tracks import track_windows
from genoglot.tasks.variants import read_variants

log = logging.getLogger(__name__)


def read_examples(
    model: Path,
    sequence: Path | None,
    regions: Path | None,
    names: Path | None,
    annotation: Path | None,
    output: Path,
    settings: Mapping[str, Any],
    genome: str | None,
    corpus: Mapping[str, Any],
    seed: int,
) -> None:
    """Read the labelled examples of a task as a model sees them; write `examples.parquet` and `examples.json`.

    Args:
        model: its folder; no example is longer than its window.
        sequence, regions, names, annotation: folder of the tokenized genome, its region classes, the names of its
            contigs and its annotation, where the task is about a genome and needs them.
        settings: of the task, as `Study.example_settings` gives them.
        genome: its name.
        corpus: settings `split`, `validation` and `test` of the model's corpus.

    Raises:
        InputError: the labels cannot be read, or nothing can be learnt from them.
    """
    window = model_window(model)
    if settings["sequences"] is not None:
        examples = read_tables(settings, window, seed)
    else:
        assert sequence is not None
        assert genome is not None
        store = Genome(Path(sequence))
        if settings["kind"] == "annotation":
            assert annotation is not None
            examples = annotated_windows(store, annotation, names, window, settings, genome, corpus, seed)
        elif settings["tracks"] is not None:
            examples = track_windows(store, names, window, settings, genome, corpus, seed)
        elif settings["bed"] is not None:
            examples = read_intervals(settings, store, names, window, seed, genome, corpus)
        elif settings["variants"] is not None:
            examples = read_variants(settings, store, names, window, seed, genome, corpus)
        else:
            assert regions is not None
            examples = region_examples(store, regions, window, settings, genome, corpus, seed)
    counts = ", ".join(f"{len(examples.rows(split)):,} {split}" for split in ("train", "validation", "test"))
    log.info("%d examples (%s) of %s", len(examples.codes), counts, ", ".join(examples.target.names))
    examples.save(Path(output))
