"""The table of a scan: a row for each site, with what a model and a Markov chain say of its substitutions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genoglot.genome.store import BASES, Genome

LLR = [f"llr_{base}" for base in BASES[:4]]
MARKOV = [f"markov_llr_{base}" for base in BASES[:4]]
SCORES = [*LLR, "entropy", *MARKOV]
SCHEMA = pa.schema(
    [("contig", pa.string()), ("pos", pa.int64()), ("ref", pa.string()), *((name, pa.float32()) for name in SCORES)]
)


def writer(path: Path) -> pq.ParquetWriter:
    """A writer of such tables; what compresses well is chosen by the kind of the column."""
    encodings = {"pos": "DELTA_BINARY_PACKED", **dict.fromkeys(SCORES, "BYTE_STREAM_SPLIT")}
    return pq.ParquetWriter(
        path, SCHEMA, compression="zstd", use_dictionary=["contig", "ref"], column_encoding=encodings
    )


def batches(path: Path, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a table in order, at most so many at once."""
    # a buffer that reads ahead would keep all that it has read
    with pq.ParquetFile(path, pre_buffer=False) as table:
        yield from table.iter_batches(rows, columns=columns)


def contig_runs(batch: pa.RecordBatch | pa.Table) -> list[tuple[str, int, int]]:
    """Name, first row and end of each run of rows on one contig."""
    runs = pc.run_end_encode(pa.chunked_array([batch["contig"]]).combine_chunks())
    ends = runs.run_ends.to_pylist()
    return list(zip(runs.values.to_pylist(), [0, *ends[:-1]], ends, strict=True))


def site_table(
    genome: Genome,
    contigs: np.ndarray,
    positions: np.ndarray,
    reference: np.ndarray,
    llr: np.ndarray,
    entropy: np.ndarray,
    markov_llr: np.ndarray,
) -> pa.Table:
    """Rows of a scan; the ratios (sites, 4) are NaN at the reference base, and null in the table."""
    names = pa.array(genome.contigs.index.to_numpy()[contigs], pa.string())
    letters = pa.DictionaryArray.from_arrays(pa.array(reference), pa.array(list(BASES))).cast(pa.string())
    scores = [*llr.T, entropy, *markov_llr.T]
    columns = [pa.array(np.ascontiguousarray(values), pa.float32(), from_pandas=True) for values in scores]
    return pa.Table.from_arrays([names, pa.array(positions, pa.int64()), letters, *columns], schema=SCHEMA)


def ratios(batch: pa.RecordBatch | pa.Table, names: list[str]) -> np.ndarray:
    """Log-likelihood ratios (nats), float32 (rows, 4), of the columns `LLR` or `MARKOV`; NaN at the reference base."""
    return np.column_stack([batch[name].to_numpy(zero_copy_only=False) for name in names])


def constraint(llr: np.ndarray) -> dict[str, np.ndarray]:
    """What the tracks show, float32 (rows,) each, of ratios (rows, 4) that are NaN at the reference base.

    `max` is the largest, `mean` the mean of -llr over the three substitutions of a site: how much less likely than
    what is there the worst of them is, and any of them. Both are higher where the model expects the reference base.
    """
    return {"max": np.fmax.reduce(-llr, axis=1), "mean": -np.nansum(llr, axis=1) / np.float32(3)}
