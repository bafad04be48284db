"""Measures of one set of predictions, over all and of each class, label or column; NaN where nothing can be measured.

Of labels and values, what is not known (NaN) is left out cell by cell.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    d2_tweedie_score,
    f1_score,
    matthews_corrcoef,
    mean_squared_error,
    precision_recall_curve,
    r2_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from genoglot.examples.target import Target
from genoglot.tasks.calibration import expected_calibration_error

CURVE_POINTS = 200
CURVE_DIGITS = 4
SMALLEST = 1e-6  # prediction of a count, to the mean
# means over all, and an entry for each class, label or column
Scores = tuple[dict[str, float], list[dict[str, Any]]]
# which entries of a list are not means over runs
COUNTS = ("class", "label", "column", "n", "positives")


def scores_of(target: Target, truth: np.ndarray, predictions: np.ndarray) -> Scores:
    """Measures over all, and those of each class, label or column, of test examples and their predictions."""
    of_kind = {
        "classes": _class_scores,
        "labels": _label_scores,
        "values": _value_scores,
        "counts": _count_scores,
    }
    return of_kind[target.kind](target.names, truth, predictions)


def ranked(score: Callable[..., float], positive: np.ndarray, probabilities: np.ndarray) -> float:
    """AUROC or average precision, NaN where all examples are positive or none is."""
    return float(score(positive, probabilities)) if 0 < positive.sum() < len(positive) else float("nan")


def correlation(coefficient: Callable[..., Any], truth: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's or Spearman's; NaN of fewer than two different truths, 0 of predictions that are all the same."""
    if len(truth) < 2 or np.ptp(truth) == 0:
        return float("nan")
    # in double precision, since small spreads about large means would be lost
    return float(coefficient(truth.astype(float), predicted.astype(float)).statistic) if np.ptp(predicted) else 0.0


def mean_of(values: list[float]) -> float:
    """Mean of what is not NaN, NaN of nothing."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _class_scores(names: tuple[str, ...], truth: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Means over classes are over those that the examples have."""
    predicted, present = probabilities.argmax(axis=1), np.unique(truth)
    numbers = np.arange(len(names))
    f1 = f1_score(truth, predicted, labels=numbers, average=None, zero_division=0)
    each: list[dict[str, Any]] = [
        {
            "class": name,
            "n": int((truth == number).sum()),
            "f1": float(f1[number]) if number in present else float("nan"),
            "auroc": ranked(roc_auc_score, truth == number, probabilities[:, number]),
            "auprc": ranked(average_precision_score, truth == number, probabilities[:, number]),
        }
        for number, name in enumerate(names)
    ]
    counted = each[1:] if len(names) == 2 else each
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "balanced_accuracy": float(recall_score(truth, predicted, labels=present, average="macro", zero_division=0)),
        "mcc": float(matthews_corrcoef(truth, predicted)),
        "macro_f1": float(f1[present].mean()),
        "auroc": mean_of([entry["auroc"] for entry in counted]),
        "auprc": mean_of([entry["auprc"] for entry in counted]),
        "ece": expected_calibration_error(truth, probabilities),
    }, each


def _label_scores(names: tuple[str, ...], truth: np.ndarray, probabilities: np.ndarray) -> Scores:
    each: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        known = np.isfinite(truth[:, number])
        positive, likely = truth[known, number] > 0.5, probabilities[known, number]
        called = likely > 0.5
        both = 0 < positive.sum() < len(positive)
        each.append(
            {
                "label": name,
                "n": len(positive),
                "positives": int(positive.sum()),
                "auroc": ranked(roc_auc_score, positive, likely),
                "auprc": ranked(average_precision_score, positive, likely),
                "f1": float(f1_score(positive, called, zero_division=0)) if positive.any() else float("nan"),
                "mcc": float(matthews_corrcoef(positive, called)) if both else float("nan"),
            }
        )
    return {key: mean_of([entry[key] for entry in each]) for key in ("auroc", "auprc", "f1", "mcc")}, each


def _value_scores(names: tuple[str, ...], truth: np.ndarray, predictions: np.ndarray) -> Scores:
    each: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        known = np.isfinite(truth[:, number])
        true, predicted = truth[known, number].astype(float), predictions[known, number].astype(float)
        varied = len(np.unique(true)) > 1
        each.append(
            {
                "column": name,
                "n": len(true),
                "pearson": correlation(pearsonr, true, predicted),
                "spearman": correlation(spearmanr, true, predicted),
                "mse": float(mean_squared_error(true, predicted)) if len(true) else float("nan"),
                "r2": float(r2_score(true, predicted)) if varied else float("nan"),
            }
        )
    return {key: mean_of([entry[key] for entry in each]) for key in ("pearson", "spearman", "mse", "r2")}, each


def _count_scores(names: tuple[str, ...], truth: np.ndarray, predictions: np.ndarray) -> Scores:
    means, each = _value_scores(names, truth, predictions)
    for entry, true, predicted in zip(each, truth.T, predictions.T, strict=True):
        entry["deviance_explained"] = deviance_explained(true, predicted)
    return {**means, "deviance_explained": mean_of([entry["deviance_explained"] for entry in each])}, each


def deviance_explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Share of the Poisson deviance about the mean of the truth that predictions explain: 1 is all, below 0 the mean
    would have been better; NaN where the truth does not vary."""
    known = np.isfinite(truth)
    true = truth[known].astype(float)
    if not len(true) or np.ptp(true) == 0:
        return float("nan")
    # predictions of 0 would be impossible wherever there is anything
    likely = np.maximum(predicted[known].astype(float), SMALLEST * true.mean())
    return float(d2_tweedie_score(true, likely, power=1))


def curves_of(target: Target, truth: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """ROC, and precision over recall, as `roc` and `pr` of the second of two classes, else in a list `curves`.

    Numbers have none; classes and labels of which all examples are, or none is, have neither.
    """
    if target.numeric:
        return {}
    columns = []
    for number, name in enumerate(target.names):
        if target.kind == "classes":
            positive, likely = truth == number, predictions[:, number]
        else:
            known = np.isfinite(truth[:, number])
            positive, likely = truth[known, number] > 0.5, predictions[known, number]
        if 0 < positive.sum() < len(positive):
            columns.append({"class" if target.kind == "classes" else "label": name, **_curves(positive, likely)})
    if target.kind == "classes" and target.outputs == 2:
        return {key: columns[1][key] for key in ("roc", "pr")} if columns else {}
    return {"curves": columns}


def _curves(positive: np.ndarray, likely: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """ROC as share of false and of true positives, and recall and precision, both from the left."""
    false, true, _ = roc_curve(positive, likely)
    precision, recall, _ = precision_recall_curve(positive, likely, drop_intermediate=True)
    return {"roc": _thinned(false, true), "pr": _thinned(recall[::-1], precision[::-1])}


def _thinned(x: np.ndarray, y: np.ndarray) -> dict[str, list[float]]:
    """At most `CURVE_POINTS` points of a path through the unit square, about equally far apart along it, with its ends.

    They are points of the path itself: none is interpolated.
    """
    rows = np.arange(len(x))
    if len(x) > CURVE_POINTS:
        way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
        rows = np.unique(np.searchsorted(way, np.linspace(0, way[-1], CURVE_POINTS), side="left"))
    return {"x": np.round(x[rows], CURVE_DIGITS).tolist(), "y": np.round(y[rows], CURVE_DIGITS).tolist()}
