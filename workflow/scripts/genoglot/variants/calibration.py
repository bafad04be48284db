"""Scores of substitutions set against those of neutral sites with the same bases around them.

What a model says of a substitution depends first on the bases beside it, as mutation rates do: a C before a G is
expected to be a T wherever CpGs decay, in genes and outside. Set against neutral substitutions of the same kind, a
score tells of the site what its neighbours do not. Kinds are those by which studies of constraint tell expected numbers
of variants apart: the k-mer around the site and the alternative base, both strands taken together (trinucleotides in
Karczewski et al. 2020, doi:10.1038/s41586-020-2308-7). The scores are averages over both strands, so a substitution
and its complement on the other strand are one thing seen twice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.errors import InputError
from genoglot.files import atomic_path
from genoglot.genome.kmers import kmer_numbers
from genoglot.genome.store import BASES, COMPLEMENT, N_CODE, Genome, reverse_complement

# neutral substitutions of a kind below which the kind with fewer bases around the site stands in
FEWEST = 100
# shares of which the quantiles are kept: every hundredth, and more in the tails
SHARES = np.array([0, 0.001, 0.002, 0.005, *np.arange(1, 100) / 100, 0.995, 0.998, 0.999, 1])
METADATA = b"genoglot.calibration"


def context(genome: Genome, contigs: np.ndarray, positions: np.ndarray, k: int) -> np.ndarray:
    """Base codes of the k bases (k odd) around sites, uint8 (sites, k), N past the ends of a contig.

    `contigs` are contig numbers, `positions` 0-based.
    """
    return genome.windows(contigs, positions - k // 2, k)


@dataclass(frozen=True)
class Calibration:
    """Scores of neutral substitutions by kind.

    A kind is a row of these arrays; the last row is all neutral substitutions together. Kinds with fewer than
    `FEWEST` neutral substitutions have no row: the kind with a base less on either side stands in for them, down to
    the reference and alternative bases alone, and in the end the last row.

    Attributes:
        kmer: bases around the site, itself included; odd.
        contexts: reference k-mers of kmer, kmer - 2, ... bases as text, on the strand on which the site has A or C;
            empty for the last row.
        alternatives: alternative bases on that strand, likewise.
        n, mean, sd: number of neutral substitutions, mean and standard deviation (n - 1) of their scores.
        quantiles: float32 (kinds, len(SHARES)).
    """

    kmer: int
    contexts: list[str]
    alternatives: list[str]
    n: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def fit(cls, codes: np.ndarray, llr: np.ndarray) -> "Calibration":
        """Summarise the scores of neutral sites.

        Args:
            codes: as `context` gives them, (sites, k).
            llr: log-likelihood ratio of each base to the reference base, (sites, 4), NaN for the latter.

        Raises:
            ValueError: there is no score at all.
        """
        site, alternative = np.nonzero(np.isfinite(llr))
        if not len(site):
            raise ValueError("no neutral substitution has a score")
        values = llr[site, alternative].astype(np.float64)
        kinds: list[tuple[str, str]] = []
        groups: list[np.ndarray] = []
        for size, number in _numbers(codes[site], alternative):
            order = np.argsort(number, kind="stable")
            found, first = np.unique(number[order], return_index=True)
            for kind, members in zip(found, np.split(order, first[1:]), strict=True):
                if size == 0 or (kind >= 0 and len(members) >= FEWEST):
                    kinds.append(_words(int(kind), size))
                    groups.append(values[members])
        # one score alone has no standard deviation
        spread = [group.std(ddof=1) if len(group) > 1 else np.nan for group in groups]
        return cls(
            codes.shape[1],
            [words[0] for words in kinds],
            [words[1] for words in kinds],
            np.array([len(group) for group in groups]),
            np.array([group.mean() for group in groups]),
            np.array(spread),
            np.array([np.quantile(group, SHARES) for group in groups], dtype=np.float32),
        )

    def save(self, path: Path, description: Mapping[str, Any]) -> None:
        """Write a Parquet table, a row for each kind; `description` (JSON) says what it was made of."""
        schema = pa.schema(
            [
                ("context", pa.string()),
                ("alt", pa.string()),
                ("n", pa.int64()),
                ("mean", pa.float64()),
                ("sd", pa.float64()),
                ("quantiles", pa.list_(pa.float32())),
            ],
            {METADATA: json.dumps({**description, "kmer": self.kmer, "shares": SHARES.tolist()}).encode()},
        )
        columns = [self.contexts, self.alternatives, self.n, self.mean, self.sd, self.quantiles.tolist()]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        with atomic_path(Path(path)) as temporary:
            pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary)

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read what `save` wrote.

        Raises:
            InputError: the file is no such table, or one with other quantiles.
        """
        try:
            table = pq.read_table(path)
            description = json.loads((table.schema.metadata or {})[METADATA])
        except (OSError, KeyError, pa.ArrowInvalid) as error:
            raise InputError(f"{path}: no table of calibration; make the file again") from error
        if description["shares"] != SHARES.tolist():
            raise InputError(f"{path}: made by another version, with other quantiles; make the file again")
        quantiles = np.array(table["quantiles"].to_pylist(), dtype=np.float32)
        contexts, alternatives = (table[name].to_pylist() for name in ("context", "alt"))
        n, mean, sd = (table[name].to_numpy() for name in ("n", "mean", "sd"))
        return cls(description["kmer"], contexts, alternatives, n, mean, sd, quantiles)

    @cached_property
    def _rows(self) -> dict[int, np.ndarray]:
        """For each number of bases of a context: the row of every kind, -1 for those that have none."""
        rows = {size: np.full(4 ** (size + 1), -1) for size in range(self.kmer, 0, -2)}
        for row, (text, alternative) in enumerate(zip(self.contexts, self.alternatives, strict=True)):
            if text:
                rows[len(text)][_number(text + alternative)] = row
        rows[0] = np.array([len(self.n) - 1])
        return rows

    def kinds(self, codes: np.ndarray, alternative: np.ndarray) -> np.ndarray:
        """Row of the kind that stands for each substitution, int64; -1 for what is none.

        `codes` (sites, kmer) as `context` gives them, `alternative` (sites,) base codes. An N beside a site has the
        same effect as a rare context: fewer bases count. What is no substitution: an N at the site, and an alternative
        that is the reference base or none of the four.
        """
        reference = codes[:, self.kmer // 2]
        possible = (reference < N_CODE) & (alternative >= 0) & (alternative < N_CODE) & (alternative != reference)
        result = np.full(len(codes), -1, dtype=np.int64)
        for size, number in _numbers(codes, np.where(possible, alternative, 0)):
            open_yet = possible & (result < 0) & (number >= 0)
            result[open_yet] = self._rows[size][number[open_yet]]
        return result

    def apply(self, codes: np.ndarray, alternative: np.ndarray, llr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated scores and percentiles of substitutions, float32 (sites,) each.

        The calibrated score is (llr - mean) / sd over neutral substitutions of the same kind: negative still means
        less likely than usual. The percentile is the share, from 0 to 1, of them that score no higher, between their
        quantiles by interpolation. Both are NaN for what is no substitution (see `kinds`) or has no score; the
        first also where all neutral scores of the kind are equal.

        Args:
            codes: as `context(..., self.kmer)` gives them, (sites, kmer).
            alternative: base codes, (sites,).
            llr: log-likelihood ratios of alternative to reference, (sites,).
        """
        kind = self.kinds(codes, alternative)
        there = np.flatnonzero((kind >= 0) & np.isfinite(llr))
        kind, values = kind[there], llr[there].astype(np.float32)
        calibrated, percentile = np.full((2, len(llr)), np.nan, dtype=np.float32)
        spread = np.where(self.sd[kind] > 0, self.sd[kind], np.nan)
        calibrated[there] = (values - self.mean[kind]) / spread
        percentile[there] = _shares(self.quantiles, kind, values)
        return calibrated, percentile


def _numbers(codes: np.ndarray, alternative: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The kinds of substitutions as numbers, by contexts of k, k - 2, ... 1 and no bases; -1 where one has an N.

    The number is that of the context and, as its last base, the alternative, on the strand on which the site has A or
    C. Without a context it is 0.
    """
    k = codes.shape[1]
    turned = codes[:, k // 2] > 1
    codes = np.where(turned[:, None], reverse_complement(codes), codes)
    alternative = np.where(turned, COMPLEMENT[alternative], alternative)
    found = []
    for size in range(k, 0, -2):
        flank = (k - size) // 2
        number, known = kmer_numbers(codes[:, flank : flank + size], size)
        found.append((size, np.where(known[:, 0], number[:, 0] * 4 + alternative, -1)))
    return [*found, (0, np.zeros(len(codes), dtype=np.int64))]


def _number(text: str) -> int:
    number = 0
    for base in text:
        number = number * 4 + BASES.index(base)
    return number


def _words(kind: int, size: int) -> tuple[str, str]:
    """Context and alternative base of a number of `_numbers`."""
    if size == 0:
        return "", ""
    text = "".join(BASES[kind >> 2 * place & 3] for place in range(size, -1, -1))
    return text[:-1], text[-1]


def _shares(quantiles: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Share of a row's distribution that is no higher than each value, by interpolation of its quantiles."""
    most = quantiles.shape[1]
    low, high = np.zeros(len(values), dtype=np.int64), np.full(len(values), most)
    # a binary search in each row for the number of quantiles that are no higher
    for _ in range(most.bit_length()):
        middle = (low + high) // 2
        upper = (low < high) & (quantiles[rows, np.minimum(middle, most - 1)] <= values)
        low, high = np.where(upper, middle + 1, low), np.where(upper, high, middle)
    before, after = np.maximum(low - 1, 0), np.minimum(low, most - 1)
    start, end = quantiles[rows, before], quantiles[rows, after]
    part = np.where(end > start, (values - start) / np.where(end > start, end - start, 1), 0)
    return np.clip(SHARES[before] + part * (SHARES[after] - SHARES[before]), 0, 1)
