"""Names of what a head predicts, as columns, files and fields of INFO may have them."""

import re
from collections.abc import Callable, Collection, Sequence

from genoglot.errors import InputError, few


def named(outputs: Sequence[str], make: Callable[[str], str], what: str, taken: Collection[str] = ()) -> list[str]:
    """What `make` makes of the name of each output.

    Args:
        what: is made, in words, for messages.
        taken: names that something else has.

    Raises:
        InputError: two outputs would have one name, or an output one that is taken.
    """
    made = [make(output) for output in outputs]
    for place, name in enumerate(made):
        if name in taken:
            raise InputError(
                f"the task predicts {outputs[place]!r}, and the {what} {name} holds something else already: give it "
                "another name in the task's labels"
            )
        alike = [output for output, other in zip(outputs, made, strict=True) if other == name]
        if len(alike) > 1:
            raise InputError(
                f"the task predicts {few(alike)}, which would all be the {what} {name}: give them names in the task's "
                "labels that differ in letters and digits"
            )
    return made


def info_key(task: str, output: str) -> str:
    """The INFO field of an output: capitals, digits and underscores."""
    return re.sub(r"[^A-Z0-9_]", "_", f"GLM_{task}_{output}".upper())


def file_name(output: str) -> str:
    """A name of a file that every system takes."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", output)


def bed_name(output: str) -> str:
    """A name without blanks, which separate the columns of a BED for some programs."""
    return re.sub(r"\s", "_", output)
