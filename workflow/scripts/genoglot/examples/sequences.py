"""Base codes of many sequences at once, of text or of a genome, and a number for each by which equal ones are found."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import mix
from genoglot.errors import InputError
from genoglot.genome.store import CODE_MASK, COMPLEMENT, ENCODE, N_CODE, Genome

# letters of IUPAC's code beside A, C, G, T and N, which become N
AMBIGUOUS = "RYSWKMBDHV"
CHUNK = 1 << 21  # bases at once
LETTERS = np.zeros(256, dtype=bool)
LETTERS[[ord(letter) for base in "ACGTUN" + AMBIGUOUS for letter in (base, base.lower())]] = True
CODES = ENCODE & CODE_MASK
CODES[[ord("U"), ord("u")]] = CODES[ord("T")]


def row_chunks(rows: int, length: int) -> Iterator[slice]:
    """Rows of a matrix of sequences, about `CHUNK` bases at a time."""
    step = max(1, CHUNK // max(1, length))
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


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
    sizes = sequences.str.len().to_numpy(dtype=np.int64)
    if len(sizes) and not sizes.all():
        raise InputError(f"{where.iloc[int(sizes.argmin())]}: the sequence is empty")
    ambiguous = 0
    for rows in row_chunks(len(sizes), int(sizes.max(initial=1))):
        part, size = sequences.iloc[rows], sizes[rows]
        # any letter is one byte, those that are no letter of Latin among them
        raw = np.frombuffer("".join(part).encode("latin-1", "replace"), dtype=np.uint8)
        begins = np.cumsum(size) - size
        if not LETTERS[raw].all():
            place = int((~LETTERS[raw]).argmax())
            row = int(np.searchsorted(begins, place, side="right")) - 1
            _refuse_letter(part.iloc[row], place - int(begins[row]), where.iloc[rows.start + row])
        found = CODES[raw]
        if (size == length).all():
            codes[rows] = found.reshape(len(size), length)
        else:
            # negative where a sequence is cut
            column = np.arange(len(raw)) + np.repeat((length - size) // 2 - begins, size)
            inside = (column >= 0) & (column < length)
            row_of = np.repeat(np.arange(rows.start, rows.stop), size)
            codes[row_of[inside], column[inside]] = found[inside]
        unknown = np.flatnonzero((found == N_CODE) & (raw != ord("N")) & (raw != ord("n")))
        ambiguous += len(set(np.searchsorted(begins, unknown, side="right")))
    return codes, ambiguous


def _refuse_letter(sequence: str, place: int, where: str) -> None:
    raise InputError(
        f"{where}: found {sequence[place]!r} as letter {place + 1} of the sequence, expected A, C, G, T, U, N or "
        "another letter of IUPAC's code"
    )


def genome_sequences(genome: Genome, frame: pd.DataFrame) -> np.ndarray:
    """Base codes of windows of one length, uint8 (windows, length), N beyond the ends of contigs.

    Args:
        frame: columns number (of the contig), start and end.
    """
    number, start = frame["number"].to_numpy(), frame["start"].to_numpy()
    length = int(frame["end"].iloc[0] - start[0]) if len(frame) else 0
    codes = np.empty((len(frame), length), dtype=np.uint8)
    for rows in row_chunks(len(frame), length):
        codes[rows] = genome.windows(number[rows], start[rows], length)
    return codes


def sequence_keys(codes: np.ndarray) -> np.ndarray:
    """A number of each sequence, uint64 (sequences,), that it shares with its reverse complement and no other.

    The sum of random numbers that stand for a base at a place (Zobrist hashing), the lesser of both strands; N at the
    ends do not count. Two different sequences share one with a chance of some 1e-19.
    """
    length = codes.shape[1]
    kinds = N_CODE + 1
    numbers = np.random.default_rng(0).integers(0, 1 << 64, (length + 1, kinds), dtype=np.uint64)
    numbers[length] = 0
    flat = numbers.reshape(-1)
    place = np.arange(length)
    keys = np.empty(len(codes), dtype=np.uint64)
    for rows in row_chunks(*codes.shape):
        here = codes[rows]
        known = here < N_CODE
        start = known.argmax(axis=1)[:, None]
        end = length - known[:, ::-1].argmax(axis=1)[:, None]
        inside = (place >= start) & (place < end)
        forward = np.where(inside, place - start, length) * kinds + here
        backward = np.where(inside, end - 1 - place, length) * kinds + COMPLEMENT[here]
        keys[rows] = np.minimum(*(flat.take(each).sum(axis=1, dtype=np.uint64) for each in (forward, backward)))
    return keys


def pair_keys(codes: np.ndarray) -> np.ndarray:
    """A number of each pair of alleles, uint64 (pairs,), of base codes (pairs, 2, length); swapped alleles are another.

    The strand of either allele does not matter, as of `sequence_keys`.
    """
    reference, alternative = (sequence_keys(codes[:, allele]) for allele in (0, 1))
    return mix(reference) ^ alternative
