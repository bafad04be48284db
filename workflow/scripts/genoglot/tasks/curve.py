"""How much a task is learnt from few labels: draws of the examples, and what each contestant makes of them."""

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genoglot.examples.store import Examples
from genoglot.files import write_json
from genoglot.model.hardware import prepare
from genoglot.model.language_model import load_language_model
from genoglot.tasks import STARTS
from genoglot.tasks.baselines import kmers_of, pretrained_vectors
from genoglot.tasks.few_shot import draw_few, few_shot_means, short_classes
from genoglot.tasks.floors import neighbour_predictions, predicted_rows
from genoglot.tasks.metrics import MEASURES, measure
from genoglot.tasks.runs import best_of_rates
from genoglot.tasks.training import FASTER

log = logging.getLogger(__name__)

FEWEST_STEPS = 100


def learn_from_few(
    model: Path,
    examples: Path,
    output: Path,
    settings: Mapping[str, Any],
    few_shot: Mapping[str, Any],
    seed: int,
    threads: int,
) -> None:
    """Write the points of the curve: what each contestant reaches on the test examples, by number and draw.

    A draw has as many labelled examples of each class to choose the epoch by as to train on: with more of them, few
    labels would not be few. A smaller draw is part of the larger ones of the same number. Trainings are given as many
    epochs as `FEWEST_STEPS` steps take.

    Args:
        few_shot: `per_class`, numbers of examples, and `draws`.
        Others as of `runs.finetune_head`.
    """
    precision = prepare(threads, settings["precision"])
    labelled = Examples.load(examples)
    vectors = pretrained_vectors(load_language_model(Path(model)), labelled, settings, precision)
    test = labelled.rows("test")
    for number in few_shot["per_class"]:
        for short in short_classes(labelled.target, labelled.truth[labelled.rows("train")], number):
            log.warning("%s has %d training examples, fewer than %d: all are drawn", short["class"], short["n"], number)
    points = []
    for number, draw, rows in draws(labelled, few_shot, seed):
        few = labelled.take(rows)
        own = few.rows("test")
        asked = few.split[predicted_rows(few.split)] == "test"
        batch = min(settings["batch_size"], max(8, len(few.rows("train")) // 4))
        epochs = max(settings["epochs"], math.ceil(FEWEST_STEPS / math.ceil(len(few.rows("train")) / batch)))
        stretched = {
            **settings,
            "batch_size": batch,
            "epochs": epochs,
            "patience": math.ceil(settings["patience"] * epochs / settings["epochs"]),
        }
        found = {
            "kmer": kmers_of(few, settings, seed)[asked],
            "neighbours": neighbour_predictions(vectors[rows], few.truth, few.split, few.target)[asked],
        }
        for start in STARTS:
            trained, _ = best_of_rates(Path(model), few, start, stretched, precision, seed + draw)
            found[start] = trained.predict(few.codes[own], FASTER * settings["batch_size"], precision)
        for contestant, predicted in found.items():
            value = measure(labelled.target, labelled.truth[test], predicted)
            # null where nothing can be measured, as of predictions that are all the same
            kept = value if math.isfinite(value) else None
            points.append({"contestant": contestant, "per_class": number, "draw": draw, "value": kept})
            log.info("%d of a class, draw %d, %s: %.3f", number, draw, contestant, value)
    measured = {"measure": MEASURES[labelled.target.kind], "points": points, "means": few_shot_means(points)}
    write_json(output, measured)


def draws(examples: Examples, few_shot: Mapping[str, Any], seed: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Number, draw (from 0) and the rows of its training and validation examples, and of all test examples."""
    for draw in range(few_shot["draws"]):
        for number in few_shot["per_class"]:
            parts = [
                rows[draw_few(examples.target, examples.truth[rows], number, draw, seed)]
                for rows in map(examples.rows, ("train", "validation"))
            ]
            yield number, draw, np.sort(np.concatenate([*parts, examples.rows("test")]))
