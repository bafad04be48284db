"""The genome that a task is about, and the splits of windows on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genoglot.corpus.splits import SPLITS as CORPUS_SPLITS
from genoglot.corpus.splits import SplitMap
from genoglot.examples.splitting import block_keys, by_contig, by_hash
from genoglot.examples.store import TEST, VALIDATION
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome


@dataclass(frozen=True)
class TaskGenome:
    """A genome that labels lie on, and what a model that is to learn them reads and has held out of it.

    Attributes:
        name: of the genome.
        sequence: the genome.
        known: names of its contigs that files and settings may use.
        window: bases that the model reads.
        corpus: settings `split`, `validation` and `test` of the model's corpus.
        seed: of the splits and samples that are drawn.
    """

    name: str
    sequence: Genome
    known: ContigNames
    window: int
    corpus: Mapping[str, Any]
    seed: int

    @classmethod
    def of(
        cls, name: str, sequence: Genome, names: Path | None, window: int, corpus: Mapping[str, Any], seed: int
    ) -> "TaskGenome":
        """`names` is the genome's `names.tsv`, if files and settings may call contigs by other names."""
        return cls(name, sequence, ContigNames.of(sequence.contigs.index, names), window, corpus, seed)

    def splits(self, frame: pd.DataFrame, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, str]:
        """The split of windows, which of them lie across a border of splits, and in words where the splits are from.

        Windows that lie across a border belong to neither side: without them no base is on two sides.

        Args:
            frame: columns contig, number (of the contig), start and end.
            settings: `by` (`auto`, `hash` or `contig`), `validation` and `test`.
        """
        lengths = self.sequence.contigs["length"].to_numpy()[frame["number"]]
        first = block_keys(frame, frame["start"])
        last = block_keys(frame, np.minimum(frame["end"], lengths) - 1)
        if settings["by"] == "contig":
            split = by_contig(frame["contig"], first, settings, self.known, self.seed, "split")
            return split, _reaching(split, first, last), "by contig"
        if settings["by"] == "auto":
            here, across = self.held_out(frame)
            if here.any():
                split = np.full(len(frame), TEST, dtype=object)
                split[~here] = by_hash(first[~here], settings, self.seed, "split", (VALIDATION,))
                across[~here] |= _reaching(split[~here], first[~here], last[~here])
                return split, across, "tested on what the model's corpus held out"
        split = by_hash(first, settings, self.seed, "split")
        return split, _reaching(split, first, last), "drawn by a hash of the place"

    def held_out(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Which windows the corpus holds out, and which lie across the border of its splits; two bool arrays.

        Held out are the windows of its test split, or, where the genome has none, those of its validation split.
        """
        contigs = self.sequence.contigs
        splits = SplitMap.of(self.name, contigs.index, contigs["length"].to_list(), dict(self.corpus))
        offset, length = (contigs[key].to_numpy()[frame["number"]] for key in ("offset", "length"))
        first = np.clip(frame["start"].to_numpy(), 0, length - 1)
        last = np.clip(frame["end"].to_numpy() - 1, 0, length - 1)
        run = splits.run(offset + first)
        across = run != splits.run(offset + last)
        split = splits.splits[run]
        codes = [CORPUS_SPLITS.index(name) for name in (TEST, VALIDATION)]
        code = next((code for code in codes if (splits.splits == code).any()), None)
        return (split == code) & ~across, across


def _reaching(split: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Which windows end in a stretch whose windows have another split than theirs, by the keys of the stretches."""
    of = pd.Series(split, index=first)
    other = pd.Series(last).map(of[~of.index.duplicated()]).to_numpy(dtype=object)
    return pd.notna(other) & (other != split)
