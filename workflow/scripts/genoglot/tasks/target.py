"""What a task predicts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What a task predicts.

    Attributes:
        kind: "classes", one of several; "labels", any of several; "values", numbers.
        names: the classes, the labels, or the columns of numbers.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """How many numbers a network has to give for each example."""
        return len(self.names)
