"""Embeddings of a genome's windows, from a pretrained model and from the same network with random weights."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from genoglot.embeddings import EACH_CONTIG
from genoglot.embeddings.passes import WindowReader
from genoglot.embeddings.windows import (
    drawn_runs,
    find_groups,
    find_runs,
    genome_windows,
    interval_windows,
    part_of,
    window_regions,
)
from genoglot.files import atomic_path
from genoglot.genome.regions import read_regions
from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK, Genome, forget
from genoglot.model.inference import Predictor, untrained
from genoglot.model.language_model import LanguageModel

log = logging.getLogger(__name__)

PLACES = ("start", "end", "interval_start", "interval_end")
SHARES = ("gc", "soft_masked", "perplexity")


def embed_windows(
    model: Path,
    sequence: Path,
    regions: Path,
    output: Path,
    settings: dict[str, Any],
    seed: int,
    threads: int,
    windows: Path | str | None = None,
    names: Path | None = None,
    part: int = 1,
    parts: int = 1,
) -> None:
    """Write one row per window: place, region class, GC, soft-masked share, perplexity and two embeddings (float16).

    Windows without any base are kept, with NaN vectors. Those that the untrained network does not read have null.

    Args:
        model, sequence, regions: the model's folder, that of the tokenized genome, and its `regions.bed.gz`.
        output: Parquet to write, sorted by contig and start.
        settings: `step`, `mode` (`packed` or `exact`), `layer` (None for the last), `perplexity` (whether to measure
            it), `compared` (about how many windows the untrained network reads), `batch_size` and `precision`.
        seed: of the untrained network and of the windows that it reads.
        threads: of the model.
        windows: a BED around whose intervals windows lie, `EACH_CONTIG`, or None for windows every `step` bases.
        names: the genome's `names.tsv`, if the BED calls contigs by other names.
        part, parts: the part to embed, from 1, of how many; what is written of a window does not depend on them.

    Raises:
        InputError: the BED or the genome has no windows, or the network has no such layer.
    """
    predictor, twin = _open(model, settings, seed, threads)
    genome = Genome(Path(sequence))
    frame = _windows(genome, predictor.window, settings["step"], windows, names)
    runs = find_runs(frame, settings["mode"] == "packed" and predictor.model.any_length)
    compared = drawn_runs(runs, settings["compared"], seed)
    groups = part_of(find_groups(runs), part, parts)
    reader = WindowReader(predictor, twin, genome, settings["perplexity"])
    classes = read_regions(regions, genome)
    schema = _schema(frame, predictor.dim)
    total, done = sum(group.stop - group.start for group in groups), 0
    with atomic_path(output) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for group in groups:
            rows = frame.iloc[group]
            columns = _describe(genome, rows, classes)
            places = rows["number"].to_numpy(), rows["start"].to_numpy()
            vectors, other, likelihood = reader.read(*places, runs[group], compared[group])
            columns["perplexity"] = pa.array(np.exp(-likelihood).astype(np.float32))
            known = ~np.isnan(columns["gc"].to_numpy())
            columns["embedding"] = _vectors(vectors, known)
            columns["untrained"] = _vectors(other, known, compared[group])
            writer.write_table(pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema))
            done += len(rows)
            log.info("embedded %d of %d windows", done, total)
            forget(genome.bases)


def _open(model: Path, settings: dict[str, Any], seed: int, threads: int) -> tuple[Predictor, LanguageModel]:
    """The model and its twin with random weights, both with vectors of the layer that is asked for."""
    opened = Predictor.open(model, settings, threads, side_by_side=True)
    torch.manual_seed(seed)
    twin = untrained(opened.model).at_layer(settings["layer"])
    return replace(opened, model=opened.model.at_layer(settings["layer"])), twin


def _windows(genome: Genome, window: int, step: int, windows: Path | str | None, names: Path | None) -> pd.DataFrame:
    if windows is None:
        return genome_windows(genome, window, step)
    return interval_windows(genome, window, None if windows == EACH_CONTIG else Path(windows), names)


def _schema(frame: pd.DataFrame, dim: int) -> pa.Schema:
    vector = pa.list_(pa.float16(), dim)
    fields = [("contig", pa.string()), *((name, pa.int64()) for name in PLACES if name in frame)]
    fields += [("region", pa.string()), *((name, pa.float32()) for name in SHARES)]
    return pa.schema([*fields, ("embedding", vector), ("untrained", vector)])


def _describe(genome: Genome, rows: pd.DataFrame, classes: np.ndarray) -> dict[str, pa.Array]:
    """Columns of windows but vectors; start and end are cut at the ends of the contig."""
    length = genome.contigs["length"].to_numpy()[rows["number"]]
    start, end = rows["start"].to_numpy(), rows["end"].to_numpy()
    places = start[:, None] + np.arange(end[0] - start[0])
    inside = (places >= 0) & (places < length[:, None])
    offset = genome.contigs["offset"].to_numpy()[rows["number"]][:, None]
    stored = np.where(inside, genome.bases[offset + np.where(inside, places, 0)], N_CODE)
    codes = stored & CODE_MASK
    with np.errstate(invalid="ignore"):
        gc = ((codes == 1) | (codes == 2)).sum(axis=1) / (codes < N_CODE).sum(axis=1)
    soft = ((stored & SOFT_MASK) > 0).sum(axis=1) / inside.sum(axis=1)
    columns = {name: pa.array(rows[name], pa.int64()) for name in PLACES if name in rows}
    columns |= {"start": pa.array(np.maximum(start, 0)), "end": pa.array(np.minimum(end, length))}
    return columns | {
        "contig": pa.array(rows["contig"], pa.string()),
        "region": pa.array(window_regions(classes, genome, rows), pa.string()),
        "gc": pa.array(gc.astype(np.float32)),
        "soft_masked": pa.array(soft.astype(np.float32)),
    }


def _vectors(values: np.ndarray, known: np.ndarray, there: np.ndarray | None = None) -> pa.FixedSizeListArray:
    """Vectors as halves: NaN of windows without a base, null where there is none."""
    limit = np.finfo(np.float16).max
    halves = np.clip(values, -limit, limit).astype(np.float16)
    halves[~known] = np.nan
    mask = None if there is None else pa.array(~there)
    return pa.FixedSizeListArray.from_arrays(pa.array(halves.reshape(-1)), values.shape[1], mask=mask)
