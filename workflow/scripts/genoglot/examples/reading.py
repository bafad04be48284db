"""The examples of a task, wherever they come from."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genoglot.examples.annotation import annotated_windows
from genoglot.examples.intervals import read_intervals
from genoglot.examples.regions import region_examples
from genoglot.examples.tables import read_tables
from genoglot.examples.task_genome import TaskGenome
from genoglot.examples.tracks import track_windows
from genoglot.examples.variants import read_variants
from genoglot.genome.store import Genome
from genoglot.model.folder import model_window

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
        on = TaskGenome.of(genome, Genome(Path(sequence)), names, window, corpus, seed)
        if settings["kind"] == "annotation":
            assert annotation is not None
            examples = annotated_windows(on, annotation, settings)
        elif settings["tracks"] is not None:
            examples = track_windows(on, settings)
        elif settings["bed"] is not None:
            examples = read_intervals(on, settings)
        elif settings["variants"] is not None:
            examples = read_variants(on, settings)
        else:
            assert regions is not None
            examples = region_examples(on, regions, settings)
    counts = ", ".join(f"{len(examples.rows(split)):,} {split}" for split in ("train", "validation", "test"))
    log.info("%d examples (%s) of %s", len(examples.codes), counts, ", ".join(examples.target.names))
    examples.save(Path(output))
