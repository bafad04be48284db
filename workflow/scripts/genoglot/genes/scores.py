"""How well genes are found: exons and genes with the right ends, and splice sites."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from genoglot.genes.decoding import Gene
from genoglot.genes.labels import SIGNS, UNKNOWN
from genoglot.genome.intervals import runs_of

Exon = tuple[str, int, int]
SITES = ("donor", "acceptor")


def class_genes(classes: np.ndarray, names: tuple[str, ...]) -> list[list[Exon]]:
    """The genes that classes of bases spell: exons (strand, start, end), side by side or with introns between them.

    Left out are genes at the ends of the sequence, and those beside bases that are not known: they may be parts.

    Args:
        classes: of the bases of a sequence, int (bases,), `UNKNOWN` where not known.
        names: of the classes.
    """
    found = []
    for word, sign in SIGNS.items():
        numbers = {name: number for number, name in enumerate(names)}
        coding = classes == numbers[f"CDS_{word}"]
        inner = [numbers[f"{feature}_{word}"] for feature in ("intron", *SITES) if f"{feature}_{word}" in numbers]
        exons = runs_of(coding)
        for start, end in runs_of(coding | np.isin(classes, inner)):
            sides = classes[[start - 1, end]] if start > 0 and end < len(classes) else [UNKNOWN]
            own = exons[(exons[:, 0] >= start) & (exons[:, 1] <= end)]
            if UNKNOWN not in sides and len(own):
                found.append([(sign, int(first), int(last)) for first, last in own])
    return found


def decoded_genes(genes: Iterable[Gene]) -> list[list[Exon]]:
    """Whole genes as `class_genes` gives them."""
    return [[(gene.strand, int(start), int(end)) for start, end in gene.exons] for gene in genes if gene.whole]


class Tally:
    """Counts of exons and genes that are there, that are predicted, and that are both."""

    def __init__(self) -> None:
        self.counts = {kind: np.zeros(3, dtype=np.int64) for kind in ("exons", "genes")}

    def add(self, classes: np.ndarray, names: tuple[str, ...], predicted: list[list[Exon]]) -> None:
        """Count those of a sequence; predicted genes that lie on bases that are not known are not counted.

        Args:
            classes: the true classes of its bases, int (bases,).
            predicted: genes of exons, in its coordinates.
        """
        unknown = np.concatenate([[0], np.cumsum(classes == UNKNOWN)])
        told = [gene for gene in predicted if unknown[gene[-1][2]] == unknown[gene[0][1]]]
        for kind, parts in (("exons", _exons), ("genes", _genes)):
            true, called = set(parts(class_genes(classes, names))), set(parts(told))
            self.counts[kind] += len(true), len(called), len(true & called)

    def describe(self) -> dict[str, Any]:
        """For exons and genes: true, predicted and right ones, recall, precision and F1; null of nothing."""
        return {kind: _rates(*counts.tolist()) for kind, counts in self.counts.items()}


def _exons(genes: list[list[Exon]]) -> Iterator[Exon]:
    return (exon for gene in genes for exon in gene)


def _genes(genes: list[list[Exon]]) -> Iterator[tuple[Exon, ...]]:
    return (tuple(gene) for gene in genes)


def _rates(true: int, predicted: int, right: int) -> dict[str, float | int | None]:
    recall = right / true if true else None
    precision = right / predicted if predicted else None
    f1 = 2 * right / (true + predicted) if true + predicted else None
    return {"true": true, "predicted": predicted, "right": right, "recall": recall, "precision": precision, "f1": f1}


def splice_scores(truth: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """For donors and acceptors: how many there are, the average precision over bases and strands, and the share of
    sites among as many most probable bases (top-k accuracy, Jaganathan et al. 2019, doi:10.1016/j.cell.2018.12.015).

    Args:
        truth: classes of known bases, int (bases,).
        probabilities: of the classes, (bases, names).
    """
    found = {}
    for site in SITES:
        columns = [number for number, name in enumerate(names) if name.startswith(site)]
        if not columns:
            continue
        positive = np.concatenate([truth == column for column in columns])
        likely = np.concatenate([probabilities[:, column] for column in columns])
        count, base = int(positive.sum()), float(positive.mean())
        top = np.argpartition(-likely, count - 1)[:count] if count else np.empty(0, dtype=np.int64)
        found[site] = {
            "n": count,
            "auprc": float(average_precision_score(positive, likely)) if count else None,
            "chance": base,
            "top_k": float(positive[top].mean()) if count else None,
        }
    return found
