"""The parts of a scan as one table, two tracks and a summary."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from genoglot.errors import InputError
from genoglot.files import atomic_path, write_json
from genoglot.genome.store import Genome
from genoglot.scans.distribution import ClassDistributions
from genoglot.scans.plan import plan_scan
from genoglot.scans.table import batches, contig_runs, writer
from genoglot.scans.tracks import write_track

log = logging.getLogger(__name__)

ROWS = 262_144  # of a row group, which is read whole where a region of it is asked for


def gather_scan(
    parts: list[Path],
    sequence: Path,
    regions: Path,
    output: Path,
    tracks: dict[str, Path],
    summary: Path,
    description: dict[str, Any],
    contigs: list[str] | None = None,
    bed: Path | None = None,
    names: Path | None = None,
) -> None:
    """Join the tables of a scan's parts, and make of them what a browser and a person look at.

    Args:
        parts: tables of `scan_sites`, in order.
        sequence, regions: folder of the tokenized genome, and its `regions.bed.gz`.
        output: Parquet; its row groups are the same whatever the parts were.
        tracks: bigWig to write of each measure of `genoglot.scans.table.constraint`.
        summary: JSON: what `description` has, `positions` scored, `unknown` ones left out (N), both by contig, and
            the distribution of constraint over region classes.
        contigs, bed, names: as the parts were scanned.

    Raises:
        InputError: all bases of the scan are N.
    """
    genome = Genome(Path(sequence))
    plan = plan_scan(genome, contigs, bed, names)
    distributions = ClassDistributions(genome, regions)
    offset = genome.contigs["offset"].to_numpy()
    scored = np.zeros(len(genome.contigs), dtype=np.int64)
    with atomic_path(Path(output)) as temporary:
        with writer(temporary) as parquet:
            for table in row_groups(parts):
                parquet.write_table(table)
                names_here, first, end = zip(*contig_runs(table), strict=True)
                numbers, lengths = genome.contig_numbers(np.array(names_here)), np.subtract(end, first)
                np.add.at(scored, numbers, lengths)
                distributions.add(table, np.repeat(offset[numbers], lengths) + table["pos"].to_numpy())
        if not scored.any():
            raise InputError(f"{bed or genome.folder}: all bases of the regions to scan are N; nothing can be scored")
        for measure, path in tracks.items():
            with atomic_path(Path(path)) as track:
                write_track(temporary, genome.contigs, measure, track)
            log.info("%s: %d sites", path, scored.sum())
        counted = _by_contig(genome, plan, scored)
        totals = {name: sum(row[name] for row in counted) for name in ("positions", "unknown")}
        classes = distributions.summary()
        write_json(Path(summary), {**description, **totals, "contigs": counted, "classes": classes})


def row_groups(parts: list[Path]) -> Iterator[pa.Table]:
    """The rows of tables in order, `ROWS` at a time; fewer at the end."""
    waiting: list[pa.Table] = []
    for part in parts:
        for batch in batches(part, ROWS // 4):
            waiting.append(pa.Table.from_batches([batch]))
            if sum(map(len, waiting)) >= ROWS:
                joined = pa.concat_tables(waiting)
                yield joined.slice(0, ROWS)
                waiting = [joined.slice(ROWS)]
    rest = pa.concat_tables(waiting) if waiting else None
    if rest is not None and len(rest):
        yield rest


def _by_contig(genome: Genome, plan: pd.DataFrame, scored: np.ndarray) -> list[dict[str, Any]]:
    """Sites scored, and left out as N, of each contig of the scan."""
    asked = (plan["end"] - plan["start"]).groupby(plan["number"]).sum()
    return [
        {
            "contig": str(genome.contigs.index[number]),
            "positions": int(scored[number]),
            "unknown": int(total - scored[number]),
        }
        for number, total in asked.items()
    ]
