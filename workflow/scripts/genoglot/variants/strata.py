"""Which region class each variant lies in."""

from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.genome.intervals import Intervals

# What is thought to be under little selection; without an annotation everything is unannotated.
NEUTRAL = ("intergenic", "intron", "unannotated")


class RegionTable:
    """The region classes of a genome, by contig, in the memory of its table and not of its bases."""

    def __init__(self, table: pd.DataFrame) -> None:
        """`table`: columns contig, start, end, class, a partition of each contig, sorted by start within it."""
        self._contigs = dict(list(table.groupby("contig", sort=False)))

    @classmethod
    def read(cls, bed: str | Path) -> "RegionTable":
        """Read a genome's `regions.bed.gz`."""
        columns = ["contig", "start", "end", "class"]
        return cls(pd.read_csv(bed, sep="\t", names=columns, dtype={"contig": str}, keep_default_na=False))

    def classes(self, contig: pd.Series, position: np.ndarray) -> np.ndarray:
        """Class at each position (0-based) of the contig beside it, object (positions,); empty where there is none."""
        result = np.full(len(position), "", dtype=object)
        for name, rows in contig.reset_index(drop=True).groupby(contig.to_numpy(), sort=False).indices.items():
            table = self._contigs.get(name)
            if table is None:
                continue
            number = np.searchsorted(table["start"].to_numpy(), position[rows], side="right") - 1
            inside = (number >= 0) & (position[rows] < table["end"].to_numpy()[-1])
            result[rows[inside]] = table["class"].to_numpy(dtype=object)[number[inside]]
        return result

    def intervals(self, contig: str, classes: tuple[str, ...]) -> np.ndarray:
        """Where a contig has one of the classes, int64 (intervals, 2), neighbours joined."""
        table = self._contigs.get(contig)
        if table is None:
            return np.empty((0, 2), dtype=np.int64)
        return Intervals(table.loc[table["class"].isin(classes), ["start", "end"]].to_numpy()).pairs
