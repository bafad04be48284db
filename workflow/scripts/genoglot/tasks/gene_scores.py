"""Exons, genes and splice sites of annotation tasks: what each contestant's probabilities of bases make of them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genoglot.examples.grid import stretches
from genoglot.examples.store import Examples
from genoglot.examples.target import known_bins
from genoglot.genes.decoding import Decoder
from genoglot.genes.scores import Exon, Tally, class_genes, decoded_genes, splice_scores

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
            found.append(
                _decoded(examples, "test", arrays["test"], chosen)
                | {"splice": _splice(examples, arrays["test"]), "weight": chosen.weight}
            )
            if start == "pretrained" and seed == kept:
                decoder = chosen
        scores[start] = _mean(found)
    for name, predicted in floors.items():
        called = _called(examples, predicted) if name == RULE else {}
        scores[name] = called | {"splice": _splice(examples, predicted)}
    return scores, decoder.describe()


def _chosen(examples: Examples, predicted: np.ndarray, plain: Decoder) -> Decoder:
    """The decoder with the weight of which validation has the best F1 of exons, of equal ones the smallest."""
    decoders = [replace(plain, weight=weight) for weight in WEIGHTS]
    found = [_decoded(examples, "validation", predicted, decoder)["exons"]["f1"] or 0.0 for decoder in decoders]
    log.info("F1 of validation exons by weight: %s", dict(zip(WEIGHTS, np.round(found, 4).tolist(), strict=True)))
    return decoders[int(np.argmax(found))]


def _decoded(examples: Examples, split: str, predicted: np.ndarray, decoder: Decoder) -> dict[str, Any]:
    """Exons and genes that a decoder finds in a split."""

    def genes(codes: np.ndarray, likely: np.ndarray) -> list[list[Exon]]:
        return decoded_genes(decoder.genes(codes, likely))

    return _tallied(examples, split, predicted, genes)


def _called(examples: Examples, predicted: np.ndarray) -> dict[str, Any]:
    """Exons and genes that the likeliest classes of the test bases spell."""
    return _tallied(
        examples, "test", predicted, lambda _, likely: class_genes(likely.argmax(axis=1), examples.target.names)
    )


def _tallied(
    examples: Examples,
    split: str,
    predicted: np.ndarray,
    genes: Callable[[np.ndarray, np.ndarray], list[list[Exon]]],
) -> dict[str, Any]:
    """Counts of what `genes` makes of the codes and probabilities of the stretches of a split."""
    rows, margin = examples.rows(split), examples.about["margin"]
    codes, truth, tally = examples.codes[rows], examples.truth[rows], Tally()
    for stretch in stretches(examples.frame.iloc[rows], margin):
        joined = [stretch.joined(values, margin) for values in (codes, predicted)]
        tally.add(stretch.joined(truth, margin), examples.target.names, genes(*joined))
    return tally.describe()


def _splice(examples: Examples, predicted: np.ndarray) -> dict[str, Any]:
    truth, likely = known_bins(examples.target, examples.truth[examples.rows("test")], predicted)
    return splice_scores(truth, likely, examples.target.names)


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
