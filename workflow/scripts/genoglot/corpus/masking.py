"""What masked language models are asked for: which tokens of a window are hidden, and what is put in their place.

A share of the tokens is to be predicted; of these, as in BERT (Devlin et al. 2019, doi:10.18653/v1/N19-1423), 80%
become [MASK], 10% something random, and 10% stay as they are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genoglot.genome.store import BASES, N_CODE
from genoglot.tokens.encoding import Encoding, SingleBase, Tokens

MASK_TOKEN = SingleBase().mask
IGNORED = -100
# one count of a Philox generator gives so many bytes
COUNT_BYTES = 32
# one 16-bit random number decides the fate of a single base
LEVELS = 1 << 16


@dataclass(frozen=True)
class RowNumbers:
    """Random numbers for the `rows` rows from `first` on of batch `step`.

    The generator counts (Salmon et al. 2011, doi:10.1145/2063384.2063405): a row's numbers depend on the seed, the
    step and the row alone, and do not need those of the rows before it.
    """

    seed: int
    step: int
    first: int
    rows: int

    def small(self, size: int) -> np.ndarray:
        """uint16 of shape (rows, size)."""
        return self._draw(4, size, np.dtype("<u2"))

    def large(self, size: int) -> np.ndarray:
        """uint64 of shape (rows, size)."""
        return self._draw(6, size, np.dtype("<u8"))

    def _draw(self, stream: int, size: int, dtype: np.dtype) -> np.ndarray:
        each = COUNT_BYTES // dtype.itemsize
        counts = -(-size // each)
        generator = np.random.Philox(np.random.SeedSequence([self.seed, stream, self.step]))
        generator.advance(self.first * counts)
        numbers = generator.random_raw(self.rows * counts * 4).view(dtype)
        return numbers.reshape(self.rows, counts * each)[:, :size]


def mask(codes: np.ndarray, rate: float, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Single bases, hidden one by one: tokens uint8 and the positions to predict, bool.

    Both have the shape of the base codes, uint8, and of `numbers`, uint16. A share `rate` of the bases is to be
    predicted. `mask_bases` with a span of 1 does the same, more slowly.
    """
    chosen_below = round(rate * LEVELS)
    # a multiple of four, so that the two lowest bits of a number below it are a base, each as often
    random_below = 4 * round(rate * LEVELS / 40)
    chosen = (numbers < chosen_below) & (codes < N_CODE)
    tokens = select(chosen & (numbers >= 2 * random_below), np.uint8(MASK_TOKEN), codes)
    replaced = np.flatnonzero(chosen & (numbers < random_below))
    tokens.reshape(-1)[replaced] = numbers.reshape(-1)[replaced] & 3
    return tokens, chosen


def select(condition: np.ndarray, one: np.ndarray | np.uint8, other: np.ndarray | np.uint8) -> np.ndarray:
    """`np.where` for uint8 by bit operations, which random conditions do not slow down, as they do its branches."""
    bits = np.negative(condition.view(np.uint8))
    return (one & bits) | (other & ~bits)


class Fates(NamedTuple):
    """What becomes of units (bases or tokens) of windows; all have shape (rows, units).

    `chosen`, bool: to be predicted; `hidden` and `replaced`, bool: those of the chosen that become [MASK], and
    something random. `draws`, uint64 below 2**32: what the random thing is drawn with.
    """

    chosen: np.ndarray
    hidden: np.ndarray
    replaced: np.ndarray
    draws: np.ndarray

    def among(self, allowed: np.ndarray) -> "Fates":
        """The same, with nothing chosen where `allowed` (rows, units) is false."""
        return Fates(self.chosen & allowed, self.hidden & allowed, self.replaced & allowed, self.draws)


def draw_fates(numbers: np.ndarray, rate: float, span: int, width: int = 1) -> Fates:
    """Fates of units that are hidden in spans of `span`, from `numbers`, uint64 (rows, units + span - 1).

    A span may begin at each unit and at the span - 1 places before the first, all equally likely; the latest beginning
    decides where spans overlap, and a span has one fate. A share `rate` of all stretches of `width` neighbouring units
    has one chosen in it: each such stretch is met by the spans that begin at span + width - 1 places.
    """
    begins = 1 - (1 - rate) ** (1 / (span + width - 1))
    # the upper half of a number decides the fate, and the lower half is left for what is put in
    chosen_below = np.uint64(min(round(begins * 2**32), 2**32 - 1) << 32)
    random_below = np.uint64(round(begins / 10 * 2**32) << 32)
    deciding, near = numbers, numbers < chosen_below
    if span > 1:
        places = np.arange(numbers.shape[1], dtype=np.int32)
        latest = np.maximum.accumulate(np.where(near, places, np.int32(-span)), axis=1)
        near = places - latest < span
        deciding = np.take_along_axis(numbers, np.maximum(latest, 0), axis=1)
    deciding, chosen = deciding[:, span - 1 :], near[:, span - 1 :]
    replaced = chosen & (deciding < random_below)
    hidden = chosen & (deciding >= 2 * random_below)
    return Fates(chosen, hidden, replaced, numbers[:, span - 1 :] & np.uint64(2**32 - 1))


def mask_bases(codes: np.ndarray, rate: float, span: int, random: RowNumbers) -> tuple[np.ndarray, np.ndarray]:
    """Single bases, hidden in spans: tokens uint8 and the positions to predict, bool, of the shape of `codes`."""
    fates = draw_fates(random.large(codes.shape[1] + span - 1), rate, span).among(codes < N_CODE)
    tokens = _substitute(codes, fates)
    tokens[fates.hidden] = MASK_TOKEN
    return tokens, fates.chosen


def mask_kmers(
    codes: np.ndarray, written: Tokens, encoding: Encoding, rate: float, span: int, random: RowNumbers
) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping k-mers: tokens int64 and the positions to predict, bool, both of shape (rows, tokens).

    A base is in k tokens, each of which gives it away, so that bases are hidden, in spans of `span` bases: all tokens
    of a hidden base become [MASK] (DNABERT, Ji et al. 2021, doi:10.1093/bioinformatics/btab083, for the same reason
    hides neighbouring tokens), and all of a replaced base are written from the replacement. To be predicted are the
    tokens of all chosen bases, a share `rate` of the tokens. Those with an N stay [UNK].

    Args:
        codes: base codes, uint8 (rows, window).
        written: their tokens.
    """
    fates = draw_fates(random.large(codes.shape[1] + span - 1), rate, span, encoding.k).among(codes < N_CODE)
    known = written.ids != encoding.unknown
    tokens = encoding.encode(_substitute(codes, fates)).ids
    tokens[_in_any(fates.hidden, encoding.k) & known] = encoding.mask
    return tokens, _in_any(fates.chosen, encoding.k) & known


def mask_tokens(
    written: Tokens, encoding: Encoding, ordinary: np.ndarray, rate: float, span: int, longest: int, random: RowNumbers
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that share no bases: tokens int64 and the positions to predict, bool, both of shape (rows, tokens).

    Args:
        ordinary: which ids may be hidden and put in for others, bool (size,).
        span: tokens that are hidden together.
        longest: the most tokens that any window can have; a row's random numbers must not depend on its neighbours.
    """
    ids = written.ids
    numbers = random.large(longest + span - 1)[:, : ids.shape[1] + span - 1]
    fates = draw_fates(numbers, rate, span).among(ordinary[ids])
    choices = np.flatnonzero(ordinary)
    tokens = np.where(fates.hidden, encoding.mask, ids)
    drawn = fates.draws[fates.replaced] * np.uint64(len(choices)) >> np.uint64(32)
    tokens[fates.replaced] = choices[drawn.astype(np.int64)]
    return tokens, fates.chosen


def ordinary_tokens(encoding: Encoding) -> np.ndarray:
    """Which ids are spelled in bases alone, bool (size,): neither N nor special."""
    return np.array([set(token) <= set(BASES[:N_CODE]) for token in encoding.tokens])


def _substitute(codes: np.ndarray, fates: Fates) -> np.ndarray:
    """Base codes with random bases where the fates say so."""
    result = codes.copy()
    result[fates.replaced] = fates.draws[fates.replaced] & np.uint64(3)
    return result


def _in_any(flags: np.ndarray, k: int) -> np.ndarray:
    """Whether one of the k bases from each on is flagged, bool (rows, window - k + 1)."""
    length = flags.shape[1] - k + 1
    result = flags[:, :length].copy()
    for offset in range(1, k):
        result |= flags[:, offset : offset + length]
    return result
