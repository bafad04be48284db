"""How loss falls with compute: a power law down to a floor, fitted where there are points enough to tell."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import curve_fit

FEWEST_POINTS = 4  # a curve of three parameters passes through three points whatever they are
STEEPEST = 5.0
STARTS = (0.1, 0.3, 1.0)  # exponents from which the search begins
# compute of runs that were meant to be alike differs in the last digits
DIGITS = 3


@dataclass(frozen=True)
class PowerLaw:
    """loss = floor + scale * (compute / unit) ** -exponent.

    The form of Henighan et al. 2020 (arXiv:2010.14701). `unit` is the geometric mean of the compute that was fitted,
    which makes `scale` what could still be gained there. `_se` are standard errors.
    """

    floor: float
    scale: float
    exponent: float
    unit: float
    floor_se: float
    scale_se: float
    exponent_se: float

    def loss(self, compute: np.ndarray | float) -> np.ndarray:
        """Loss at some compute, in the units of the fitted points."""
        return _law(np.asarray(compute) / self.unit, self.floor, self.scale, self.exponent)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "PowerLaw":
        """The law that `as_dict` wrote, other keys passed over."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


def distinct(compute: Sequence[float]) -> int:
    """How many values differ in their first digits."""
    return len({f"{value:.{DIGITS - 1}e}" for value in compute})


def fit_power_law(compute: Sequence[float], loss: Sequence[float]) -> PowerLaw:
    """Least squares fit of loss (bits) to compute (FLOPs, all above 0), one value each for every point.

    Raises:
        ValueError: in words, why there is no law: too few points, or a loss that does not fall as one.
    """
    x, y = np.asarray(compute, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if (found := distinct(compute)) < FEWEST_POINTS:
        raise ValueError(f"{FEWEST_POINTS} different amounts of compute are needed and there are {found}")
    unit = float(np.exp(np.log(x).mean()))
    floor, spread = float(y.min()), float(np.ptp(y))
    tried = [_search(x / unit, y, [max(floor - spread / 4, 0.0), spread / 2, start]) for start in STARTS]
    found_laws = [law for law in tried if law is not None]
    if not found_laws:
        raise ValueError("loss does not fall as a power of compute")
    _, values, errors = min(found_laws, key=lambda law: law[0])
    names = ("floor", "scale", "exponent")
    fitted = dict(zip(names, map(float, values), strict=True))
    return PowerLaw(
        **fitted, unit=unit, **{f"{name}_se": float(error) for name, error in zip(names, errors, strict=True)}
    )


def _law(compute: np.ndarray, floor: float, scale: float, exponent: float) -> np.ndarray:
    return floor + scale * compute**-exponent


def _search(x: np.ndarray, y: np.ndarray, start: list[float]) -> tuple[float, np.ndarray, np.ndarray] | None:
    """Sum of squares, parameters and their standard errors; None where nothing but a straight line comes out."""
    top = max(float(y.min()), 1e-9)
    start = [min(start[0], 0.999 * top), max(start[1], 1e-9), start[2]]
    try:
        values, covariance = curve_fit(
            _law, x, y, p0=start, bounds=([0, 0, 0], [top, np.inf, STEEPEST]), maxfev=20_000, ftol=1e-12, xtol=1e-12
        )
    except RuntimeError:
        return None
    errors = np.sqrt(np.diag(covariance))
    # a scale or an exponent of nothing is a line that does not fall, whatever the other is
    falls = np.ptp(y) > 1e-6 and values[1] > 1e-6 and 1e-4 < values[2] < 0.999 * STEEPEST
    if not (falls and np.isfinite(errors).all()):
        return None
    return float(np.square(_law(x, *values) - y).sum()), values, errors
