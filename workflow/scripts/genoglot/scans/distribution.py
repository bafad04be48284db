"""How constraint is distributed over the region classes of a genome, collected while the sites go by."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from genoglot.genome.region_classes import REGION_CLASSES, UNANNOTATED
from genoglot.genome.regions import read_region_table
from genoglot.genome.store import Genome
from genoglot.scans.table import LLR, MARKOV, constraint, ratios

CLASSES = [*REGION_CLASSES, UNANNOTATED]
# nats: what lies outside counts as the border
LOWEST, HIGHEST, STEP = -20.0, 40.0, 0.01
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class ClassDistributions:
    """Number, mean and quantiles of constraint in each region class, by the model and by the Markov chain.

    Quantiles come from a histogram, and are exact to `STEP`; memory does not depend on the number of sites.
    """

    def __init__(self, genome: Genome, regions: Path) -> None:
        """`regions`: the genome's `regions.bed.gz`."""
        table = read_region_table(regions)
        offset = genome.contigs["offset"].to_numpy()
        starts = offset[genome.contig_numbers(table["contig"])] + table["start"].to_numpy()
        order = np.argsort(starts, kind="stable")
        self._starts = starts[order]
        self._classes = np.array([CLASSES.index(name) for name in table["class"]])[order]
        bins = round((HIGHEST - LOWEST) / STEP)
        self._measures = [f"{of}{name}" for of in ("", "markov_") for name in ("max", "mean")]
        self._counts = np.zeros((len(self._measures), len(CLASSES), bins), dtype=np.int64)
        self._sums = np.zeros((len(self._measures), len(CLASSES)))

    def add(self, sites: pa.Table, places: np.ndarray) -> None:
        """Count the sites of a part of a scan's table; `places` are theirs in the genome's array, int64 (rows,)."""
        label = self._classes[np.searchsorted(self._starts, places, side="right") - 1]
        values = [*constraint(ratios(sites, LLR)).values(), *constraint(ratios(sites, MARKOV)).values()]
        _, classes, bins = self._counts.shape
        for row, measured in enumerate(values):
            column = np.clip((measured - LOWEST) / STEP, 0, bins - 1).astype(np.int64)
            self._counts[row] += np.bincount(label * bins + column, minlength=classes * bins).reshape(classes, bins)
            self._sums[row] += np.bincount(label, weights=measured, minlength=classes)

    def summary(self) -> list[dict[str, Any]]:
        """For each class that has sites: its name, their number, and of each measure mean and quantiles (nats)."""
        found = []
        for number, name in enumerate(CLASSES):
            total = int(self._counts[0, number].sum())
            if total:
                of_class = {measure: self._describe(row, number, total) for row, measure in enumerate(self._measures)}
                found.append({"class": name, "positions": total, **of_class})
        return found

    def _describe(self, row: int, number: int, total: int) -> dict[str, float]:
        cumulated = np.cumsum(self._counts[row, number])
        # the middle of the bin in which a share of the sites is reached
        columns = [np.searchsorted(cumulated, share * total) for share in QUANTILES]
        quantiles = {
            f"q{share * 100:02.0f}": round(LOWEST + (int(column) + 0.5) * STEP, 3)
            for share, column in zip(QUANTILES, columns, strict=True)
        }
        return {"mean": float(self._sums[row, number] / total), **quantiles}
