"""How well predicted classes agree with the truth."""

from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    recall_score,
    roc_auc_score,
)

BOOTSTRAPS = 1000


def classification_metrics(
    truth: np.ndarray, probabilities: np.ndarray, classes: list[str], groups: np.ndarray, seed: int
) -> dict[str, Any]:
    """Accuracy, balanced accuracy with a 95% interval, MCC, F1 and AUROC per class, and the confusion matrix.

    `truth` (examples,) holds class numbers, `probabilities` has shape (examples, classes). The interval is a
    percentile bootstrap over `groups` (examples,), runs of neighbouring windows, which are not independent.
    """
    numbers = np.arange(len(classes))
    predicted = probabilities.argmax(axis=1)
    low, high = np.quantile(bootstrap_balanced_accuracy(truth, predicted, groups, len(classes), seed), [0.025, 0.975])
    per_class = f1_score(truth, predicted, labels=numbers, average=None, zero_division=0)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "balanced_accuracy": float(recall_score(truth, predicted, labels=numbers, average="macro", zero_division=0)),
        "balanced_accuracy_low": float(low),
        "balanced_accuracy_high": float(high),
        "mcc": float(matthews_corrcoef(truth, predicted)),
        "macro_f1": float(per_class.mean()),
        "per_class": [
            {
                "class": name,
                "n": int((truth == number).sum()),
                "f1": float(per_class[number]),
                "auroc": float(roc_auc_score(truth == number, probabilities[:, number])),
            }
            for number, name in enumerate(classes)
        ],
        "confusion": confusion_matrix(truth, predicted, labels=numbers).tolist(),
    }


def bootstrap_balanced_accuracy(
    truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Balanced accuracies of resamples of whole groups; classes a resample lacks do not count in it."""
    _, group = np.unique(groups, return_inverse=True)
    cells = group * classes + truth
    total = np.bincount(cells, minlength=(group.max() + 1) * classes).reshape(-1, classes)
    right = np.bincount(cells[truth == predicted], minlength=total.size).reshape(-1, classes)
    drawn = np.random.default_rng(seed).multinomial(len(total), np.full(len(total), 1 / len(total)), BOOTSTRAPS)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = (drawn @ right) / (drawn @ total)
    return np.nanmean(recall, axis=1)
