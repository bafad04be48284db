"""Values along a genome in a bigWig (Kent et al. 2010, doi:10.1093/bioinformatics/btq351)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pybigtools

from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome

# the first bytes of files, as machines of either kind write them
BIGWIG = (bytes.fromhex("26fc8f88"), bytes.fromhex("888ffc26"))
BIGBED = (bytes.fromhex("ebf28987"), bytes.fromhex("8789f2eb"))
CALLED = (".bw", ".bigwig")
PIECE = 1 << 20  # bases that are read at once
RECORD = np.dtype([("start", np.int64), ("end", np.int64), ("value", np.float64)])


@dataclass(frozen=True)
class Stretch:
    """Intervals of one contig, each with its value, sorted and without overlap.

    Attributes:
        number: of the contig.
        starts, ends: 0-based, half-open; int64.
        values: float64; NaN where there is none.
        lines: numbers of the lines that they are from, where the file has lines.
    """

    number: int
    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    lines: np.ndarray | None = None


def is_bigwig(path: str | Path) -> bool:
    """Whether a file is a bigWig by its first bytes.

    Raises InputError if it is there under the name of one and is none, if it is a bigBed, or not there.
    """
    try:
        with open(path, "rb") as handle:
            first = handle.read(4)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    if first in BIGBED:
        raise InputError(f"{path}: this is a bigBed, expected a bigWig, a bedGraph or a BED")
    if first not in BIGWIG and str(path).lower().endswith(CALLED):
        raise InputError(f"{path}: this is no bigWig: its first bytes are {first.hex(' ') or 'missing'}")
    return first in BIGWIG


class BigWig:
    """The values of a bigWig on a genome.

    Attributes:
        numbers: of the contigs of the genome that it lists.
        elsewhere: names of contigs that the genome does not have.

    Args:
        path: of a file for which `is_bigwig`.
        known: names of the genome's contigs.

    Raises:
        InputError: it cannot be read, has none of the genome's contigs, one twice, or one of another length.
    """

    def __init__(self, path: str | Path, genome: Genome, known: ContigNames):
        self._path = path
        with self._opened() as reader:
            lengths: dict[str, int] = reader.chroms()
        contigs = dict(zip(lengths, known.resolve(pd.Series(list(lengths), dtype=object)), strict=True))
        self.elsewhere = [name for name, contig in contigs.items() if not isinstance(contig, str)]
        self._called = self._checked(genome, lengths, {name: contigs[name] for name in lengths if contigs[name]})

    @property
    def numbers(self) -> list[int]:
        return sorted(self._called)

    def stretches(self) -> Iterator[Stretch]:
        """All values, contig by contig, those of at most `PIECE` bases at a time."""
        with self._opened() as reader:
            for number in self.numbers:
                name, length = self._called[number]
                for start in range(0, length, PIECE):
                    # values of a stretch of bases that are the same are one record
                    found = np.fromiter(reader.records(name, start, min(start + PIECE, length)), dtype=RECORD)
                    if len(found):
                        yield Stretch(number, found["start"], found["end"], found["value"])

    def _checked(self, genome: Genome, lengths: dict[str, int], contigs: dict[str, str]) -> dict[int, tuple[str, int]]:
        """By the number of each contig what the file calls it, and its length."""
        own = genome.contigs["length"]
        called: dict[int, tuple[str, int]] = {}
        for name, contig in contigs.items():
            if contig not in own.index:
                continue
            number, expected = int(own.index.get_loc(contig)), int(own[contig])
            if number in called:
                raise InputError(f"{self._path}: {called[number][0]} and {name} are both {contig} of the genome")
            if lengths[name] != expected:
                raise InputError(
                    f"{self._path}: contig {name} has {lengths[name]} bases, and {contig} of the genome {expected}; "
                    "the track is of another assembly"
                )
            called[number] = name, expected
        if not called:
            raise InputError(
                f"{self._path}: it has no contig of the genome. bigWig: {few(lengths)}. Genome: {few(own.index)}. "
                "Give the track of this assembly, or its names in the column `aliases` of the sheet of genomes"
            )
        return called

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        # by its path, the library goes by what a file is called
        with open(self._path, "rb") as handle:
            try:
                yield pybigtools.open(handle)
            except pybigtools.BBIReadError as error:
                raise InputError(
                    f"{self._path}: this cannot be read as bigWig ({error}); is it cut short? Get it again"
                ) from None
