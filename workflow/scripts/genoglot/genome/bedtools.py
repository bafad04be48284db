"""The program bedtools: its contig sizes and temporary files, and tables of intervals on their way in and out."""

import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pybedtools

from genoglot.errors import InputError


@contextmanager
def bedtools(contigs: pd.DataFrame) -> Iterator[str]:
    """Yield the path of a bedtools genome file; the temporary files made meanwhile are removed at the end.

    Args:
        contigs: columns contig and length, in the order in which bedtools is to sort.

    Raises:
        InputError: the program bedtools is missing.
    """
    if shutil.which("bedtools") is None:
        raise InputError(
            "the program bedtools was not found on PATH; install it with `apt-get install bedtools` or "
            "`conda install -c bioconda bedtools`, or run the workflow with --software-deployment-method conda"
        )
    before = pybedtools.get_tempdir()
    with tempfile.TemporaryDirectory() as folder:
        pybedtools.set_tempdir(folder)
        try:
            sizes = Path(folder) / "sizes.tsv"
            contigs[["contig", "length"]].to_csv(sizes, sep="\t", header=False, index=False)
            yield str(sizes)
        finally:
            pybedtools.set_tempdir(before)


def to_bedtools(intervals: pd.DataFrame) -> pybedtools.BedTool:
    """Intervals (columns contig, start, end, strand) for bedtools."""
    columns = {"contig": intervals["contig"], "start": intervals["start"], "end": intervals["end"]}
    return pybedtools.BedTool.from_dataframe(
        pd.DataFrame({**columns, "name": ".", "score": 0, "strand": intervals["strand"]})
    )


def from_bedtools(tool: pybedtools.BedTool) -> pd.DataFrame:
    """Columns contig, start, end of what bedtools made, in its order."""
    return pd.read_csv(
        tool.fn,
        sep="\t",
        names=["contig", "start", "end"],
        usecols=[0, 1, 2],
        dtype={"contig": str, "start": "int64", "end": "int64"},
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
    )
