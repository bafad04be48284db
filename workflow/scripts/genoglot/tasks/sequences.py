"""Base codes of many sequences of text at once, and a number for each by which equal ones are found."""

import numpy as np
import pandas as pd

from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, ENCODE, N_CODE

# a row of letters of IUPAC's code beside A, C, G, T and N, which become N
AMBIGUOUS = "RYSWKMBDHV"
CHUNK = 1 << 14  # sequences at once
LETTERS = np.zeros(256, dtype=bool)
LETTERS[[ord(letter) for base in "ACGTUN" + AMBIGUOUS for letter in (base, base.lower())]] = True
CODES = ENCODE & CODE_MASK
CODES[[ord("U"), ord("u")]] = CODES[ord("T")]


def encode_sequences(sequences: pd.Series, where: pd.Series, length: int) -> tuple[np.ndarray, int]:
    """Base codes, uint8 (sequences, length), each in the middle with N around it, and how many have ambiguous letters.

    A sequence longer than `length` is cut to its middle.

    Args:
        sequences: text.
        where: the file and line of each, for messages.

    Raises:
        InputError: a sequence is empty, or has a letter that stands for no base.
    """
    codes = np.full((len(sequences), length), N_CODE, dtype=np.uint8)
    ambiguous = 0
    for first in range(0, len(sequences), CHUNK):
        part = sequences.iloc[first : first + CHUNK]
        raw = np.frombuffer("".join(part).encode("latin-1", "replace"), dtype=np.uint8)
        sizes = part.str.len().to_numpy()
        if not sizes.all():
            raise InputError(f"{where.iloc[first + int(sizes.argmin())]}: the sequence is empty")
        row = np.repeat(np.arange(len(part)), sizes)
        if not LETTERS[raw].all():
            wrong = int((~LETTERS[raw]).argmax())
            number = first + int(row[wrong])
            place = wrong - int(np.searchsorted(row, row[wrong]))
            raise InputError(
                f"{where.iloc[number]}: found {sequences.iloc[number][place]!r} as letter {place + 1} of the sequence, "
                "expected A, C, G, T, U, N or another letter of IUPAC's code"
            )
        # where a sequence begins among the columns; negative if it is cut
        shift = (length - sizes) // 2
        column = np.arange(len(raw)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(shift, sizes)
        inside = (column >= 0) & (column < length)
        codes[first + row[inside], column[inside]] = CODES[raw[inside]]
        unknown = (CODES[raw] == N_CODE) & (raw != ord("N")) & (raw != ord("n"))
        ambiguous += len(np.unique(row[unknown]))
    return codes, ambiguous


def sequence_keys(codes: np.ndarray) -> np.ndarray:
    """A number of each sequence, uint64 (sequences,), that it shares with its reverse complement and no other.

    The sum of random numbers that stand for a base at a place (Zobrist hashing), the lesser of both strands; N at the
    ends do not count. Two different sequences share one with a chance of some 1e-19.
    """
    length = codes.shape[1]
    numbers = np.random.default_rng(0).integers(0, 1 << 64, (length + 1, N_CODE + 1), dtype=np.uint64)
    numbers[length] = 0
    keys = np.empty(len(codes), dtype=np.uint64)
    complement = np.array([3, 2, 1, 0, N_CODE])
    for first in range(0, len(codes), CHUNK):
        here = codes[first : first + CHUNK]
        known = here < N_CODE
        start = known.argmax(axis=1)[:, None]
        end = length - known[:, ::-1].argmax(axis=1)[:, None]
        place = np.arange(length)
        inside = (place >= start) & (place < end)
        forward = np.where(inside, place - start, length)
        backward = np.where(inside, end - 1 - place, length)
        strands = (numbers[forward, here], numbers[backward, complement[here]])
        keys[first : first + CHUNK] = np.minimum(*(strand.sum(axis=1, dtype=np.uint64) for strand in strands))
    return keys
