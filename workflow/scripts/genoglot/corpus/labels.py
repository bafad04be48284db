"""Region classes of training windows, to learn them beside the sequence."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.corpus.masking import IGNORED
from genoglot.corpus.reader import WindowReader
from genoglot.genome.region_classes import REGION_CLASSES
from genoglot.genome.regions import read_regions
from genoglot.genome.store import Genome

# the code that follows those of the classes is that of bases without annotation
UNANNOTATED_CODE = len(REGION_CLASSES)
TARGETS = np.array([*range(UNANNOTATED_CODE), IGNORED], dtype=np.int8)


@dataclass(frozen=True)
class ClassifiedGenome(Genome):
    """A genome whose array holds the class of each base, a code of `read_regions`, in the place of the base.

    Without `bed` all are unannotated, which takes no memory; else it takes one byte a base.
    """

    bed: Path | None

    @cached_property
    def bases(self) -> np.ndarray:
        if self.bed is None:
            return np.broadcast_to(np.uint8(UNANNOTATED_CODE), int(self.contigs["length"].sum()))
        return read_regions(self.bed, self)


class Labels(WindowReader):
    """Reads the region classes of windows, as a `WindowReader` of the same windows reads their bases.

    `regions` maps genomes to their `regions.bed.gz`; those that are missing, or None, have no labels (which makes
    training semi-supervised).

    Raises:
        InputError: the regions are not a partition of the genome's contigs.
    """

    def __init__(self, windows: pd.DataFrame, sequences: dict[str, Path], regions: dict[str, Path | None]):
        super().__init__(windows, sequences)
        self._stores = [ClassifiedGenome(Path(folder), regions.get(name)) for name, folder in sequences.items()]
        for store in self._stores:
            # read before processes fork, which then share it, and before training begins, if something is wrong
            _ = store.bases

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: it reads the regions anew, so that they are not sent."""
        return {**self.__dict__, "_stores": [replace(store) for store in self._stores]}

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Index into `REGION_CLASSES` of each base, int8 (rows, window); -100 where the annotation does not tell."""
        return TARGETS[super().read(rows)]
