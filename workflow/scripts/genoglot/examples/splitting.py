"""Which examples train, which choose the epoch, and which test.

Splits are drawn by numbers that belong to the sequences or their places and not to the order of a file: adding examples
moves none that is there from one side to the other.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from genoglot.corpus.hashing import contig_keys, mix
from genoglot.errors import InputError, few
from genoglot.examples.store import TEST, TRAIN, VALIDATION
from genoglot.genome.names import ContigNames

BLOCK = 20  # windows; neighbours share a split, so that none has a twin across the border
# other words for the splits, as files have them
WORDS = {"train": TRAIN, "training": TRAIN, "dev": VALIDATION, "val": VALIDATION, "valid": VALIDATION,
         "validation": VALIDATION, "test": TEST}  # fmt: skip


def by_hash(
    keys: np.ndarray, settings: Mapping[str, Any], seed: int, place: str, drawn: tuple[str, ...] = (VALIDATION, TEST)
) -> np.ndarray:
    """The split of each example by its key, uint64 (examples,): shares of those of validation and test in `drawn`.

    `settings` has the shares; that for validation is of what is not for testing, and drawn by itself.

    Raises InputError, which begins with `place`, if `settings` has contigs where shares are needed.
    """
    split = np.full(len(keys), TRAIN, dtype=object)
    for name in (TEST, VALIDATION):
        if name in drawn:
            left = np.flatnonzero(split == TRAIN)
            split[left[chosen(keys[left], _share(settings, name, place), seed, name)]] = name
    return split


def _share(settings: Mapping[str, Any], name: str, place: str) -> float:
    share = settings[name]
    if not isinstance(share, int | float):
        raise InputError(
            f"{place}.{name}: expected a share between 0 and 1, found {share}; contigs are for split.by: contig"
        )
    if not 0 < share < 1:
        raise InputError(f"{place}.{name}: expected a share between 0 and 1, found {share:g}")
    return share


def chosen(keys: np.ndarray, share: float, seed: int, purpose: str) -> np.ndarray:
    """Which keys are drawn for a purpose, bool; of so few that none would be, the first to be drawn."""
    numbers = draw(keys, seed, purpose)
    return numbers < max(share, np.nextafter(numbers.min(initial=1.0), 1.0)) if len(keys) else numbers < share


def draw(keys: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """A number in [0, 1) of each key, that depends on the key, the seed and the purpose."""
    salt = np.uint64(zlib.crc32(f"{seed}:{purpose}".encode()))
    return mix(mix(keys.copy()) ^ mix(np.array([salt + np.uint64(1)]))).astype(np.float64) / 2.0**64


def group_keys(groups: pd.Series, where: pd.Series) -> np.ndarray:
    """A key of each group by its name, uint64 (examples,); `InputError` where there is no name."""
    groups = groups.str.strip()
    if (groups == "").any():
        row = int((groups == "").to_numpy().argmax())
        raise InputError(f"{where.iloc[row]}: found nothing as {groups.name}, expected the name of a group")
    names = groups.drop_duplicates()
    keys = contig_keys("group", 0, "", names)
    return groups.map(dict(zip(names, keys, strict=True))).to_numpy(dtype=np.uint64)


def by_column(values: pd.Series, where: pd.Series) -> np.ndarray:
    """The split that a column says, in any of the usual words."""
    split = values.str.strip().str.lower().map(WORDS)
    if split.isna().any():
        row = int(split.isna().to_numpy().argmax())
        raise InputError(
            f"{where.iloc[row]}: found {values.iloc[row]!r} as the split, expected train, validation (or dev) or test"
        )
    return split.to_numpy(dtype=object)


def by_contig(
    contigs: pd.Series, keys: np.ndarray, settings: Mapping[str, Any], known: ContigNames, seed: int, place: str
) -> np.ndarray:
    """The split of each example by its contig: those that `validation` and `test` name, and the others for training.

    Where `validation` is a share, it is drawn by the keys from the contigs that do not test.

    Raises InputError, which begins with `place`, for contigs that the genome does not have, or named twice.
    """
    if not isinstance(settings[TEST], list):
        raise InputError(f"{place}.{TEST}: split.by: contig takes a list of contigs, found {settings[TEST]:g}")
    listed = [name for name in (VALIDATION, TEST) if isinstance(settings[name], list)]
    named = {name: known.find(settings[name], f"{place}.{name}") for name in listed}
    if both := set(named.get(VALIDATION, [])) & set(named[TEST]):
        raise InputError(f"{place}: contigs both for validation and for test: {few(sorted(both))}")
    drawn = () if VALIDATION in named else (VALIDATION,)
    split = np.full(len(keys), TRAIN, dtype=object)
    for name, chosen in named.items():
        split[contigs.isin(chosen).to_numpy()] = name
    left = split == TRAIN
    split[left] = by_hash(keys[left], settings, seed, place, drawn)
    return split


def block_keys(frame: pd.DataFrame, positions: pd.Series) -> np.ndarray:
    """A key of the stretch of `BLOCK` windows in which each position of a window's contig lies, uint64 (windows,)."""
    names = frame["contig"].drop_duplicates()
    contigs = pd.Series([zlib.crc32(name.encode()) for name in names], index=names, dtype=np.uint64)
    return mix(frame["contig"].map(contigs).to_numpy(dtype=np.uint64) << np.uint64(32) | _blocks(frame, positions))


def _blocks(frame: pd.DataFrame, positions: pd.Series) -> np.ndarray:
    """Number of the stretch of `BLOCK` windows on its contig, uint64 (windows,)."""
    window = int(frame["end"].iloc[0] - frame["start"].iloc[0])
    return (np.maximum(positions.to_numpy(dtype=np.int64), 0) // (BLOCK * window)).astype(np.uint64)


def groups_of(frame: pd.DataFrame) -> np.ndarray:
    """Number of the contig and the stretch of `BLOCK` windows in which each window begins, int64 (windows,)."""
    return (frame["number"].to_numpy().astype(np.int64) << 32) + _blocks(frame, frame["start"]).astype(np.int64)


def neighbour_groups(frame: pd.DataFrame) -> np.ndarray:
    """A number of each run of windows that overlap from one to the next, int64 (windows,), in any order of rows.

    A run that is longer than `BLOCK` windows, as along a contig that is dense with variants, is parted at the borders
    of these.

    Args:
        frame: columns number (of the contig), start and end.
    """
    number, start = (frame[key].to_numpy(dtype=np.int64) for key in ("number", "start"))
    window = int(frame["end"].iloc[0] - start[0])
    order = np.lexsort((start, number))
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (np.diff(number[order]) != 0) | (np.diff(start[order]) >= window)
    run = np.empty(len(order), dtype=np.int64)
    run[order] = np.cumsum(begins) - 1
    starts = pd.Series(start).groupby(run)
    long = (starts.transform("max") - starts.transform("min") > BLOCK * window).to_numpy()
    block = np.where(long, _blocks(frame, frame["start"]).astype(np.int64), 0)
    return pd.factorize((run << 32) + block)[0]


def keep_together(split: np.ndarray, across: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Which examples are to be left out so that no group is on two sides, bool: those `across` a border, and those that
    are not on the side of most of their group."""
    counts = pd.DataFrame({"group": group, "split": split})[~across].value_counts().reset_index()
    counts = counts.sort_values(["count", "split"], ascending=False, kind="stable").drop_duplicates("group")
    side = pd.Series(group).map(counts.set_index("group")["split"]).to_numpy(dtype=object)
    return across | (side != split)
