"""One training of a task: from a pretrained network or from random weights, with one seed."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays

from genoglot.examples.store import Examples
from genoglot.files import atomic_path, write_json
from genoglot.model.hardware import prepare
from genoglot.model.inference import untrained
from genoglot.model.language_model import LanguageModel, load_language_model
from genoglot.tasks import FROM_SCRATCH, PRETRAINED
from genoglot.tasks.heads import save_head
from genoglot.tasks.network import TaskNetwork, adapt, measure_spread, set_dropout
from genoglot.tasks.pairing import pairing
from genoglot.tasks.probing import probe
from genoglot.tasks.training import FASTER, TaskModel, finetune

log = logging.getLogger(__name__)

RUN, OUTPUTS = "run.json", "predictions.safetensors"


def finetune_head(
    model: Path,
    examples: Path,
    output: Path,
    name: str,
    task: str,
    start: str,
    seed: int,
    settings: Mapping[str, Any],
    threads: int,
) -> None:
    """Train once; write the head, what it is, how it came about, and predictions of validation and test examples.

    Of several learning rates the one is kept that validation finds best.

    Args:
        model: folder of the pretrained model.
        examples: folder of `Examples`.
        output: folder for `head.safetensors`, `head.json`, `run.json` and `predictions.safetensors`.
        name, task: of model and task, as the study has them.
        start: `PRETRAINED` or `FROM_SCRATCH`.
        settings: of the task, with `precision`.

    Raises:
        InputError: the network cannot be trained in the mode of the task, or diverges.
    """
    precision = prepare(threads, settings["precision"])
    labelled = Examples.load(examples)
    trained, found = best_of_rates(Path(model), labelled, start, settings, precision, seed)
    batch = FASTER * settings["batch_size"]
    arrays = {
        split: trained.predict(labelled.codes[labelled.rows(split)], batch, precision)
        for split in ("validation", "test")
    }
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    with atomic_path(output / OUTPUTS) as temporary:
        save_arrays(arrays, temporary)
    about = {"backbone": name, "task": task, "start": start}
    if labelled.target.dense:
        about["margin"] = labelled.about["margin"]
    save_head(output, trained, Path(model), settings, about)
    write_json(output / RUN, {"start": start, "seed": seed, **found})


def best_of_rates(
    model: Path, examples: Examples, start: str, settings: Mapping[str, Any], precision: str, seed: int
) -> tuple[TaskModel, dict[str, Any]]:
    """The model of the learning rate that validation finds best, and how it came about."""
    rates = settings["learning_rate"]
    results = []
    for rate in rates if isinstance(rates, list) else [rates]:
        chosen = {**settings, "learning_rate": rate}
        torch.manual_seed(seed)
        network = new_task_network(load_language_model(model), examples, start, chosen)
        train, validation = (
            (examples.codes[rows], examples.truth[rows]) for rows in map(examples.rows, ("train", "validation"))
        )
        if examples.paired:
            measure_spread(network, train[0], precision)
        log.info("%s, seed %d, learning rate %g", start, seed, rate)
        if settings["mode"] == "probe" and not examples.target.dense:
            made, found = probe(network, examples.target, train, validation, chosen, precision, seed)
        else:
            made, found = finetune(network, examples.target, train, validation, chosen, precision, seed)
        results.append((found["validation"], -found["validation_error"], made, {"learning_rate": rate, **found}))
    best = max(results, key=lambda result: result[:2])
    return best[2], {
        **best[3],
        "learning_rates": [{"rate": r[3]["learning_rate"], "validation": r[0]} for r in results],
    }


def new_task_network(model: LanguageModel, examples: Examples, start: str, settings: Mapping[str, Any]) -> TaskNetwork:
    """A network for a task as it is before training, on the machine's device; random weights by torch's seed.

    In mode `lora` the twin from scratch is trained whole: updates of random weights would be too weak a rival. In mode
    `probe` the backbone is left as it is; a probe of a dense target is trained as other networks are, since the vectors
    of all bins are more than can be kept.
    """
    if start == FROM_SCRATCH:
        model = untrained(model)
    model = model.at_layer(settings["layer"])
    effect = pairing(examples.paired, examples.target, settings["effect"])
    pooling, dropout = settings["pooling"], settings["dropout"]
    network = TaskNetwork(model, examples.target, pooling, examples.length, dropout, effect)
    if settings["network_dropout"] is not None and settings["mode"] != "probe":
        set_dropout(network.backbone, settings["network_dropout"])
    if settings["mode"] == "lora" and start == PRETRAINED:
        adapt(network, **settings["lora"])
    if settings["mode"] == "probe":
        network.backbone.requires_grad_(False)
    return network


def load_predictions(folder: Path) -> dict[str, np.ndarray]:
    """Predictions of a run, by split."""
    return load_arrays(Path(folder) / OUTPUTS)
