"""Tracks for genome browsers: a value for each site of a scan, as bigWig."""

import errno
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pybigtools

from genoglot.scans.table import LLR, batches, constraint, contig_runs, ratios

BATCH = 65_536


def write_track(table: Path, contigs: pd.DataFrame, measure: str, output: Path) -> None:
    """Write one of the measures of `constraint` of all sites of a scan as bigWig (Kent et al. 2010,
    doi:10.1093/bioinformatics/btq351), with zoom levels.

    The sites are streamed, so that memory does not depend on their number (bigtools: Huey & Abdennur 2024,
    doi:10.1093/bioinformatics/btae350).

    Args:
        table: Parquet of the scan, sorted; not empty.
        contigs: column length, indexed by name, in the order of the table.
        measure: `max` or `mean`.
        output: bigWig, ending in .bw.

    Raises:
        OSError: the file could not be written whole.
    """
    write_values(contigs, _values(table, measure), pq.read_metadata(table).num_rows, output)


def write_values(
    contigs: pd.DataFrame, values: Iterable[tuple[str, int, int, float]], sites: int, output: Path
) -> None:
    """Write values as bigWig: contig, start, end and value of intervals that do not overlap, in the contigs' order,
    which have `sites` bases together.

    Raises:
        OSError: the file could not be written whole.
    """
    lengths = {str(name): int(length) for name, length in contigs["length"].items()}
    try:
        pybigtools.open(str(output), "w").write(lengths, iter(values))
    except BaseException as error:
        # what goes wrong in a thread of the library, as for want of space, is a panic, which is no Exception
        if type(error).__name__ != "PanicException":
            raise
    # and what goes wrong elsewhere in it is printed, and not raised
    if (written := _covered(output)) != sites:
        raise OSError(errno.EIO, f"{written} of {sites} sites could be written (is the disk full?)", str(output))


def _values(table: Path, measure: str) -> Iterator[tuple[str, int, int, float]]:
    for batch in batches(table, BATCH, ["contig", "pos", *LLR]):
        values = constraint(ratios(batch, LLR))[measure]
        positions = batch["pos"].to_numpy()
        for name, first, end in contig_runs(batch):
            places = positions[first:end]
            yield from zip(repeat(name), places.tolist(), (places + 1).tolist(), values[first:end].tolist())


def _covered(path: Path) -> int:
    """Bases with a value in a bigWig; 0 if it is none."""
    try:
        return pybigtools.open(str(path)).info()["summary"]["basesCovered"]
    except pybigtools.BBIReadError:
        return 0
