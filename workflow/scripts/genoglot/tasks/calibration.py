"""Whether probabilities of classes are as often right as they say, and the temperature that makes them so.

Temperature scaling and the expected calibration error are those of Guo et al. 2017 (arXiv:1706.04599). Two classes are
treated as several are: what counts is the probability of the class that is predicted.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

BINS = 15
TEMPERATURES = (0.05, 20.0)  # lowest and highest that are fitted
SMALLEST = 1e-12  # probabilities below it are taken for it, where their logarithm is needed


def expected_calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> float:
    """Mean distance between the probability of the predicted class and the share that is right, NaN of no examples.

    Examples are put into `bins` of equal width by that probability, open below and closed above, from 0 to 1; a bin
    counts by its examples.

    Args:
        truth: class numbers (examples,).
        probabilities: (examples, classes), of which each row sums to 1.
    """
    if not len(truth):
        return float("nan")
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # |right - confidence| of a bin, times its examples
    distance = np.abs(np.bincount(number, right, bins) - np.bincount(number, confidence, bins))
    return float(distance.sum() / len(truth))


def fit_temperature(truth: np.ndarray, logits: np.ndarray) -> float:
    """The temperature by which logits are to be divided, so that the truth is likeliest; 1 of no examples.

    The negative log-likelihood has one minimum in the inverse temperature. It is sought within `TEMPERATURES`: where
    all predictions are right, or none is better than chance, it would be 0 or infinite.

    Args:
        truth: class numbers (examples,), of the validation split.
        logits: (examples, classes), logits or logarithms of probabilities.
    """
    if not len(truth):
        return 1.0
    logits, rows = logits.astype(np.float64), np.arange(len(truth))

    def loss(inverse: float) -> float:
        return -float(log_softmax(logits * inverse, axis=1)[rows, truth].mean())

    lowest, highest = TEMPERATURES
    found = minimize_scalar(loss, bounds=(1 / highest, 1 / lowest), method="bounded", options={"xatol": 1e-5})
    return float(1 / found.x)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms, float64, of probabilities, of which some may be 0."""
    return np.log(np.clip(probabilities.astype(np.float64), SMALLEST, None))


def scaled(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (examples, classes), float64, of logits at a temperature."""
    return softmax(logits.astype(np.float64) / temperature, axis=1)
