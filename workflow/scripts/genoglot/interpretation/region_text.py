"""Regions as browsers and samtools write them: contig:start-end, counted from 1, both ends inside."""

import re
from typing import NamedTuple

from genoglot.errors import InputError

_REGION = re.compile(r"(?P<contig>\S+):(?P<start>\d[\d,]*)-(?P<end>\d[\d,]*)")


class Region(NamedTuple):
    """A contig, by any of its names, and an interval of it, 0-based half-open."""

    contig: str
    start: int
    end: int


def parse_region(text: str, place: str) -> Region:
    """The region that a text such as `chrIV:1,000-1,200` stands for.

    Raises InputError, which begins with `place`, if it is none.
    """
    found = _REGION.fullmatch(text.strip())
    start, end = (int(found[key].replace(",", "")) for key in ("start", "end")) if found else (0, 0)
    if not found or not 1 <= start <= end:
        raise InputError(
            f"{place}: found {text!r}, expected contig:start-end, as in IV:1,000-1,200: counted from 1, start not "
            "above end"
        )
    return Region(found["contig"], start - 1, end)
