"""Which split each base of a genome belongs to: by whole contigs, or by blocks that a hash draws.

Both depend on the base's own place alone, so that adding contigs, genomes or annotations never moves a window.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genoglot.corpus.hashing import uniform
from genoglot.errors import InputError

SPLITS = ("train", "validation", "test")
TRAIN = SPLITS.index("train")


def split_of(genome: str, contig: str, settings: dict[str, Any]) -> str:
    """Split of a contig: named in `validation` or `test` as `contig` or as `genome:contig`, else `train`."""
    for split in ("validation", "test"):
        if {contig, f"{genome}:{contig}"} & set(settings[split]):
            return split
    return "train"


def split_of_block(genome: str, contig: str, number: int, validation: float, test: float) -> str:
    """Split of a block, drawn by a hash of genome, contig and block number.

    Validation takes the lower end of the draws and test the upper, so that changing one share leaves the other be.
    """
    draw = uniform(f"{genome}\t{contig}\t{number}")
    if draw < validation:
        return "validation"
    return "test" if draw >= 1 - test else "train"


@dataclass(frozen=True)
class SplitMap:
    """Runs of bases of one split, over the contigs of a genome laid one after another.

    Attributes:
        starts, ends: int64 (runs,), ascending; together they cover every base once. No run passes a contig's end.
        splits: int8 (runs,), indices into `SPLITS`; neighbours on a contig differ.
    """

    starts: np.ndarray
    ends: np.ndarray
    splits: np.ndarray

    @classmethod
    def of(cls, genome: str, contigs: Iterable[str], lengths: Sequence[int], settings: dict[str, Any]) -> "SplitMap":
        """The map of a genome whose contigs have these names and lengths, in the order of the FASTA."""
        starts, splits, offset = [], [], 0
        for contig, length in zip(contigs, lengths, strict=True):
            if length:
                borders, codes = _runs(genome, contig, int(length), settings)
                starts.append(borders + offset)
                splits.append(codes)
            offset += int(length)
        first = np.concatenate([np.empty(0, dtype=np.int64), *starts])
        return cls(first, np.append(first[1:], offset), np.concatenate([np.empty(0, dtype=np.int8), *splits]))

    def run(self, positions: np.ndarray) -> np.ndarray:
        """Number of the run that holds each position."""
        return np.searchsorted(self.starts, positions, side="right") - 1

    def shares(self) -> dict[str, float]:
        """Share of the bases in each split."""
        sizes = self.ends - self.starts
        total = max(int(sizes.sum()), 1)
        return {split: int(sizes[self.splits == code].sum()) / total for code, split in enumerate(SPLITS)}


def _runs(genome: str, contig: str, length: int, settings: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Starts (int64) and splits (int8) of a contig's runs."""
    rule = settings["split"]
    if rule["by"] == "contigs":
        return np.zeros(1, dtype=np.int64), np.array([SPLITS.index(split_of(genome, contig, settings))], dtype=np.int8)
    shares = rule["validation"], rule["test"]
    drawn = (split_of_block(genome, contig, number, *shares) for number in range(-(-length // rule["block"])))
    codes = np.fromiter((SPLITS.index(split) for split in drawn), dtype=np.int8)
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    return first * rule["block"], codes[first]


def check_held_out(name: str, settings: dict[str, Any], contigs: dict[str, list[str]]) -> None:
    """Check the contigs that a corpus holds out by name.

    Args:
        name: the corpus.
        settings: its settings.
        contigs: names of each genome's contigs.

    Raises:
        InputError: a contig to hold out is in no genome, or is meant for both validation and test; or contigs are
            named although the split is by hash.
    """
    named = [contig for split in SPLITS[1:] for contig in settings[split]]
    if settings["split"]["by"] == "hash":
        if named:
            raise InputError(
                f"corpus {name}: it is split by hash, so no contigs are held out by name: remove {', '.join(named)}"
            )
        return
    known = {contig for names in contigs.values() for contig in names}
    known |= {f"{genome}:{contig}" for genome, names in contigs.items() for contig in names}
    for split in SPLITS[1:]:
        for contig in settings[split]:
            if contig not in known:
                near = difflib.get_close_matches(contig, known, n=3, cutoff=0.3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(sorted(known)[:10])}"
                raise InputError(f"corpus {name}: the {split} contig {contig!r} is in none of its genomes; {hint}")
    both = set(settings["validation"]) & set(settings["test"])
    if both:
        raise InputError(f"corpus {name}: {', '.join(sorted(both))} cannot be both validation and test")
