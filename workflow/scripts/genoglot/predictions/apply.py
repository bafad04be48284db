"""A task's head applied to the windows of a genome."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from genoglot.errors import InputError
from genoglot.examples.sequences import CHUNK
from genoglot.files import atomic_path, write_json
from genoglot.genome.store import N_CODE, Genome, forget, reverse_complement
from genoglot.model.hardware import prepare
from genoglot.predictions.tables import WindowWriter, track_names, write_tracks
from genoglot.predictions.windows import Plan, plan_genome, plan_intervals
from genoglot.tasks.heads import Head, load_head

log = logging.getLogger(__name__)


class Tally:
    """What is counted of the windows while they go by; memory does not depend on their number."""

    def __init__(self, outputs: int):
        self.windows, self.unknown = 0, 0
        self.sums = np.zeros(outputs)
        self.likeliest, self.above_half = np.zeros(outputs, dtype=np.int64), np.zeros(outputs, dtype=np.int64)

    def add(self, predictions: np.ndarray, unknown: int) -> None:
        self.windows += len(predictions)
        self.unknown += unknown
        self.sums += predictions.sum(axis=0, dtype=np.float64)
        self.likeliest += np.bincount(predictions.argmax(axis=1), minlength=len(self.likeliest))
        self.above_half += (predictions > 0.5).sum(axis=0)

    def describe(self, head: Head, left_out: Mapping[str, int]) -> dict[str, Any]:
        """Counts, and of each output the mean, and how many windows it is likeliest of, or likelier than not of."""
        target = head.target
        counts = {"classes": ("likeliest", self.likeliest), "labels": ("above_half", self.above_half)}
        told = [counts[target.kind]] if target.kind in counts else []
        return {
            "target": target.kind,
            "length": head.length,
            "windows": self.windows,
            "left_out": {**left_out, "windows without a known base": self.unknown},
            "mean": {name: float(each) / self.windows for name, each in zip(target.names, self.sums, strict=True)},
            **{key: dict(zip(target.names, each.tolist(), strict=True)) for key, each in told},
        }


def predict_windows(
    backbone: Path,
    head: Path,
    sequence: Path,
    output: Path,
    settings: Mapping[str, Any],
    description: Mapping[str, Any],
    threads: int,
    names: Path | None = None,
    contigs: list[str] | None = None,
    bed: Path | None = None,
) -> None:
    """Write what a head says of windows of its length: `predictions.parquet`, `predictions.bed.gz` with its index,
    `tracks/` and `summary.json`.

    Windows without any known base are left out and counted. Memory does not depend on the length of the genome.

    Args:
        backbone, head, sequence: the model's folder, the head's, and that of the tokenized genome.
        output: folder to write into.
        settings: `step` (None: half of a window), `batch_size` and `precision`.
        description: what the summary begins with.
        names, contigs, bed: see `plan_genome` and `plan_intervals`.

    Raises:
        InputError: the head is of another backbone, there is nothing to read, or two outputs would have one name.
    """
    precision = prepare(threads, settings["precision"])
    genome, trained = Genome(Path(sequence)), load_head(head, backbone)
    if trained.paired:
        raise InputError(
            f"{head} reads pairs of alleles and no windows: put it to variants, with the key `variants` of a prediction"
        )
    plan = _plan(genome, trained, settings["step"], contigs, bed, names)
    track_names(trained.target, plan.strands)  # refused before the work and not after it
    output, tally = Path(output), Tally(trained.target.outputs)
    table, lines = output / "predictions.parquet", output / "predictions.bed.gz"
    with (
        atomic_path(table) as parquet,
        atomic_path(lines) as bed_path,
        atomic_path(Path(f"{lines}.tbi")) as index,
    ):
        writer = WindowWriter(parquet, bed_path, genome, trained.target, plan.intervals is not None)
        for frame in plan.chunks(max(1, CHUNK // plan.length)):
            kept, predictions = _read(trained, genome, frame, settings["batch_size"], precision)
            if kept.any():
                writer.write(frame[kept], predictions)
            tally.add(predictions, int((~kept).sum()))
            log.info("%d windows read", tally.windows + tally.unknown)
            forget(genome.bases)
        writer.close()
        if not tally.windows:
            raise InputError(f"{bed or genome.folder}: all bases of the {tally.unknown} windows to read are N")
        pysam.tabix_index(str(bed_path), preset="bed", index=str(index), force=True)
        write_tracks(parquet, plan, genome, trained.target, output / "tracks")
    write_json(output / "summary.json", {**description, **tally.describe(trained, plan.left_out)})


def _plan(
    genome: Genome, head: Head, step: int | None, contigs: list[str] | None, bed: Path | None, names: Path | None
) -> Plan:
    if bed is not None:
        return plan_intervals(genome, head.length, bed, contigs, names)
    step = max(1, head.length // 2) if step is None else step
    return plan_genome(genome, head.length, step, head.model.both_strands, contigs, names)


def _read(
    head: Head, genome: Genome, frame: pd.DataFrame, batch_size: int, precision: str
) -> tuple[np.ndarray, np.ndarray]:
    """Which windows have a known base, and what the head says of these, float32 (windows, outputs)."""
    codes = genome.windows(frame["number"].to_numpy(), frame["start"].to_numpy(), head.length)
    kept = np.asarray((codes < N_CODE).any(axis=1))
    minus = (frame["strand"] == "-").to_numpy()
    codes[minus] = reverse_complement(codes[minus])
    return kept, head.model.predict(codes[kept], batch_size, precision)
