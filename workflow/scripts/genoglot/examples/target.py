"""What a task predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

UNKNOWN = -1  # the class of a base or bin of which nothing is known


@dataclass(frozen=True)
class Target:
    """What a task predicts.

    Attributes:
        kind: "classes", one of several; "labels", any of several; "values", numbers; "counts", numbers of which none is
            negative.
        names: the classes, the labels, or the columns of numbers.
        bin: bases that one prediction is of, where a sequence has many; 0 of one prediction for all of it.
        mirror: which output each output is on the other strand; empty where all stay what they are.
    """

    kind: str
    names: tuple[str, ...]
    bin: int = 0
    mirror: tuple[int, ...] = ()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "Target":
        """What `describe` describes."""
        kind, names, size, mirror = (description[key] for key in ("target", "names", "bin", "mirror"))
        return cls(kind, tuple(names), size, tuple(mirror))

    def describe(self) -> dict[str, Any]:
        """As JSON: target, names, bin and mirror."""
        return {"target": self.kind, "names": list(self.names), "bin": self.bin, "mirror": list(self.mirror)}

    @property
    def outputs(self) -> int:
        """How many numbers a network has to give for each example, or for each bin of it."""
        return len(self.names)

    @property
    def dense(self) -> bool:
        """Whether each bin of a sequence has a truth of its own."""
        return self.bin > 0

    @property
    def numeric(self) -> bool:
        """Whether numbers are predicted, of whichever kind."""
        return self.kind in ("values", "counts")

    @property
    def flat(self) -> "Target":
        """The same of bins that are examples of their own, as `known_bins` gives them."""
        return replace(self, bin=0, mirror=())

    def shape(self, length: int) -> tuple[int, ...]:
        """Of the predictions of one sequence: (names,) or (bins, names)."""
        return (length // self.bin, self.outputs) if self.dense else (self.outputs,)


def known_bins(target: Target, truth: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Truth and whatever else there is of each bin, (bins, ...), of those bins of which something is known.

    What has one entry an example has it for each of its bins. All is left as it is where the target is not dense.

    Args:
        truth: as `Examples.truth`.
        others: predictions (examples, bins, names), or arrays (examples,).
    """
    if not target.dense:
        return (truth, *others)
    known = truth != UNKNOWN if target.kind == "classes" else np.isfinite(truth).any(axis=-1)
    flat = truth[known]
    each = [other if other.ndim > 1 else np.broadcast_to(other[:, None], known.shape) for other in others]
    return (flat.astype(np.int64) if target.kind == "classes" else flat, *(other[known] for other in each))


def on_other_strand(target: Target, truth: np.ndarray) -> np.ndarray:
    """Dense truth (examples, bins, ...) as the reverse complements of the examples have it."""
    turned = truth[:, ::-1]
    if not target.mirror:
        return turned
    mirror = np.array(target.mirror)
    if target.kind == "classes":
        # the last entry is that of UNKNOWN
        return np.append(mirror, UNKNOWN).astype(truth.dtype)[turned]
    return turned[..., mirror]
