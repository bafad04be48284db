"""Alleles as edits of a sequence: an interval, and what stands there instead."""

import numpy as np

from genoglot.genome.store import CODE_MASK, N_CODE


def trim(position: int, ref: bytes, alt: bytes) -> tuple[int, int, bytes]:
    """Start, end and new bases of an allele without the bases that REF and ALT share.

    The anchor of an indel goes first, then the end, then the beginning: so an indel in a repeat lies at the left of
    what the record covers, and has the same place however many bases the record adds to it.
    """
    first = int(len(ref) != len(alt) and ref[0] == alt[0])
    last, shorter = 0, min(len(ref), len(alt))
    while last < shorter - first and ref[-1 - last] == alt[-1 - last]:
        last += 1
    while first < shorter - last and ref[first] == alt[first]:
        first += 1
    return position + first, position + len(ref) - last, alt[first : len(alt) - last]


def shifts(bases: np.ndarray, start: int, end: int, new: np.ndarray, most: int) -> tuple[int, int]:
    """How far to the left and to the right an insertion or deletion may lie without giving another sequence.

    In a repeat the same change can be written at several places; the sequence does not say which is meant.

    Args:
        bases: stored bytes of the contig, uint8 (length,).
        start, end: what is replaced, 0-based half-open.
        new: base codes of what stands there instead; this or the interval is empty.
        most: how far to look on either side.

    Returns:
        (0, 0) for an allele that both deletes and inserts.
    """
    if len(new) and start < end:
        return 0, 0
    before, after = (bases[max(0, start - most) : start] & CODE_MASK, bases[end : end + most] & CODE_MASK)
    moved = new if len(new) else bases[start:end] & CODE_MASK
    left = _run(np.concatenate([before, moved])[::-1], len(moved))
    right = _run(np.concatenate([moved, after]), len(moved))
    return left, right


def _run(codes: np.ndarray, period: int) -> int:
    """How many positions from the first on hold the same base as the one `period` further."""
    same = (codes[:-period] == codes[period:]) & (codes[:-period] < N_CODE)
    return len(same) if same.all() else int(same.argmin())
