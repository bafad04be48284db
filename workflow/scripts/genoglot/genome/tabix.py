"""Sorted rows written as bgzip with a tabix index."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pandas as pd
import pysam

from genoglot.errors import InputError
from genoglot.files import atomic_path

# A tabix index counts positions in 29 bits (Li 2011, doi:10.1093/bioinformatics/btq671).
LONGEST_CONTIG = 1 << 29
ROWS = 200_000


def write_tabix(
    path: str | Path, preset: Literal["gff", "bed"], rows: pd.DataFrame, header: Iterable[str] = ()
) -> None:
    """Write header lines and tab-separated rows to `path` (ending in .gz), and `path`.tbi beside it.

    Args:
        path: output; both files appear together, when they are whole.
        preset: tabix preset, `gff` or `bed`; it tells which columns hold the coordinates, and how they count.
        rows: the columns to write, sorted: all rows of a contig together, starts ascending.
        header: lines to write first.
    """
    path = Path(path)
    index = path.with_name(path.name + ".tbi")
    with atomic_path(path) as partial, atomic_path(index) as partial_index:
        with pysam.BGZFile(str(partial), "wb", None) as writer:
            writer.write("".join(f"{line}\n" for line in header).encode())
            for first in range(0, len(rows), ROWS):
                # quoting=3 (none): a GFF3 or BED field is written as it is
                text = rows.iloc[first : first + ROWS].to_csv(sep="\t", header=False, index=False, quoting=3)
                writer.write(text.encode())
        pysam.tabix_index(str(partial), preset=preset, index=str(partial_index), force=True)


def check_lengths(contigs: pd.DataFrame, source: str | Path) -> None:
    """Raise `InputError` for a contig (columns contig, length) that is too long for a tabix index."""
    long = contigs[contigs["length"] > LONGEST_CONTIG]
    if len(long):
        row = long.iloc[0]
        raise InputError(
            f"{source}: the contig {row['contig']!r} has {row['length']} bases; tabix indices (.tbi) reach to "
            f"{LONGEST_CONTIG}: split the contig at a gap"
        )


def read_contigs(path: str | Path) -> pd.DataFrame:
    """The contig table of a tokenized genome: columns contig, length, offset, in FASTA order."""
    return pd.read_csv(path, sep="\t", dtype={"contig": str}, keep_default_na=False)
