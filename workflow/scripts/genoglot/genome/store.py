"""A tokenized genome: one byte a base in a memory-mapped array, and a table of contigs.

Each byte is a base code (A 0, C 1, G 2, T 3, anything else 4) plus `SOFT_MASK` where the FASTA had lower case.
The contigs lie one after another, in the order of the FASTA.
"""

import mmap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.errors import InputError

BASES = "ACGTN"
N_CODE = 4
SOFT_MASK = 8
CODE_MASK = 7
# Bases of a contig that stay together when work on a genome is cut for parallel jobs.
BLOCK = 1 << 16

# code of the complementary base; N stays N
COMPLEMENT = np.array([3, 2, 1, 0, 4], dtype=np.uint8)

# ASCII byte -> stored byte
ENCODE = np.full(256, N_CODE, dtype=np.uint8)
ENCODE[[ord(base) for base in "ACGT"]] = np.arange(4)
ENCODE[[ord(base) for base in "acgt"]] = np.arange(4) | SOFT_MASK
ENCODE[[byte for byte in range(ord("a"), ord("z") + 1) if chr(byte) not in "acgt"]] = N_CODE | SOFT_MASK


def encode(sequence: bytes | str) -> np.ndarray:
    """Stored bytes, uint8 of shape (length,), of an ASCII sequence."""
    raw = sequence.encode("ascii") if isinstance(sequence, str) else sequence
    return ENCODE[np.frombuffer(raw, dtype=np.uint8)]


def decode(codes: np.ndarray) -> str:
    """Upper-case sequence of base codes (soft-mask bits are ignored)."""
    return np.frombuffer(BASES.encode(), dtype=np.uint8)[codes & CODE_MASK].tobytes().decode()


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Reverse complement along the last axis of base codes without soft-mask bits."""
    return COMPLEMENT[codes[..., ::-1]]


def forget(bases: np.ndarray) -> None:
    """Give back the memory of what was read of a mapped array; it is read again when it is needed.

    The kernel would take it back by itself, but until then it counts as the process' memory.
    """
    mapped = getattr(bases, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class Genome:
    """Read access to a tokenized genome folder (`bases.npy`, `contigs.tsv`).

    The array is mapped on first use, so an instance is cheap to make and safe to hand to a forked process.
    """

    folder: Path

    @cached_property
    def contigs(self) -> pd.DataFrame:
        """Columns `length` and `offset` (into the array), indexed by contig name, in FASTA order."""
        path = Path(self.folder) / "contigs.tsv"
        return pd.read_csv(path, sep="\t", dtype={"contig": str}, keep_default_na=False).set_index("contig")

    @cached_property
    def bases(self) -> np.ndarray:
        """All stored bytes, uint8 of shape (total length,), memory-mapped."""
        return np.load(Path(self.folder) / "bases.npy", mmap_mode="r")

    def contig(self, name: str) -> np.ndarray:
        """Stored bytes of one contig, as a view."""
        if name not in self.contigs.index:
            known = ", ".join(self.contigs.index[:10])
            raise InputError(f"{self.folder}: there is no contig {name!r}; the genome has {known}")
        row = self.contigs.loc[name]
        return self.bases[row.offset : row.offset + row.length]

    def windows(self, contigs: np.ndarray, starts: np.ndarray, size: int) -> np.ndarray:
        """Base codes of many windows, uint8 of shape (windows, size), N where a window passes a contig's end.

        `contigs` holds contig numbers (rows of the contig table), `starts` 0-based positions, which may be negative.
        """
        return self.at(contigs, np.asarray(starts, dtype=np.int64)[:, None] + np.arange(size))

    def at(self, contigs: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Base codes at 0-based positions (rows, columns), uint8 of that shape, N beyond the ends of a row's contig."""
        offset = self.contigs["offset"].to_numpy()[contigs][:, None]
        length = self.contigs["length"].to_numpy()[contigs][:, None]
        inside = (positions >= 0) & (positions < length)
        codes = self.bases[offset + np.where(inside, positions, 0)] & CODE_MASK
        codes[~inside] = N_CODE
        return codes

    def contig_numbers(self, names: pd.Series | np.ndarray) -> np.ndarray:
        """Row numbers in the contig table of contig names; -1 where the genome has no such contig."""
        return self.contigs.index.get_indexer(names)
