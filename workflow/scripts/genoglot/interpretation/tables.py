"""Tables of what a model says at loci: a row for each base, and a row for each pair of bases of a dependency map."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.genome.store import BASES, N_CODE

LLR = [f"llr_{base}" for base in BASES[:N_CODE]]
PROBABILITY = [f"p_{base}" for base in BASES[:N_CODE]]
# of letters, as logos have them
COLOURS = {"A": "#109648", "C": "#255c99", "G": "#f7b32b", "T": "#d62839"}
# `locus` is its number in loci.json, positions are 0-based
SITES = pa.schema(
    [
        ("locus", pa.int32()),
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        *((name, pa.float32()) for name in (*PROBABILITY, "information", *LLR)),
    ]
)
DEPENDENCIES = pa.schema(
    [("locus", pa.int32()), ("pos", pa.int64()), ("target", pa.int64()), ("dependency", pa.float32())]
)
ATTENTION = pa.schema(
    [
        ("locus", pa.int32()),
        ("layer", pa.int32()),
        ("pos", pa.int64()),
        ("target", pa.int64()),
        ("attention", pa.float32()),
    ]
)


def information(probabilities: np.ndarray) -> np.ndarray:
    """Information content (bits, at most 2) of four probabilities (..., 4): 2 less their entropy.

    Schneider & Stephens 1990 (doi:10.1093/nar/18.20.6097); without their correction for few sequences, since these are
    probabilities and not counts.
    """
    logarithm = np.log2(np.where(probabilities > 0, probabilities, 1))
    return np.maximum(2 + (probabilities * logarithm).sum(axis=-1), 0)


def letter_heights(sites: pa.Table) -> np.ndarray:
    """Heights (bits) of A, C, G and T in a sequence logo, float32 (rows, 4): information times probability."""
    columns = [sites[name].to_numpy(zero_copy_only=False) for name in (*PROBABILITY, "information")]
    return np.column_stack([column * columns[-1] for column in columns[:-1]])


def dependency_rows(number: int, positions: np.ndarray, values: np.ndarray) -> pa.Table:
    """The map (length, length) of a locus at `positions` (length,) as rows, null where it has no value."""
    columns = [
        pa.array(np.full(values.size, number, dtype=np.int32)),
        pa.array(np.repeat(positions, len(positions))),
        pa.array(np.tile(positions, len(positions))),
        pa.array(values.reshape(-1), pa.float32(), from_pandas=True),
    ]
    return pa.Table.from_arrays(columns, schema=DEPENDENCIES)


def read_map(dependencies: Path, number: int, length: int) -> np.ndarray | None:
    """The map of the locus of that number, float32 (length, length), row the changed base; None if it has none."""
    table = pq.read_table(dependencies, columns=["dependency"], filters=[("locus", "=", number)])
    if not len(table):
        return None
    return table["dependency"].to_numpy(zero_copy_only=False).astype(np.float32).reshape(length, length)


def attention_rows(number: int, positions: np.ndarray, values: np.ndarray) -> pa.Table:
    """The attention maps (layers, length, length) of a locus at `positions` (length,) as rows; layers from 1."""
    layers, length, _ = values.shape
    columns = [
        pa.array(np.full(values.size, number, dtype=np.int32)),
        pa.array(np.repeat(np.arange(1, layers + 1, dtype=np.int32), length * length)),
        pa.array(np.tile(np.repeat(positions, length), layers)),
        pa.array(np.tile(positions, layers * length)),
        pa.array(values.reshape(-1), pa.float32()),
    ]
    return pa.Table.from_arrays(columns, schema=ATTENTION)


def read_attention(attention: Path, number: int, length: int) -> np.ndarray | None:
    """The attention maps of the locus of that number, float32 (layers, length, length); None if it has none."""
    table = pq.read_table(attention, columns=["attention"], filters=[("locus", "=", number)])
    if not len(table):
        return None
    return table["attention"].to_numpy(zero_copy_only=False).reshape(-1, length, length)
