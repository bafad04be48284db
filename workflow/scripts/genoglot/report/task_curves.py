"""Curves of tasks out of their metrics.json, whatever draws them: ROC, precision and recall, and few-shot curves."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from genoglot.report.palette import CONTESTANTS, PALE, REGION_COLOURS, SHAPES, in_order, styles

# contestants with a line of their own -> its dashes; guessing is the baseline of curves
DASHES = {
    "pretrained": "solid",
    "from_scratch": "dash",
    "kmer": "dot",
    "likelihood": "longdash",
    "neighbours": "dashdot",
}
# dashes of classes, in the order of SHAPES
SHAPE_DASHES = dict(zip(SHAPES, ("solid", "dash", "dot", "dashdot"), strict=True))
# list of a summary -> what its entries are named by
NAMED = {
    "classes": ("per_class", "class"),
    "labels": ("per_label", "label"),
    "values": ("per_column", "column"),
    "counts": ("per_column", "column"),
}
# targets that are numbers, which have no curves
NUMBERS = ("values", "counts")
# measures of few-shot curves: in words, and what guessing gives
FEW_SHOT_MEASURES = {"mcc": ("MCC", 0.0), "auroc": ("mean AUROC", 0.5), "spearman": ("Spearman's correlation", 0.0)}
# what the numbers of few-shot curves are of, by the target
PER = {"classes": " of each class", "labels": " with each label", "values": "", "counts": ""}
# how far contestants of few-shot curves lie apart, as a factor of the number of examples
APART = 1.06


@dataclass(frozen=True)
class Curve:
    """How well one contestant, or one class, is ranked above the rest.

    `roc` and `pr` are dicts of `x` and `y`: false and true positive rate, recall and precision. `base` is the share of
    the test examples that are of the class, which is the precision of guessing.
    """

    label: str
    colour: str
    dash: str
    roc: Mapping[str, list[float]]
    pr: Mapping[str, list[float]]
    base: float | None


@dataclass(frozen=True)
class FewShotLine:
    """What a contestant (a key of CONTESTANTS) reaches: all draws (`sizes`, `values`), and the means of each size."""

    contestant: str
    sizes: list[int]
    values: list[float]
    mean_sizes: list[int]
    means: list[float]


def entries_of(metrics: Mapping[str, Any], contestant: str) -> dict[str, dict[str, Any]]:
    """Measures of a contestant by class, label or column; none where it has none."""
    entries, named = NAMED[metrics["target"]]
    return {entry[named]: entry for entry in (metrics.get(contestant) or {}).get(entries, [])}


def base_rates(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The share of the test examples that are of each class or have each label, of those where that is known."""
    found = entries_of(metrics, "pretrained")
    if metrics["target"] == "labels":
        return {name: entry["positives"] / entry["n"] for name, entry in found.items() if entry["n"]}
    total = sum(entry["n"] for entry in found.values())
    return {name: entry["n"] / total for name, entry in found.items() if total}


def ranking_curves(metrics: Mapping[str, Any]) -> list[Curve]:
    """Of two classes a curve for each contestant, of several classes or labels one for each by the pretrained network.

    Numbers have none.
    """
    if metrics["target"] in NUMBERS:
        return []
    base = base_rates(metrics)
    if metrics["target"] == "classes" and len(metrics["classes"]) == 2:
        found = {key: metrics[key] for key in DASHES if (metrics.get(key) or {}).get("roc")}
        return [
            Curve(*CONTESTANTS[key][:2], DASHES[key], each["roc"], each["pr"], base.get(metrics["classes"][1]))
            for key, each in found.items()
        ]
    _, named = NAMED[metrics["target"]]
    by_name = {each[named]: each for each in metrics["pretrained"].get("curves", [])}
    sizes = {name: entry.get("positives", entry["n"]) for name, entry in entries_of(metrics, "pretrained").items()}
    looks = _looks(list(by_name), sizes)
    # those that share an entry of the legend lie below the others
    return [
        Curve(label, colour, dash, by_name[name]["roc"], by_name[name]["pr"], base.get(name))
        for name, (label, colour, dash) in sorted(looks.items(), key=lambda item: item[1][1] != PALE)
    ]


def _looks(names: list[str], sizes: Mapping[str, int]) -> dict[str, tuple[str, str, str]]:
    """Label, colour and dashes of each class: where colours alone tell all apart, dashes say it once more."""
    # a palette that knows some of the names only would give their colours to others too
    known = REGION_COLOURS if all(name in REGION_COLOURS for name in names) else {}
    shown = in_order(names, REGION_COLOURS) if known else names
    found = {name: style for style in styles(shown, known, sizes) for name in style.members}
    if len({style.colour for style in found.values()}) == len(found):
        dashes = dict(zip(found, cycle(SHAPE_DASHES.values()), strict=False))
    else:
        dashes = {name: SHAPE_DASHES[style.shape] for name, style in found.items()}
    return {name: (style.label, style.colour, dashes[name]) for name, style in found.items()}


def few_shot_lines(few_shot: Mapping[str, Any]) -> list[FewShotLine]:
    """Draws and their means by contestant; draws in which nothing could be measured are left out."""
    lines = []
    for key in DASHES:
        points = [each for each in few_shot["points"] if each["contestant"] == key and each["value"] is not None]
        points.sort(key=lambda each: (each["per_class"], each["draw"]))
        sizes, values = [each["per_class"] for each in points], [each["value"] for each in points]
        shown = sorted(set(sizes))
        means = [float(np.mean([value for at, value in zip(sizes, values, strict=True) if at == n])) for n in shown]
        if points:
            lines.append(FewShotLine(key, sizes, values, shown, means))
    return lines


def sideways(number: int, lines: int) -> float:
    """By what the sizes of a line of a few-shot curve are multiplied, so that the draws of contestants lie apart."""
    return APART ** (number - (lines - 1) / 2)
