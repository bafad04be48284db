"""Exons, genes and splice sites of annotation tasks: what each contestant's probabilities of bases make of them."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genoglot.genes.decoding import Decoder
from genoglot.genes.scores import Tally, class_genes, decoded_genes, splice_scores
from genoglot.tasks.examples import Examples
from genoglot.tasks.grid import stretches
from genoglot.tasks.target import known_bins

log = logging.getLogger(__name__)

WEIGHTS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of a base's probabilities, of which validation chooses
RULE = "orf"  # names genes itself


def gene_scores(
    examples: Examples,
    runs: Mapping[str, Mapping[int, Mapping[str, np.ndarray]]],
    floors: Mapping[str, np.ndarray],
    kept: int,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Scores of each contestant on the test stretches, and the decoder of the pretrained run that is kept, as JSON.

    Genes are decoded (`genoglot.genes.decoding`) with the weight that finds most exons of the validation stretches;
    those of the floor `RULE` are what it calls; other floors have splice sites alone. Scores are means over runs.

    Args:
        runs: of each start, by seed, the predictions (examples, bases, names) of `validation` and `test`.
        floors: predictions of the test examples by each floor.
        kept: the seed of the pretrained run whose decoder is wanted.
    """
    plain = Decoder.of(examples.truth[examples.rows("train")], examples.target.names)
    scores, decoder = {}, plain
    for start, made in runs.items():
        found = []
        for seed, arrays in made.items():
            chosen = _chosen(examples, arrays["validation"], plain)
            found.append(_scores(examples, "test", arrays["test"], chosen) | {"weight": chosen.weight})
            if start == "pretrained" and seed == kept:
                decoder = chosen
        scores[start] = _mean(found)
    for name, predicted in floors.items():
        scores[name] = _scores(examples, "test", predicted, None)
        if name != RULE:
            scores[name] = {"splice": scores[name]["splice"]}
    return scores, decoder.describe()


def _chosen(examples: Examples, predicted: np.ndarray, plain: Decoder) -> Decoder:
    """The decoder with the weight of which validation has the best F1 of exons, of equal ones the smallest."""
    decoders = [replace(plain, weight=weight) for weight in WEIGHTS]
    found = [_scores(examples, "validation", predicted, decoder)["exons"]["f1"] or 0.0 for decoder in decoders]
    log.info("F1 of validation exons by weight: %s", dict(zip(WEIGHTS, np.round(found, 4).tolist(), strict=True)))
    return decoders[int(np.argmax(found))]


def _scores(examples: Examples, split: str, predicted: np.ndarray, decoder: Decoder | None) -> dict[str, Any]:
    """Scores of a split; without a decoder genes are what the likeliest classes spell."""
    rows, margin, names = examples.rows(split), examples.about["margin"], examples.target.names
    codes, truth, tally = examples.codes[rows], examples.truth[rows], Tally()
    for stretch in stretches(examples.frame.iloc[rows], margin):
        classes, likely = stretch.joined(truth, margin), stretch.joined(predicted, margin)
        if decoder is None:
            called = class_genes(likely.argmax(axis=1), names)
        else:
            called = decoded_genes(decoder.genes(stretch.joined(codes, margin), likely))
        tally.add(classes, names, called)
    known, likely = known_bins(examples.target, truth, predicted)
    return tally.describe() | {"splice": splice_scores(known, likely, names)}


def _mean(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over runs of all numbers of nested dicts; what is None somewhere is None."""
    first = entries[0]
    mean: dict[str, Any] = {}
    for key, value in first.items():
        values = [entry[key] for entry in entries]
        if isinstance(value, dict):
            mean[key] = _mean(values)
        else:
            mean[key] = None if None in values else float(np.mean(values))
    return mean
