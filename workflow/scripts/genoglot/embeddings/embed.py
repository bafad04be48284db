"""Embeddings of a genome's windows, from a pretrained model and from the same network with random weights."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from genoglot.corpus.windows import window_starts
from genoglot.errors import InputError
from genoglot.files import atomic_path
from genoglot.genome.regions import REGION_CLASSES, read_regions
from genoglot.genome.store import CODE_MASK, N_CODE, SOFT_MASK, Genome
from genoglot.model.inference import Predictor, untrained

log = logging.getLogger(__name__)

LABELS = [*REGION_CLASSES, "unannotated"]
CHUNK = 4096  # windows held in memory at once


def genome_windows(genome: Genome, window: int, step: int) -> pd.DataFrame:
    """Windows over all contigs that are long enough, columns contig, number (of the contig), start, end."""
    tables = [
        pd.DataFrame({"contig": contig, "number": number, "start": window_starts(length, window, step)})
        for number, (contig, length) in enumerate(genome.contigs["length"].items())
    ]
    frame = pd.concat(tables, ignore_index=True)
    if frame.empty:
        raise InputError(
            f"{genome.folder}: its longest contig has {genome.contigs['length'].max()} bases, shorter than a window "
            f"of {window}"
        )
    frame["end"] = frame["start"] + window
    return frame


def window_regions(classes: np.ndarray, genome: Genome, frame: pd.DataFrame) -> np.ndarray:
    """Label of each window: the class of most of its central half; the first by priority on a tie."""
    length = int(frame["end"].iloc[0] - frame["start"].iloc[0])
    first = genome.contigs["offset"].to_numpy()[frame["number"]] + frame["start"].to_numpy() + length // 4
    result = np.empty(len(frame), dtype=np.int64)
    for begin in range(0, len(frame), CHUNK):
        block = classes[first[begin : begin + CHUNK, None] + np.arange(length // 2)]
        counts = np.stack([(block == code).sum(axis=1) for code in range(len(LABELS))], axis=1)
        result[begin : begin + CHUNK] = counts.argmax(axis=1)
    return np.array(LABELS)[result]


def embed_windows(
    model: Path,
    sequence: Path,
    regions: Path,
    output: Path,
    settings: dict[str, Any],
    seed: int,
    threads: int,
) -> None:
    """Write one row per window: place, region class, GC and soft-masked share, and two embeddings (float16).

    `settings` holds `step`, `batch_size` and `precision`. Windows without any base are kept, with NaN vectors.
    """
    predictor = Predictor.open(model, settings, threads)
    torch.manual_seed(seed)
    baseline = Predictor(untrained(predictor.model), predictor.batch_size, predictor.precision)
    genome = Genome(Path(sequence))
    frame = genome_windows(genome, predictor.window, settings["step"])
    frame["region"] = window_regions(read_regions(regions, genome), genome, frame)
    vector = pa.list_(pa.float16(), predictor.dim)
    fields = [("contig", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("region", pa.string())]
    schema = pa.schema(
        [*fields, ("gc", pa.float32()), ("soft_masked", pa.float32()), ("embedding", vector), ("untrained", vector)]
    )
    with atomic_path(output) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for begin in range(0, len(frame), CHUNK):
            rows = frame.iloc[begin : begin + CHUNK]
            codes, soft = _read(genome, rows, predictor.window)
            known = codes < N_CODE
            bases = known.sum(axis=1)
            with np.errstate(invalid="ignore"):
                gc = ((codes == 1) | (codes == 2)).sum(axis=1) / bases
            columns = [
                *(pa.array(rows[name], schema.field(name).type) for name, _ in fields),
                pa.array(gc.astype(np.float32)),
                pa.array(soft.mean(axis=1, dtype=np.float32)),
                *(_vectors(each.embed(codes), bases > 0) for each in (predictor, baseline)),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            log.info("embedded %d of %d windows", min(begin + CHUNK, len(frame)), len(frame))


def _read(genome: Genome, rows: pd.DataFrame, window: int) -> tuple[np.ndarray, np.ndarray]:
    first = genome.contigs["offset"].to_numpy()[rows["number"]] + rows["start"].to_numpy()
    stored = genome.bases[first[:, None] + np.arange(window)]
    return stored & CODE_MASK, (stored & SOFT_MASK) > 0


def _vectors(values: np.ndarray, kept: np.ndarray) -> pa.FixedSizeListArray:
    limit = np.finfo(np.float16).max
    halves = np.clip(values, -limit, limit).astype(np.float16)
    halves[~kept] = np.nan
    return pa.FixedSizeListArray.from_arrays(pa.array(halves.reshape(-1)), values.shape[1])
