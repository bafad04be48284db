"""Which examples train, which choose the epoch, and which test.

Splits are drawn by numbers that belong to the sequences or their places and not to the order of a file: adding examples
moves none that is there from one side to the other.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import mix
from genoglot.corpus.splits import SPLITS as CORPUS_SPLITS
from genoglot.corpus.splits import SplitMap
from genoglot.errors import InputError, few
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome
from genoglot.tasks.examples import TEST, TRAIN, VALIDATION

BLOCK = 20  # windows; neighbours share a split, so that none has a twin across the border
# other words for the splits, as files have them
WORDS = {"train": TRAIN, "training": TRAIN, "dev": VALIDATION, "val": VALIDATION, "valid": VALIDATION,
         "validation": VALIDATION, "test": TEST}  # fmt: skip


def by_hash(keys: np.ndarray, settings: Mapping[str, Any], seed: int, test: bool, place: str) -> np.ndarray:
    """The split of each sequence by its key, uint64 (examples,): shares of `validation` and, if `test`, of `test`.

    The share for validation is of what is not for testing, and drawn by itself.

    Raises InputError, which begins with `place`, if `settings` has contigs where shares are needed.
    """
    for name in (VALIDATION, TEST):
        if not isinstance(settings[name], int | float):
            raise InputError(f"{place}.{name}: expected a share between 0 and 1, found {settings[name]}")
        if not 0 < settings[name] < 1:
            raise InputError(f"{place}.{name}: expected a share between 0 and 1, found {settings[name]:g}")
    testing = chosen(keys, settings[TEST], seed, TEST) if test else np.zeros(len(keys), dtype=bool)
    split = np.full(len(keys), TRAIN, dtype=object)
    split[testing] = TEST
    split[~testing] = np.where(chosen(keys[~testing], settings[VALIDATION], seed, VALIDATION), VALIDATION, TRAIN)
    return split


def chosen(keys: np.ndarray, share: float, seed: int, purpose: str) -> np.ndarray:
    """Which keys are drawn for a purpose, bool; of so few that none would be, the first to be drawn."""
    numbers = draw(keys, seed, purpose)
    return numbers < max(share, np.nextafter(numbers.min(initial=1.0), 1.0)) if len(keys) else numbers < share


def draw(keys: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """A number in [0, 1) of each key, that depends on the key, the seed and the purpose."""
    salt = np.uint64(zlib.crc32(f"{seed}:{purpose}".encode()))
    return mix(mix(keys.copy()) ^ mix(np.array([salt + np.uint64(1)]))).astype(np.float64) / 2.0**64


def by_column(values: pd.Series, where: pd.Series) -> np.ndarray:
    """The split that a column says, in any of the usual words."""
    split = values.str.strip().str.lower().map(WORDS)
    if split.isna().any():
        row = int(split.isna().to_numpy().argmax())
        raise InputError(
            f"{where.iloc[row]}: found {values.iloc[row]!r} as the split, expected train, validation (or dev) or test"
        )
    return split.to_numpy(dtype=object)


def by_contig(contigs: pd.Series, settings: Mapping[str, Any], known: ContigNames, place: str) -> np.ndarray:
    """The split of each example by its contig: those that `validation` and `test` name, and the others for training."""
    for name in (VALIDATION, TEST):
        if not isinstance(settings[name], list):
            raise InputError(f"{place}.{name}: split by contig needs a list of contigs, found {settings[name]:g}")
    named = {name: known.find(settings[name], f"{place}.{name}") for name in (VALIDATION, TEST)}
    if both := set(named[VALIDATION]) & set(named[TEST]):
        raise InputError(f"{place}: contigs both for validation and for test: {few(sorted(both))}")
    split = np.full(len(contigs), TRAIN, dtype=object)
    for name, chosen in named.items():
        split[contigs.isin(chosen).to_numpy()] = name
    return split


def place_keys(frame: pd.DataFrame, window: int) -> np.ndarray:
    """A key of the stretch of `BLOCK` windows in which each window of a genome begins, uint64 (windows,)."""
    block = np.maximum(frame["start"].to_numpy(), 0) // (BLOCK * window)
    pairs = pd.MultiIndex.from_arrays([frame["contig"].to_numpy(), block])
    numbers, names = pairs.factorize()
    keys = np.array([zlib.crc32(f"{contig}:{number}".encode()) for contig, number in names], dtype=np.uint64)
    return keys[numbers]


def groups_of(frame: pd.DataFrame, window: int) -> np.ndarray:
    """Number of the contig and the stretch of `BLOCK` windows in which each window begins, int64 (windows,)."""
    block = np.maximum(frame["start"].to_numpy(), 0) // (BLOCK * window)
    return frame["number"].to_numpy().astype(np.int64) * 10**9 + block


def held_out(
    frame: pd.DataFrame, genome: Genome, name: str, corpus: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Which windows a corpus holds out, and which lie across the border of its splits; two bool arrays.

    Held out are the windows of its test split, or, where the genome has none, those of its validation split. `corpus`
    holds its settings `split`, `validation` and `test`; `name` is the genome's.
    """
    splits = SplitMap.of(name, genome.contigs.index, genome.contigs["length"].to_list(), dict(corpus))
    offset, length = (genome.contigs[key].to_numpy()[frame["number"]] for key in ("offset", "length"))
    first = np.clip(frame["start"].to_numpy(), 0, length - 1)
    last = np.clip(frame["end"].to_numpy() - 1, 0, length - 1)
    run = splits.run(offset + first)
    across = run != splits.run(offset + last)
    split = splits.splits[run]
    codes = [CORPUS_SPLITS.index(name) for name in (TEST, VALIDATION)]
    code = next((code for code in codes if (splits.splits == code).any()), None)
    return (split == code) & ~across, across


def by_corpus(
    frame: pd.DataFrame, genome: Genome, name: str, corpus: Mapping[str, Any], keys: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The split of windows: what a corpus holds out tests, `share` of the rest by hash chooses the epoch.

    With it, which windows lie across a border and belong to neither side; None if nothing is held out here.
    """
    here, across = held_out(frame, genome, name, corpus)
    if not here.any():
        return None
    split = np.full(len(frame), TEST, dtype=object)
    split[~here] = np.where(chosen(keys[~here], share, seed, VALIDATION), VALIDATION, TRAIN)
    return split, across
