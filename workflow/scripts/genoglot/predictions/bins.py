"""A head that predicts each base or bin, applied to whole contigs: values, tracks and stretches."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pysam

from genoglot.errors import InputError
from genoglot.examples.sequences import CHUNK
from genoglot.files import atomic_path, write_json
from genoglot.genes.labels import INTERGENIC, SIGNS
from genoglot.genome.intervals import runs_of
from genoglot.genome.store import N_CODE, Genome, forget
from genoglot.model.hardware import prepare
from genoglot.predictions.names import bed_name
from genoglot.predictions.tables import track_names
from genoglot.predictions.windows import asked_contigs
from genoglot.scans.tracks import write_values
from genoglot.tasks.heads import Head, load_head

log = logging.getLogger(__name__)

BED6 = ("chrom", "start", "end", "name", "score", "strand")
BLOCK = 1 << 20  # bins that are looked at at once


@dataclass(frozen=True)
class Predicted:
    """Predictions of all bins of some contigs, on disk.

    Attributes:
        values: float16 (outputs, bins), those of one contig after another; NaN where a window has no known base.
        first: the first bin of each contig.
        numbers: of the contigs in the genome.
    """

    head: Head
    genome: Genome
    values: np.ndarray
    first: np.ndarray
    numbers: np.ndarray

    @classmethod
    @contextmanager
    def made(
        cls, head: Head, genome: Genome, numbers: np.ndarray, folder: Path, batch_size: int, precision: str
    ) -> Iterator["Predicted"]:
        """Read all windows; the values lie in a file of `folder` while they are needed."""
        size = head.target.bin
        counts = -(-genome.contigs["length"].to_numpy(dtype=np.int64)[numbers] // size)
        first = np.concatenate([[0], np.cumsum(counts)])
        with TemporaryDirectory(dir=folder, prefix=".values-") as hidden:
            shape = (head.target.outputs, int(first[-1]))
            values = np.lib.format.open_memmap(
                Path(hidden) / "values.npy", mode="w+", dtype=np.float16, shape=shape
            )  # fmt: skip
            values[:] = np.nan
            made = cls(head, genome, values, first, numbers)
            for place in range(len(numbers)):
                made._read(place, batch_size, precision)
            yield made

    def contig(self, place: int) -> tuple[str, int, np.ndarray]:
        """Name and length of a contig, and the values of its bins, a view of float16 (outputs, bins)."""
        number = self.numbers[place]
        name, length = self.genome.contigs.index[number], int(self.genome.contigs["length"].iloc[number])
        return str(name), length, self.values[:, self.first[place] : self.first[place + 1]]

    def _read(self, place: int, batch_size: int, precision: str) -> None:
        """Windows overlap by two margins, so that each bin is predicted from the middle of one."""
        head, size = self.head, self.head.target.bin
        name, length, values = self.contig(place)
        step, margin = head.length - 2 * head.margin, head.margin // size
        starts = np.arange(-head.margin, length - head.margin, step)
        most = max(1, CHUNK // head.length)
        for begin in range(0, len(starts), most):
            here = starts[begin : begin + most]
            codes = self.genome.windows(np.full(len(here), self.numbers[place]), here, head.length)
            known = (codes < N_CODE).any(axis=1)
            found = np.full((len(here), *head.target.shape(head.length)), np.nan, dtype=np.float32)
            found[known] = head.model.predict(codes[known], batch_size, precision)
            middle = found[:, margin : found.shape[1] - margin].reshape(-1, head.target.outputs)
            at = (int(here[0]) + head.margin) // size
            values[:, at : at + len(middle)] = middle[: values.shape[1] - at].T
        log.info("%s: %d bases read", name, length)
        forget(self.genome.bases)

    def runs(self, output: int) -> Iterator[tuple[str, int, int, float]]:
        """Contig, start, end and value of neighbouring bins of one value; bins without one are left out."""
        for place in range(len(self.numbers)):
            name, length, values = self.contig(place)
            for begin in range(0, values.shape[1], BLOCK):
                part = values[output, begin : begin + BLOCK].astype(np.float32)
                edges = np.flatnonzero(np.concatenate([[True], part[1:] != part[:-1]]))
                ends = np.append(edges[1:], len(part))
                for start, end, value in zip(edges, ends, part[edges].tolist(), strict=True):
                    if np.isfinite(value):
                        yield (name, *self._place(begin + int(start), begin + int(end), length), value)

    def _place(self, first: int, last: int, length: int) -> tuple[int, int]:
        size = self.head.target.bin
        return first * size, min(last * size, length)

    def covered(self) -> int:
        """How many bases have a value."""
        total = 0
        for place in range(len(self.numbers)):
            _, length, values = self.contig(place)
            known = np.isfinite(values[0])
            total += int(known.sum()) * self.head.target.bin
            if len(known) and known[-1]:
                total -= len(known) * self.head.target.bin - length
        return total

    def stretches(self) -> Iterator[tuple[str, int, int, str, float]]:
        """Contig, start, end, name and mean probability of neighbouring bins of one class, but for what is no gene, and
        of those that more likely have a label than not; values have none."""
        for place in range(len(self.numbers)):
            name, length, values = self.contig(place)
            for start, end, output, likely in _stretches(values, self.head.target.kind):
                word = self.head.target.names[output]
                if word != INTERGENIC:
                    yield (name, *self._place(start, end, length), word, likely)


def _stretches(values: np.ndarray, kind: str) -> Iterator[tuple[int, int, int, float]]:
    """First and last bin, output and mean value of the stretches of a contig, by their first bin."""
    if kind == "classes":
        likeliest = np.where(np.isfinite(values[0]), np.nan_to_num(values).argmax(axis=0), -1)
        marked = [(number, likeliest == number) for number in range(len(values))]
    elif kind == "labels":
        marked = [(number, row > 0.5) for number, row in enumerate(values)]
    else:
        marked = []
    found = []
    for number, there in marked:
        for start, end in runs_of(there).tolist():
            found.append((start, end, number, float(values[number, start:end].mean(dtype=np.float64))))
    return iter(sorted(found))


@contextmanager
def predicted_bins(
    backbone: Path,
    head: Path,
    sequence: Path,
    output: Path,
    settings: Mapping[str, Any],
    threads: int,
    names: Path | None,
    contigs: list[str] | None,
) -> Iterator[Predicted]:
    """What a head says of each bin of a genome.

    Args:
        backbone, head, sequence: the model's folder, the head's, and that of the tokenized genome.
        output: folder in which values may lie for the time being.
        settings: `batch_size` and `precision`.
        names, contigs: the genome's `names.tsv`, and the contigs that are asked for, by any of their names.

    Raises:
        InputError: the head is of another backbone, or predicts whole sequences.
    """
    precision = prepare(threads, settings["precision"])
    genome, trained = Genome(Path(sequence)), load_head(head, backbone)
    if not trained.target.dense:
        raise InputError(f"{head}: the head predicts whole windows, and not their bases or bins")
    track_names(trained.target, (".",))  # refused before the work and not after it
    numbers = asked_contigs(genome, contigs, names)
    Path(output).mkdir(parents=True, exist_ok=True)
    with Predicted.made(trained, genome, numbers, Path(output), settings["batch_size"], precision) as made:
        yield made


def write_bins(made: Predicted, output: Path, description: Mapping[str, Any]) -> None:
    """Write `tracks/`, a bigWig for each output and their list `tracks.tsv`; `predictions.bed.gz` with its index, the
    stretches; and `summary.json`.

    Raises InputError where no window has a known base.
    """
    target, covered = made.head.target, made.covered()
    if not covered:
        raise InputError(f"{made.genome.folder}: all bases of the contigs to read are N")
    folder = output / "tracks"
    folder.mkdir(parents=True, exist_ok=True)
    listed = track_names(target, (".",))
    for number, (file, _, _) in enumerate(listed):
        write_values(made.genome.contigs, made.runs(number), covered, folder / file)
    lines = ["file\toutput\tstrand", *("\t".join(line) for line in listed)]
    (folder / "tracks.tsv").write_text("\n".join(lines) + "\n")
    bases = dict.fromkeys(target.names, 0)
    path = output / "predictions.bed.gz"
    with atomic_path(path) as bed, atomic_path(Path(f"{path}.tbi")) as index:
        with pysam.BGZFile(str(bed), "wb", None) as handle:
            handle.write(("#" + "\t".join(BED6) + "\n").encode())
            for contig, start, end, word, likely in made.stretches():
                strand = SIGNS.get(word.rpartition("_")[2], ".")
                bases[word] += end - start
                line = (contig, start, end, bed_name(word), round(1000 * likely), strand)
                handle.write(("\t".join(map(str, line)) + "\n").encode())
        pysam.tabix_index(str(bed), preset="bed", index=str(index), force=True)
    told = {} if target.kind not in ("classes", "labels") else {"bases": bases}
    write_json(
        output / "summary.json",
        {
            **description,
            "target": target.kind,
            "bin": target.bin,
            "length": made.head.length,
            "margin": made.head.margin,
            "contigs": len(made.numbers),
            "bases_read": covered,
            "mean": {name: _mean(row) for name, row in zip(target.names, made.values, strict=True)},
            **told,
        },
    )


def _mean(row: np.ndarray) -> float:
    """Mean of what is known, in pieces."""
    total, count = 0.0, 0
    for begin in range(0, len(row), BLOCK):
        part = row[begin : begin + BLOCK].astype(np.float64)
        known = np.isfinite(part)
        total, count = total + float(part[known].sum()), count + int(known.sum())
    return total / count
