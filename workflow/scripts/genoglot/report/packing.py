"""Columns of a table as bytes in base64, for a map that the page draws; `map_data.js` is the other half.

Fifty thousand windows with ten columns are 1.4 MB so, and ten times that as JSON text.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

# the largest number that a quantised column holds; one more stands for a value that is missing
LEVELS = 65_534
MISSING = 65_535


def whole_numbers(values: np.ndarray) -> dict[str, Any]:
    """Integers, exactly, in the fewest bytes that hold them; one value that all share is kept once.

    Args:
        values: shape (rows,), the range of which must fit into 32 bits.

    Raises:
        ValueError: the range does not fit.
    """
    values = np.asarray(values, dtype=np.int64)
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    span = high - low
    if span == 0:
        return {"offset": low}
    for kind in (np.uint8, np.uint16, np.uint32):
        if span <= np.iinfo(kind).max:
            return {"offset": low, **_array(values - low, kind)}
    raise ValueError(f"whole numbers from {low} to {low + span} do not fit into 32 bits")


def quantised(values: np.ndarray) -> dict[str, Any]:
    """Numbers in 65,535 steps between the least and the largest; what is not finite counts as missing.

    The error is at most half a step: (high - low) / 131,068.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    scaled = np.zeros(len(values))
    if high > low:
        scaled[finite] = np.rint((values[finite] - low) / (high - low) * LEVELS)
    scaled[~finite] = MISSING
    return {"low": low, "high": high, **_array(scaled, np.uint16)}


def classes(values: pd.Series, names: Sequence[str]) -> dict[str, Any]:
    """Names as their numbers in `names`, which must have them all."""
    numbers = pd.Index(names).get_indexer(values.astype(str))
    if (numbers < 0).any():
        raise ValueError(f"{values[numbers < 0].iloc[0]!r} is not among the {len(names)} names")
    return {"names": list(names), **whole_numbers(numbers)}


def _array(values: np.ndarray, kind: type) -> dict[str, str]:
    # little-endian, as every machine that runs a browser is
    stored = np.ascontiguousarray(values).astype(np.dtype(kind).newbyteorder("<"))
    return {"type": np.dtype(kind).name, "data": b64encode(stored.tobytes()).decode("ascii")}
