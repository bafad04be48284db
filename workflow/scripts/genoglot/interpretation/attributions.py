"""What a task's prediction for a locus rests on: Shapley values of its bases.

The value of a base is how much it adds to the output of a head when bases are revealed one by one in random order,
those not yet revealed being N, averaged over orders (Shapley values by sampling: Castro, Gomez & Tejada 2009,
doi:10.1016/j.cor.2008.04.004; computed by captum). In every order, and so in their mean, they add up to the output of
the locus as it is less that of the locus hidden by N. What lies around the locus stays as it is.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from captum.attr import ShapleyValueSampling
from torch import Tensor

from genoglot.errors import InputError
from genoglot.files import atomic_path
from genoglot.genome.store import BASES, N_CODE, Genome
from genoglot.interpretation.dependencies import window_around
from genoglot.interpretation.loci import Locus, read_loci
from genoglot.model.hardware import prepare
from genoglot.tasks.heads import Head, load_head

log = logging.getLogger(__name__)

# `locus` is its number in loci.json, positions are 0-based, `output` the class, label or column
ATTRIBUTIONS = pa.schema(
    [
        ("locus", pa.int32()),
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("output", pa.string()),
        ("prediction", pa.float32()),
        ("attribution", pa.float32()),
    ]
)


def attribute_loci(
    backbone: Path,
    head: Path,
    sequence: Path,
    output: Path,
    settings: Mapping[str, Any],
    seed: int,
    threads: int,
    names: Path | None = None,
    bed: Path | None = None,
    variants: Path | None = None,
) -> None:
    """Write a row for each base of each locus: what it adds to what a head says of the locus (`ATTRIBUTIONS`).

    Of classes the likeliest counts, in logits; of labels the likeliest, in logits; of values the first, in standard
    deviations of the training examples. A locus of N alone, or longer than what the head reads or `map_length`, has no
    rows.

    Raises InputError for a head that reads pairs of alleles, among what `read_loci` and `load_head` raise.

    Args:
        backbone, head, sequence: the model's folder, the head's, and that of the tokenized genome.
        settings: what `read_loci` needs; `map_length`; `orders`, how many random orders; `batch_size`, `precision`.
        seed: of the orders.
        names, bed, variants: see `read_loci`.
    """
    precision = prepare(threads, settings["precision"])
    genome, task = Genome(Path(sequence)), load_head(head, backbone)
    if task.paired:
        raise InputError(f"{head} reads pairs of alleles, and bases of a locus are no pair: take another task's head")
    loci = read_loci(genome, names, settings, bed, variants)
    longest = min(settings["map_length"], task.length)
    with (
        atomic_path(Path(output)) as temporary,
        pq.ParquetWriter(temporary, ATTRIBUTIONS, compression="zstd") as writer,
    ):
        for number, locus in enumerate(loci):
            if locus.length > longest:
                log.info("%s has no attributions: it has more than %d bases", locus.name, longest)
                continue
            table = attribution_rows(task, genome, number, locus, settings, precision, seed)
            if table is not None:
                writer.write_table(table)
                log.info("attributions %d of %d, %s", number + 1, len(loci), locus.name)


def attribution_rows(
    head: Head, genome: Genome, number: int, locus: Locus, settings: Mapping[str, Any], precision: str, seed: int
) -> pa.Table | None:
    """Rows of a locus; None if its bases are N alone."""
    codes, place = window_around(genome, locus, head.length)
    here = codes[place : place + locus.length]
    if (here >= N_CODE).all():
        return None
    outputs = head.model.outputs(codes[None], settings["batch_size"], precision)[0]
    chosen = 0 if head.target.kind == "values" else int(outputs.argmax())
    values = shapley_values(head, codes, place, locus.length, chosen, settings, precision, seed)
    prediction = head.model.predict(codes[None], settings["batch_size"], precision)[0, chosen]
    columns = [
        pa.array(np.full(locus.length, number, dtype=np.int32)),
        pa.array([locus.contig] * locus.length, pa.string()),
        pa.array(np.arange(locus.start, locus.end)),
        pa.array(np.array(list(BASES))[here], pa.string()),
        pa.array([head.target.names[chosen]] * locus.length, pa.string()),
        pa.array(np.full(locus.length, prediction, dtype=np.float32)),
        pa.array(values),
    ]
    return pa.Table.from_arrays(columns, schema=ATTRIBUTIONS)


def shapley_values(
    head: Head,
    codes: np.ndarray,
    place: int,
    length: int,
    chosen: int,
    settings: Mapping[str, Any],
    precision: str,
    seed: int,
) -> np.ndarray:
    """Shapley values, float32 (length,), of the bases from `place` on for one output of a head.

    Args:
        codes: base codes of the whole window, uint8 (window,).
        chosen: number of the output.
        settings: `orders` and `batch_size`.
    """

    def output(revealed: Tensor) -> Tensor:
        windows = np.repeat(codes[None], len(revealed), axis=0)
        windows[:, place : place + length] = revealed.numpy().astype(np.uint8)
        found = head.model.outputs(windows, settings["batch_size"], precision)[:, chosen]
        return torch.from_numpy(np.ascontiguousarray(found))

    torch.manual_seed(seed)
    found = ShapleyValueSampling(output).attribute(
        torch.from_numpy(codes[place : place + length].astype(np.int64))[None],
        baselines=N_CODE,
        n_samples=settings["orders"],
        perturbations_per_eval=settings["batch_size"],
    )
    return found[0].numpy().astype(np.float32)
