"""Draws of few labelled examples, and what was learnt from them on average."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoglot.examples.target import Target
from genoglot.tasks.bootstrap import interval_of_runs


def draw_few(target: Target, truth: np.ndarray, per_class: int, draw: int, seed: int) -> np.ndarray:
    """Rows, ascending, of a draw of `per_class` labelled examples of each class.

    A draw of more examples contains that of fewer with the same `seed` and the same number `draw`. Of labels it has as
    many examples with each label, and as many that have none; of values as many in all. A class that has fewer gives
    all it has (see `short_classes`).

    Args:
        truth: of the training examples, as `Examples.truth`; labels and values of which nothing is known are not drawn.
    """
    order = np.random.default_rng([seed, draw]).permutation(len(truth))
    members = _members(target, truth)[order]
    # the first members of each class, in the order of the draw
    chosen = members & (np.cumsum(members, axis=0) <= per_class)
    return np.sort(order[chosen.any(axis=1)])


def short_classes(target: Target, truth: np.ndarray, per_class: int) -> list[dict[str, Any]]:
    """The classes, or labels, of which a draw of `per_class` is all there is and less: name, wanted, there.

    Args:
        truth: of the training examples, as for `draw_few`.
    """
    counts = _members(target, truth).sum(axis=0)
    names = {"classes": target.names, "labels": (*target.names, "none of the labels"), "values": ("all",)}[target.kind]
    return [
        {"class": name, "per_class": per_class, "n": int(count)}
        for name, count in zip(names, counts, strict=True)
        if count < per_class
    ]


def _members(target: Target, truth: np.ndarray) -> np.ndarray:
    """Which examples (rows) each class may draw from (columns), bool."""
    if target.kind == "classes":
        return truth[:, None] == np.arange(target.outputs)
    known = np.isfinite(truth).any(axis=1)[:, None]
    if target.kind == "values":
        return known
    there = truth > 0.5
    return np.hstack([there, known & ~there.any(axis=1, keepdims=True)])


def few_shot_means(points: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean over the draws of each contestant and size: contestant, per_class, draws, value, value_low, value_high.

    The interval is the 95% t interval over the draws, null of fewer than three. Draws without a value are not counted.

    Args:
        points: dicts of contestant, per_class, draw and value, which is None where nothing could be measured.
    """
    frame = pd.DataFrame(points, columns=["contestant", "per_class", "draw", "value"])
    frame["value"] = frame["value"].astype(float)
    result = []
    for (contestant, per_class), part in frame.groupby(["contestant", "per_class"], sort=False):
        values = part["value"].dropna().to_numpy()
        low, high = interval_of_runs(values) or (None, None)
        result.append(
            {
                "contestant": contestant,
                "per_class": int(per_class),
                "draws": len(values),
                "value": float(values.mean()) if len(values) else None,
                "value_low": low,
                "value_high": high,
            }
        )
    return result
