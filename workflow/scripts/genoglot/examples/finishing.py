"""What is looked at of examples before they are kept."""

import logging

from genoglot.examples.overlap import without_overlap
from genoglot.examples.store import TRAIN, Examples, checked

log = logging.getLogger(__name__)

FEW = 10  # examples of a class below which the log warns


def finished(examples: Examples, drop: bool, place: str) -> Examples:
    """The examples with their counts and what splits share in `about`; the log names what is few or contradictory.

    Args:
        drop: leave out training examples that share sequence with the others, as `without_overlap` says.
        place: where the examples are from, with which errors begin.

    Raises:
        InputError: the examples are of no use, as `checked` says.
    """
    found = checked(without_overlap(examples, drop), place)
    _warn(found)
    return found


def _warn(examples: Examples) -> None:
    about = examples.about
    for name, count in about.get("per_class", {}).get(TRAIN, {}).items():
        if count < FEW:
            log.warning("class %s has %d training examples", name, count)
    for pair, counts in about["shared"].items():
        if any(counts.values()):
            words = ", ".join(f"{count} with the {kind}" for kind, count in counts.items())
            log.warning("%s share sequence: %s", pair.replace("_", " "), words.replace("_", " "))
    if about["conflicting"]:
        log.warning("%d examples have a sequence that another has with another label", about["conflicting"])
