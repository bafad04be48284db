"""Windows read from tokenized genomes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from genoglot.genome.store import Genome


class WindowReader:
    """Reads windows of several genomes, in any order, as stored bytes (base code and soft-mask bit).

    `windows` has columns genome, contig, start, end, all of one size, and may have weight; `sequences` maps each
    genome to the folder of its tokenized sequence. `weights` is how often each window is drawn in one pass over the
    corpus, float64 (windows,), 1 where nothing else is said.
    """

    def __init__(self, windows: pd.DataFrame, sequences: dict[str, Path]):
        self._stores = [Genome(Path(folder)) for folder in sequences.values()]
        numbers = {name: number for number, name in enumerate(sequences)}
        self._number = windows["genome"].map(numbers).to_numpy(dtype=np.int32)
        offset = np.empty(len(windows), dtype=np.int64)
        for number, store in enumerate(self._stores):
            rows = self._number == number
            offset[rows] = store.contigs["offset"].reindex(windows["contig"][rows]).to_numpy()
        self._first = offset + windows["start"].to_numpy()
        self.size = int((windows["end"] - windows["start"]).iloc[0])
        weights = windows["weight"] if "weight" in windows else np.ones(len(windows))
        # written in single precision: 0.1 is meant to be a tenth
        self.weights = np.round(np.asarray(weights, dtype=np.float64), 6)

    def __len__(self) -> int:
        return len(self._first)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: it maps the genomes anew, since a pickled map would be a copy of all bases."""
        return {**self.__dict__, "_stores": [Genome(store.folder) for store in self._stores]}

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Stored bytes, uint8 (rows, window)."""
        result = np.empty((len(rows), self.size), dtype=np.uint8)
        numbers = self._number[rows]
        for number in np.unique(numbers):
            here = numbers == number
            every = sliding_window_view(np.asarray(self._stores[number].bases), self.size)
            result[here] = every[self._first[rows[here]]]
        return result
