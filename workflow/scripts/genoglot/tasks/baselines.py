"""What a task's examples are predicted to be without training a network."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from genoglot.examples.store import Examples
from genoglot.files import atomic_path
from genoglot.model.hardware import prepare
from genoglot.model.inference import Predictor
from genoglot.model.language_model import LanguageModel, load_language_model
from genoglot.tasks.dense_floors import dense_floors
from genoglot.tasks.floors import (
    kmer_predictions,
    likelihood_predictions,
    majority_predictions,
    neighbour_predictions,
    predicted_rows,
)
from genoglot.tasks.likelihood import likelihood_ratios
from genoglot.tasks.network import TaskNetwork
from genoglot.tasks.pairing import DIFFERENCE
from genoglot.tasks.probing import vectors_of
from genoglot.tasks.training import FASTER

log = logging.getLogger(__name__)

FLOORS = ("kmer", "orf", "likelihood", "neighbours", "majority")


def fit_floors(model: Path, examples: Path, output: Path, settings: Mapping[str, Any], seed: int, threads: int) -> None:
    """Write predictions of the test examples by the `FLOORS` that the task has, float32 (examples, names), as
    safetensors.

    Nearest neighbours are looked for among vectors of the pretrained network, everything else knows the sequence alone.
    Dense targets have the floors of `dense_floors`, pairs of alleles also what the pretrained model finds likelier.

    Args:
        model: folder of the pretrained model.
        examples: folder of `Examples`.
        settings: of the task, with `precision`.
    """
    precision = prepare(threads, settings["precision"])
    labelled = Examples.load(examples)
    if labelled.target.dense:
        found = dense_floors(labelled, settings, seed)
    else:
        found = _floors(Path(model), labelled, settings, precision, seed)
        if labelled.paired:
            found["likelihood"] = _likelihood(
                Predictor.open(Path(model), dict(settings), threads), labelled, settings, seed
            )
    with atomic_path(Path(output)) as temporary:
        save_file({name: np.ascontiguousarray(values) for name, values in found.items()}, temporary)


def _floors(
    model: Path, labelled: Examples, settings: Mapping[str, Any], precision: str, seed: int
) -> dict[str, np.ndarray]:
    """Predictions of the test examples by floors of whole sequences."""
    log.info("k-mers")
    found = {"kmer": kmers_of(labelled, settings, seed)}
    log.info("nearest neighbours of %d examples", len(labelled.codes))
    vectors = pretrained_vectors(load_language_model(model), labelled, settings, precision)
    found["neighbours"] = neighbour_predictions(vectors, labelled.truth, labelled.split, labelled.target)
    found["majority"] = majority_predictions(labelled.truth, labelled.split, labelled.target)
    test = labelled.split[predicted_rows(labelled.split)] == "test"
    return {name: values[test] for name, values in found.items()}


def _likelihood(predictor: Predictor, labelled: Examples, settings: Mapping[str, Any], seed: int) -> np.ndarray:
    """Predictions of the test examples from how much likelier the pretrained model finds ALT than REF."""
    log.info("log-likelihood ratios")
    ratios = likelihood_ratios(predictor, labelled.codes)
    balanced = settings["balanced"]
    found = likelihood_predictions(ratios, labelled.truth, labelled.split, labelled.target, seed, balanced)
    return found[labelled.split[predicted_rows(labelled.split)] == "test"]


def kmers_of(examples: Examples, settings: Mapping[str, Any], seed: int) -> np.ndarray:
    """Predictions of the validation and test examples from their k-mers, read as the task reads its strands."""
    both = settings["strands"] == "both"
    return kmer_predictions(
        examples.codes, examples.truth, examples.split, examples.target, seed, both, settings["balanced"]
    )


def pretrained_vectors(
    model: LanguageModel, examples: Examples, settings: Mapping[str, Any], precision: str
) -> np.ndarray:
    """A vector of each example by the pretrained network, float32 (examples, dim), that no training has touched.

    Of a pair of alleles it is what ALT changes. Pooled as the task says; where that would have to be learnt, the mean.
    """
    pooling = "mean" if settings["pooling"] == "attention" else settings["pooling"]
    effect = DIFFERENCE if examples.paired else None
    network = TaskNetwork(model.at_layer(settings["layer"]), examples.target, pooling, examples.length, effect=effect)
    both = settings["strands"] == "both"
    return vectors_of(network, examples.codes, FASTER * settings["batch_size"], precision, both)
