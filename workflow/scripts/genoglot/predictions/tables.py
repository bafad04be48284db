"""What a head says of windows, as rows of a Parquet, as lines of a BED and as tracks."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pysam

from genoglot.examples.target import Target
from genoglot.genome.store import Genome
from genoglot.predictions.names import bed_name, file_name, named
from genoglot.predictions.windows import Plan
from genoglot.scans.table import batches, contig_runs
from genoglot.scans.tracks import write_values

BATCH = 65_536  # rows
PLACE = ("contig", "start", "end", "strand", "line")
BED6 = ("chrom", "start", "end", "name", "score", "strand")
STRAND_WORDS = {".": "", "+": ".plus", "-": ".minus"}


def schema_of(target: Target, intervals: bool) -> pa.Schema:
    """Where a window lies (0-based half-open), the line of its interval, and a column for each output."""
    names = named(target.names, str, "column", PLACE)
    kinds = [pa.string(), pa.int64(), pa.int64(), pa.string(), pa.int64()]
    place = list(zip(PLACE, kinds, strict=True))[: len(PLACE) if intervals else -1]
    return pa.schema([*place, *((name, pa.float32()) for name in names)])


class WindowWriter:
    """Writes windows and their predictions as Parquet and as BED (bgzip), part by part."""

    def __init__(self, table: Path, bed: Path, genome: Genome, target: Target, intervals: bool):
        self._genome, self._target = genome, target
        self._schema = schema_of(target, intervals)
        self._parquet = pq.ParquetWriter(table, self._schema, compression="zstd")
        self._bed = pysam.BGZFile(str(bed), "wb", None)
        columns = [*BED6, *map(bed_name, target.names)]
        self._bed.write(("#" + "\t".join(columns) + "\n").encode())

    def write(self, frame: pd.DataFrame, predictions: np.ndarray) -> None:
        """Windows, as `Plan.chunks` gives them, and float32 (windows, outputs); what lies beyond contigs is cut off."""
        numbers = frame["number"].to_numpy()
        length = self._genome.contigs["length"].to_numpy()[numbers]
        rows = frame.assign(
            contig=self._genome.contigs.index.to_numpy()[numbers],
            start=np.clip(frame["start"], 0, length),
            end=np.clip(frame["end"], 0, length),
        )
        place = [pa.array(rows[name]) for name in self._schema.names[: -len(self._target.names)]]
        values = [pa.array(np.ascontiguousarray(column)) for column in predictions.T]
        columns = [array.cast(field.type) for array, field in zip([*place, *values], self._schema, strict=True)]
        self._parquet.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._bed.write(self._lines(rows, predictions).encode())

    def _lines(self, rows: pd.DataFrame, predictions: np.ndarray) -> str:
        """Lines of BED: named by the likeliest class or label, whose probability in thousands is the score."""
        if self._target.kind == "values":
            name, score = np.full(len(rows), "."), np.zeros(len(rows), dtype=int)
        else:
            name = np.array(list(map(bed_name, self._target.names)))[predictions.argmax(axis=1)]
            score = np.rint(1000 * predictions.max(axis=1)).astype(int)
        table = rows[["contig", "start", "end"]].assign(name=name, score=score, strand=rows["strand"])
        for number, column in enumerate(predictions.T):
            table[number] = [f"{value:.5g}" for value in column.tolist()]
        # quoting=3 (none): a field is written as it is
        return table.to_csv(sep="\t", header=False, index=False, quoting=3)

    def close(self) -> None:
        self._parquet.close()
        self._bed.close()


def track_names(target: Target, strands: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """File, output and strand of each bigWig."""
    files = named(target.names, file_name, "file")
    return [
        (f"{file}{STRAND_WORDS[strand]}.bw", output, strand)
        for file, output in zip(files, target.names, strict=True)
        for strand in strands
    ]


def write_tracks(table: Path, plan: Plan, genome: Genome, target: Target, folder: Path) -> None:
    """Write `tracks.tsv`, which names file, output and strand, and, of a whole genome, a bigWig for each.

    A window's value stands on the `step` bases in its middle (on all of it where steps are longer than it), so that
    neighbours meet and do not overlap. Windows around intervals may overlap, and have no bigWig.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = [] if plan.step is None else track_names(target, plan.strands)
    for file, output, strand in listed:
        width = min(plan.step or 0, plan.length)
        rows = pq.read_metadata(table).num_rows // len(plan.strands)
        values = _central(table, output, strand, (plan.length - width) // 2, width)
        write_values(genome.contigs, values, rows * width, folder / file)
    lines = ["file\toutput\tstrand", *("\t".join(line) for line in listed)]
    (folder / "tracks.tsv").write_text("\n".join(lines) + "\n")


def _central(table: Path, output: str, strand: str, shift: int, width: int) -> Iterator[tuple[str, int, int, float]]:
    for batch in batches(table, BATCH, ["contig", "start", "strand", output]):
        here = batch.filter(pc.equal(batch["strand"], strand))
        starts, values = here["start"].to_numpy() + shift, here[output].to_numpy()
        for name, first, end in contig_runs(here) if len(here) else []:
            places = starts[first:end]
            yield from zip(repeat(name), places.tolist(), (places + width).tolist(), values[first:end].tolist())
