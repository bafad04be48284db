"""Locations of the INSDC feature table as the parts of a feature, in the order of transcription."""

import warnings
from itertools import pairwise
from typing import NamedTuple

from Bio import BiopythonParserWarning
from Bio.SeqFeature import AfterPosition, BeforePosition, CompoundLocation, Location, SimpleLocation

from genoglot.genome.region_features import SHORTEST_INTRON


class Part(NamedTuple):
    """One stretch of a feature: 1-based inclusive, `end` past the sequence's length where it passes the origin.

    `before` and `after`: whether the feature goes on beyond `start` or `end` (`<` and `>`); `between`: whether it has
    no bases and lies to the right of `start`.
    """

    start: int
    end: int
    strand: str
    before: bool = False
    after: bool = False
    between: bool = False


def location_parts(text: str, length: int | None, circular: bool) -> list[Part]:
    """Parts of a location such as `complement(join(<3..10,20..30))`.

    Args:
        text: the location as written.
        length: bases of the sequence; None if not known.
        circular: whether the sequence is a circle. Parts after the origin then have `length` added.

    Raises:
        ValueError: the text is no location, or not one within this sequence; the message says which.
    """
    location = _parsed("".join(text.split()), length, circular)
    parts = []
    for piece in location.parts:
        if piece.ref is not None:
            raise ValueError(f"refers to another record, {piece.ref}")
        between = int(piece.end) == int(piece.start)
        start, end = int(piece.start) + (not between), int(piece.end)
        if start < 1 or (length is not None and end > length):
            raise ValueError(f"not within the {length} bases of its record")
        strand = "-" if piece.strand == -1 else "+"
        before, after = isinstance(piece.start, BeforePosition), isinstance(piece.end, AfterPosition)
        parts.append(Part(start, end, strand, before, after, between))
    return _across_origin(parts, length) if circular and length else parts


def _parsed(text: str, length: int | None, circular: bool) -> SimpleLocation | CompoundLocation:
    if not text:
        raise ValueError("not readable")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BiopythonParserWarning)
        try:
            location: SimpleLocation | CompoundLocation = Location.fromstring(text, length, circular)
            if not all(int(piece.start) <= int(piece.end) for piece in location.parts):
                raise ValueError
        except (AssertionError, AttributeError, TypeError, ValueError):
            raise ValueError("no location that is understood") from None
    return location


def _across_origin(parts: list[Part], length: int) -> list[Part]:
    """Count on past the origin where the order of the parts passes it, and join what only the origin separates.

    Parts that are out of order for another reason (trans-splicing, or written in the wrong order) lie closer together
    as they stand than they do around the circle.
    """
    step = 1 if parts[0].strand == "+" else -1
    forward = parts[::step]
    jumps = [i for i in range(1, len(forward)) if forward[i].start < forward[i - 1].start]
    if len({part.strand for part in parts}) > 1 or len(jumps) != 1:
        return parts
    jump = jumps[0]
    unrolled = forward[:jump] + [_moved(part, length) for part in forward[jump:]]
    if unrolled[-1].end - unrolled[0].start >= max(parts, key=lambda part: part.end).end - min(parts).start:
        return parts
    last, first = unrolled[jump - 1], unrolled[jump]
    if last.end == length and first.start == length + 1:
        unrolled[jump - 1 : jump + 1] = [last._replace(end=first.end, after=first.after)]
    return unrolled[::step]


def _moved(part: Part, length: int) -> Part:
    return part._replace(start=part.start + length, end=part.end + length)


def overlap(left: list[Part], right: list[Part]) -> int:
    """Bases that the parts of two features share on the same strand."""
    pairs = ((one, other) for one in left for other in right if one.strand == other.strand)
    return sum(max(0, min(one.end, other.end) - max(one.start, other.start) + 1) for one, other in pairs)


def same_introns(coding: list[Part], exons: list[Part]) -> bool:
    """Whether a coding sequence lies in a transcript and has the transcript's introns between its ends."""
    low, high = min(coding).start, max(part.end for part in coding)
    if len({part.strand for part in (*coding, *exons)}) > 1:
        return False
    if low < min(exons).start or high > max(part.end for part in exons):
        return False
    return _introns(coding) == {gap for gap in _introns(exons) if gap[1] > low and gap[0] < high}


def _introns(parts: list[Part]) -> set[tuple[int, int]]:
    ordered = sorted(parts)
    gaps = ((one.end, other.start) for one, other in pairwise(ordered))
    return {gap for gap in gaps if gap[1] - gap[0] > SHORTEST_INTRON}
