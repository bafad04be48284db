"""How well predictions agree with the truth: the number by which things are chosen, and summaries of runs.

Predictions are float (examples, names): probabilities of classes, which sum to 1, or of labels, each by itself, or
values. Truth is that of `Examples`; of labels and values, what is not known (NaN) is left out cell by cell.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import confusion_matrix, matthews_corrcoef, roc_auc_score

from genoglot.examples.target import Target
from genoglot.tasks.bootstrap import FEWEST_RUNS, interval_of_runs, interval_of_samples, resampled
from genoglot.tasks.calibration import expected_calibration_error, fit_temperature, log_probabilities, scaled
from genoglot.tasks.scores import (
    COUNTS,
    Scores,
    correlation,
    curves_of,
    deviance_explained,
    mean_of,
    ranked,
    scores_of,
)

# the measure by which things are chosen
# of tracks, where most bins are background and their order is noise, not the ranks but the heights decide
MEASURES = {"classes": "mcc", "labels": "auroc", "values": "spearman", "counts": "pearson"}
OF_NUMBERS = {"pearson": (-1.0, 1.0), "spearman": (-1.0, 1.0), "mse": (0.0, np.inf), "r2": (-np.inf, 1.0)}
# measures that have intervals; all lie between the lowest and the highest value given here
WITH_INTERVALS: dict[str, dict[str, tuple[float, float]]] = {
    "classes": {"balanced_accuracy": (0, 1), "mcc": (-1, 1)},
    "labels": {"auroc": (0, 1), "auprc": (0, 1), "mcc": (-1, 1)},
    "values": OF_NUMBERS,
    "counts": OF_NUMBERS,
}
LISTS = {"classes": "per_class", "labels": "per_label", "values": "per_column", "counts": "per_column"}

# truth of the validation examples, and their predictions by the seed of the run
Validation = tuple[np.ndarray, Mapping[int, np.ndarray]]


def measure(target: Target, truth: np.ndarray, predictions: np.ndarray) -> float:
    """The one number by which things are chosen: more is better.

    MCC of classes, mean AUROC of labels, mean Spearman correlation of values, mean Pearson correlation of counts. NaN
    where predictions are not finite, or where the truth leaves nothing to measure: no examples, or labels and numbers
    that are everywhere the same.
    """
    if not len(truth) or not np.isfinite(predictions).all():
        return float("nan")
    if target.kind == "classes":
        return float(matthews_corrcoef(truth, predictions.argmax(axis=1)))
    values = []
    for true, predicted in zip(truth.T, predictions.T, strict=True):
        known = np.isfinite(true)
        if target.kind == "labels":
            values.append(ranked(roc_auc_score, true[known] > 0.5, predicted[known]))
        else:
            coefficient = pearsonr if target.kind == "counts" else spearmanr
            values.append(correlation(coefficient, true[known], predicted[known]))
    return mean_of(values)


def error(target: Target, truth: np.ndarray, predictions: np.ndarray) -> float:
    """Less is better: what tells predictions apart that are equal by `measure`; NaN of no known truth.

    Mean negative log-likelihood (nats) of classes and of labels; mean squared error of values, to the variance of the
    truth of each; of counts the mean share of the Poisson deviance that is not explained.
    """
    known = np.isfinite(truth)
    if not known.any():
        return float("nan")
    if target.kind == "classes":
        right = predictions[np.arange(len(truth)), truth]
    elif target.kind == "counts":
        return 1 - mean_of([deviance_explained(*pair) for pair in zip(truth.T, predictions.T, strict=True)])
    elif target.kind == "labels":
        right = np.where(truth > 0.5, predictions, 1 - predictions)[known]
    else:
        spread = np.array([_spread(column) for column in truth.T])
        squared = np.square((truth - predictions) / np.where(spread > 0, spread, 1))
        return float(squared[known].mean())
    return float(-log_probabilities(right).mean())


def _spread(column: np.ndarray) -> float:
    """Standard deviation of what is known, 0 of nothing."""
    known = column[np.isfinite(column)].astype(float)
    return float(known.std()) if len(known) else 0.0


def choice(target: Target, truth: np.ndarray, predictions: np.ndarray) -> tuple[float, float]:
    """What the best of several has the greatest of: `measure`, then the negative `error`.

    Where nothing can be measured the error alone decides; predictions that are not finite come last.
    """
    if not np.isfinite(predictions).all():
        return -np.inf, -np.inf
    value, loss = measure(target, truth, predictions), error(target, truth, predictions)
    return (value if np.isfinite(value) else 0.0), (-loss if np.isfinite(loss) else 0.0)


def summarise(
    target: Target,
    truth: np.ndarray,
    predictions: np.ndarray,
    groups: np.ndarray,
    seed: int,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Summary of one set of predictions of the test examples, with intervals from resamples of `groups`.

    As `summarise_runs` gives it of several, without what tells runs apart.

    Args:
        groups: (examples,), numbers; examples of a group are not independent.
        seed: of the resamples.
        validation: truth and predictions of the validation examples, for the temperature; None leaves it out.
    """
    by_run = None if validation is None else (validation[0], {seed: validation[1]})
    summary = summarise_runs(target, truth, {seed: predictions}, by_run, groups, seed)
    return {key: value for key, value in summary.items() if key not in ("by_seed", "kept_seed")}


def summarise_runs(
    target: Target,
    truth: np.ndarray,
    runs: Mapping[int, np.ndarray],
    validation: Validation | None,
    groups: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """Summary of the predictions of runs that differ by their seed; JSON, with null where nothing can be measured.

    Measures are means over the runs, also those of each class, label or column. 95% intervals (`_low`, `_high`) are t
    intervals over the runs where there are three or more (`interval` is "seeds": what another training would give),
    otherwise percentiles of resamples of whole groups ("groups": what other test examples would). The run with the
    lowest validation error is kept: `confusion`, curves and `temperature` are its own.

    Args:
        truth: of the test examples, of which there must be some.
        runs: predictions of the test examples, by the seed of the run.
        validation: truth of the validation examples and their predictions by seed; without it the first run is kept,
            and there is no temperature.
        groups: (examples,), numbers; examples of a group are not independent.
        seed: of the resamples.
    """
    calibrated = {run: _calibrated(target, truth, predictions, validation, run) for run, predictions in runs.items()}
    scores = {run: scores_of(target, truth, predictions) for run, predictions in runs.items()}
    by_seed = [{"seed": run, **scores[run][0], **calibrated[run]} for run in runs]
    kept = min(runs, key=lambda run: np.nan_to_num(calibrated[run].get("validation_error", 0.0), nan=np.inf))
    averaged = [key for key in by_seed[0] if key not in ("seed", "temperature", "validation", "validation_error")]
    summary: dict[str, Any] = {key: mean_of([entry[key] for entry in by_seed]) for key in averaged}
    summary |= _intervals(target, truth, runs, by_seed, groups, seed)
    summary |= {"kept_seed": kept, "by_seed": by_seed, LISTS[target.kind]: _mean_entries(list(scores.values()))}
    if target.kind == "classes":
        predicted = runs[kept].argmax(axis=1)
        summary["confusion"] = confusion_matrix(truth, predicted, labels=np.arange(target.outputs)).tolist()
        summary |= {key: calibrated[kept][key] for key in ("temperature",) if key in calibrated[kept]}
    return _plain(summary | curves_of(target, truth, runs[kept]))


def _calibrated(
    target: Target, truth: np.ndarray, predictions: np.ndarray, validation: Validation | None, run: int
) -> dict[str, float]:
    """What the validation examples say of a run: their measure and error, and of classes the temperature."""
    if validation is None or not len(validation[0]):
        return {}
    chosen, chosen_predictions = validation[0], validation[1][run]
    found = {
        "validation": measure(target, chosen, chosen_predictions),
        "validation_error": error(target, chosen, chosen_predictions),
    }
    if target.kind == "classes":
        temperature = fit_temperature(chosen, log_probabilities(chosen_predictions))
        cooled = scaled(log_probabilities(predictions), temperature)
        found |= {"temperature": temperature, "ece_scaled": expected_calibration_error(truth, cooled)}
    return found


def _intervals(
    target: Target,
    truth: np.ndarray,
    runs: Mapping[int, np.ndarray],
    by_seed: list[dict[str, Any]],
    groups: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """`interval`, and `_low` and `_high` of measures, within what the measure can be."""
    limits = WITH_INTERVALS[target.kind]
    over_seeds = len(runs) >= FEWEST_RUNS
    found: dict[str, tuple[float, float] | None]
    if over_seeds:
        found = {key: interval_of_runs(np.array([entry[key] for entry in by_seed])) for key in limits}
    elif len(np.unique(groups)) < 2:
        found = dict.fromkeys(limits)
    else:
        samples = [resampled(target, truth, predictions, groups, seed) for predictions in runs.values()]
        found = {key: interval_of_samples(np.mean([each[key] for each in samples], axis=0)) for key in limits}
    result: dict[str, Any] = {"interval": "seeds" if over_seeds else "groups"}
    for key, ends in found.items():
        for end, value in zip(("low", "high"), ends or (np.nan, np.nan), strict=True):
            result[f"{key}_{end}"] = float(np.clip(value, *limits[key]))
    return result


def _mean_entries(scores: list[Scores]) -> list[dict[str, Any]]:
    """The entries of each class, label or column, with the means over runs of what is measured."""
    return [
        {
            key: value if key in COUNTS else mean_of([entry[key] for entry in entries])
            for key, value in entries[0].items()
        }
        for entries in zip(*(each for _, each in scores), strict=True)
    ]


def _plain(value: Any) -> Any:
    """The same for JSON: null for NaN and what is infinite."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
