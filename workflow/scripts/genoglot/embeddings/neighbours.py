"""The windows of a genome that a model embeds most like a window."""

from pathlib import Path

import numpy as np
import pandas as pd

from genoglot.files import atomic_path

NEIGHBOURS = 10
MAX_SEARCHED = 50_000
BATCH = 128  # windows whose cosines to all others are in memory at once


def nearest_windows(
    components: np.ndarray, contigs: np.ndarray, starts: np.ndarray, ends: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of, and cosines to, the `NEIGHBOURS` windows most alike, the most alike first; (windows, NEIGHBOURS).

    Windows that overlap the window, itself among them, do not count. Where there are more than `MAX_SEARCHED` windows,
    neighbours are from a sample of so many, drawn with the seed. -1 and NaN where there are no more.

    Args:
        components: principal components (windows, components).
        contigs, starts, ends: of each window; 0-based half-open.
    """
    n_windows = len(components)
    pool = np.arange(n_windows)
    if n_windows > MAX_SEARCHED:
        pool = np.sort(np.random.default_rng(seed).choice(n_windows, MAX_SEARCHED, replace=False))
    length = np.linalg.norm(components, axis=1, keepdims=True)
    unit = components / np.where(length > 0, length, 1)
    numbers = np.full((n_windows, NEIGHBOURS), -1)
    cosines = np.full((n_windows, NEIGHBOURS), np.nan, dtype=np.float32)
    for first in range(0, n_windows, BATCH):
        rows = np.arange(first, min(first + BATCH, n_windows))
        alike = unit[rows] @ unit[pool].T
        near = contigs[rows, None] == contigs[pool]
        near &= (starts[rows, None] < ends[pool]) & (ends[rows, None] > starts[pool])
        alike[near] = -np.inf
        count = min(NEIGHBOURS, len(pool))
        best = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(alike, best, axis=1)
        # equal cosines in genome order
        order = np.lexsort((best, -values), axis=1)
        best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
        there = np.isfinite(values)
        numbers[rows, :count] = np.where(there, pool[best], -1)
        cosines[rows, :count] = np.where(there, values, np.nan)
    return numbers, cosines


def write_neighbours(path: Path, table: pd.DataFrame, numbers: np.ndarray, cosines: np.ndarray) -> None:
    """Write Parquet, one row a window and neighbour: places of both, `rank` from 1, and `cosine`."""
    window, rank = np.nonzero(numbers >= 0)
    other = numbers[window, rank]
    contig = table["contig"].astype("category")
    frame = pd.DataFrame({"contig": contig.array[window]})
    for name in ("start", "end"):
        frame[name] = table[name].to_numpy()[window]
    frame["rank"] = (rank + 1).astype(np.int8)
    frame["neighbour_contig"] = contig.array[other]
    for name in ("start", "end"):
        frame[f"neighbour_{name}"] = table[name].to_numpy()[other]
    frame["cosine"] = cosines[window, rank]
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)
