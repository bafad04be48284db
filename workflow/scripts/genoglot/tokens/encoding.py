"""From base codes to token ids: single bases, overlapping k-mers, and blocks of k bases.

All take base codes (A 0, C 1, G 2, T 3, N 4, as in genoglot.genome.store) of windows of one size, and say of each
token which bases of the window it covers. Byte-pair encoding, which must be learnt, is in genoglot.tokens.bpe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from genoglot.errors import InputError
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import BASES, CODE_MASK, N_CODE

MASK, PAD, UNKNOWN = "[MASK]", "[PAD]", "[UNK]"
SPECIAL = (MASK, PAD, UNKNOWN)
# what every vocabulary in which letters may stand beside longer tokens begins with
LETTERS_AND_SPECIAL = (*BASES, *SPECIAL)
MAX_K = 8  # 65,536 tokens: more would be larger than the network that reads them


@dataclass(frozen=True)
class Tokens:
    """Tokens of a batch of windows.

    `ids` (int64), `starts` and `ends` (int32) have shape (batch, longest): a token's id, its first base in the window
    and the one after its last (0-based, half-open). Window number i has `lengths[i]` tokens (int64, (batch,)); beyond
    them the ids are the encoding's `pad`, and starts and ends 0.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Where there is a token and not padding, boolean of shape (batch, longest)."""
        return np.arange(self.ids.shape[1]) < self.lengths[:, None]


class Encoding(Protocol):
    """A vocabulary, and how windows are written in it."""

    @property
    def tokens(self) -> list[str]:
        """The spelling of each token, in the order of the ids."""

    @property
    def size(self) -> int:
        """Number of tokens in the vocabulary."""

    @property
    def mask(self) -> int:
        """Id of the token that hides what is to be predicted."""

    @property
    def pad(self) -> int:
        """Id that fills up windows of fewer tokens than the longest of a batch."""

    @property
    def unknown(self) -> int:
        """Id of what the vocabulary cannot spell."""

    @property
    def k(self) -> int:
        """Bases of a token, where all but letters have the same number of them; 0 where they differ."""

    @property
    def overlapping(self) -> bool:
        """Whether neighbouring tokens share bases."""

    @property
    def kmer_ids(self) -> np.ndarray:
        """Id of each k-mer by its number (genoglot.genome.kmers), int64 of shape (4**k,); empty where k is 0."""

    @property
    def base_ids(self) -> np.ndarray:
        """Ids of the tokens A, C, G, T, int64 of shape (4,); -1 where the vocabulary has no single bases."""

    def encode(self, codes: np.ndarray) -> Tokens:
        """Tokens of base codes, uint8 of shape (batch, window); soft-mask bits are passed over."""


class Vocabulary:
    """Size and special ids of a list of tokens that holds [MASK], [PAD] and [UNK]."""

    tokens: list[str]
    k = 0
    overlapping = False

    @property
    def size(self) -> int:
        return len(self.tokens)

    @cached_property
    def mask(self) -> int:
        return self.tokens.index(MASK)

    @cached_property
    def pad(self) -> int:
        return self.tokens.index(PAD)

    @cached_property
    def unknown(self) -> int:
        return self.tokens.index(UNKNOWN)

    @cached_property
    def kmer_ids(self) -> np.ndarray:
        return self._ids_of(kmers(self.k)) if self.k else np.empty(0, dtype=np.int64)

    @cached_property
    def base_ids(self) -> np.ndarray:
        return self._ids_of(BASES[:N_CODE])

    def _ids_of(self, spelled: Sequence[str]) -> np.ndarray:
        ids = {token: number for number, token in enumerate(self.tokens)}
        return np.array([ids.get(token, -1) for token in spelled], dtype=np.int64)


class SingleBase(Vocabulary):
    """One token a base, with the ids of genoglot.network: N also stands for padding and the unknown."""

    tokens = [*BASES, MASK]  # noqa: RUF012
    k = 1
    pad = unknown = N_CODE

    def encode(self, codes: np.ndarray) -> Tokens:
        """One token for each base: `longest` is the window."""
        return _aligned((codes & CODE_MASK).astype(np.int64), 1)


class Kmers(Vocabulary):
    """Overlapping k-mers, one from each base on (DNABERT, Ji et al. 2021, doi:10.1093/bioinformatics/btab083).

    The id of a k-mer is its number with the first base as the most significant digit of base 4; [MASK], [PAD] and
    [UNK] follow. A k-mer with an N is [UNK]. A window of w bases has w - k + 1 tokens, none if it is shorter than k.
    """

    overlapping = True

    def __init__(self, k: int):
        self.k = _checked(k)

    @cached_property
    def tokens(self) -> list[str]:  # type: ignore[override]
        return [*kmers(self.k), *SPECIAL]

    def encode(self, codes: np.ndarray) -> Tokens:
        """Token number i covers the bases from i to i + k."""
        codes = codes & CODE_MASK
        numbers, known = kmer_numbers(codes, self.k)
        return _aligned(np.where(known, numbers, self.unknown).astype(np.int64), self.k)


class Blocks(Vocabulary):
    """Blocks of k bases side by side (Nucleotide Transformer, Dalla-Torre et al. 2024, doi:10.1038/s41592-024-02523-z).

    From left to right, k known bases make one token; an N is a token of its own, and so is each of the fewer than k
    bases that are left before an N or the window's end. The ids are those of the letters, of [MASK], [PAD] and [UNK]
    (which no sequence gives), and then of the k-mers in alphabetical order.
    """

    def __init__(self, k: int):
        self.k = _checked(k)

    @cached_property
    def tokens(self) -> list[str]:  # type: ignore[override]
        return [*LETTERS_AND_SPECIAL, *kmers(self.k)]

    def encode(self, codes: np.ndarray) -> Tokens:
        """Windows differ in their number of tokens where they hold N."""
        codes = codes & CODE_MASK
        block, letter = self._begins(codes < N_CODE)
        begins = block | letter
        lengths = begins.sum(axis=1)
        present = np.arange(lengths.max(initial=0)) < lengths[:, None]
        whole = block[begins]
        rows, starts = np.nonzero(begins)
        ids = codes[rows, starts].astype(np.int64)
        ids[whole] = len(LETTERS_AND_SPECIAL) + self._numbers(codes, rows[whole], starts[whole])
        return Tokens(
            _padded(present, ids, self.pad),
            _padded(present, starts.astype(np.int32), 0),
            _padded(present, (starts + np.where(whole, self.k, 1)).astype(np.int32), 0),
            lengths,
        )

    def _begins(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a block begins and where a letter stands, boolean of the shape of `known`, (batch, window)."""
        size = known.shape[1]
        position = np.arange(size, dtype=np.int32)
        # first base of the run of known bases that a base is in, and the base after its last
        first = np.maximum.accumulate(np.where(known, 0, position + 1), axis=1)
        last = np.minimum.accumulate(np.where(known, size, position)[:, ::-1], axis=1)[:, ::-1]
        blocks_end = first + (last - first) // self.k * self.k
        in_blocks = known & (position < blocks_end)
        return in_blocks & ((position - first) % self.k == 0), ~in_blocks

    def _numbers(self, codes: np.ndarray, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        numbers = np.zeros(len(rows), dtype=np.int64)
        for offset in range(self.k):
            numbers = numbers * 4 + codes[rows, starts + offset]
        return numbers


def kmers(k: int) -> list[str]:
    """All k-mers in alphabetical order, which is that of their numbers."""
    return ["".join(letters) for letters in product(BASES[:N_CODE], repeat=k)]


def _aligned(ids: np.ndarray, span: int) -> Tokens:
    """Tokens of `span` bases that start at every base of the window."""
    starts = np.tile(np.arange(ids.shape[1], dtype=np.int32), (len(ids), 1))
    return Tokens(ids, starts, starts + np.int32(span), np.full(len(ids), ids.shape[1], dtype=np.int64))


def _padded(present: np.ndarray, values: np.ndarray, fill: int) -> np.ndarray:
    """Values of all tokens, window after window, laid out as (batch, longest)."""
    result = np.full(present.shape, fill, dtype=values.dtype)
    result[present] = values
    return result


def _checked(k: int) -> int:
    if not 2 <= k <= MAX_K:
        raise InputError(f"tokens of k = {k} bases: k is from 2 to {MAX_K}; for single bases choose the type single")
    return k
