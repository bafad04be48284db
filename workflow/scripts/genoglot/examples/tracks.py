"""Windows of a genome with what tracks say of each of their bins, or where peaks are."""

import logging
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from genoglot.errors import InputError, few
from genoglot.examples.bedgraph import BedGraph, read_peaks
from genoglot.examples.bigwig import BigWig, Stretch, is_bigwig
from genoglot.examples.bins import Bins, Summary, sequenced
from genoglot.examples.finishing import finished
from genoglot.examples.grid import dense_windows, hide_margins, margin_of
from genoglot.examples.sequences import genome_sequences
from genoglot.examples.store import Examples
from genoglot.examples.target import Target
from genoglot.examples.task_genome import TaskGenome
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome

log = logging.getLogger(__name__)

# what tracks are learnt as, by the loss
LOSSES = {"poisson": "counts", "squared": "values"}


def track_windows(on: TaskGenome, settings: Mapping[str, Any]) -> Examples:
    """Windows with the value of each track in each bin, or with 1 where peaks are and 0 elsewhere.

    Bins most of whose bases are N are not known. Windows are those of `grid.dense_windows`; those without a known bin
    or a known base are left out and counted.

    Args:
        settings: of the task; `tracks` has the file of each track.

    Raises:
        InputError: a file cannot be used, bins do not fill a window, or there is nothing to learn.
    """
    genome, size = on.sequence, settings["bin"]
    margin = margin_of(settings, on.window, size)
    frame, left_out, origin = dense_windows(on, margin, settings["split"], settings["max_windows"])
    bins = Bins.of(genome, size)
    rows = bins.of_windows(frame["number"].to_numpy(), frame["start"].to_numpy(), on.window // size)
    truth, elsewhere = _truth(settings, genome, on.known, bins, rows)
    hide_margins(truth, frame, margin // size, np.nan)
    kept = np.flatnonzero(np.isfinite(truth).any(axis=(1, 2)))
    kind = "labels" if settings["kind"] == "peaks" else LOSSES[settings["loss"]]
    about = {
        "source": [str(path) for path in settings["tracks"].values()],
        "left_out": {**left_out, "without a known bin": len(truth) - len(kept), **elsewhere},
        "origin": origin,
        "margin": margin,
    }
    frame = frame.iloc[kept].reset_index(drop=True)
    target = Target(kind, tuple(settings["tracks"]), size)
    found = Examples(target, frame, genome_sequences(genome, frame), truth[kept], about)
    return finished(found, settings["split"]["drop"], f"tracks of {on.name}")


def _truth(
    settings: Mapping[str, Any], genome: Genome, known: ContigNames, bins: Bins, rows: np.ndarray
) -> tuple[np.ndarray, dict[str, dict[str, int]]]:
    """What each file says of bins, float32 (windows, bins, names) as `rows` (windows, bins) numbers them, and how much
    of each file lies on no contig of the genome."""
    # the last entry is that of bins beyond a contig
    unknown = np.append(~sequenced(genome, bins), True)
    truth = np.empty((*rows.shape, len(settings["tracks"])), dtype=np.float32)
    elsewhere: dict[str, dict[str, int]] = {}
    for column, (name, path) in enumerate(settings["tracks"].items()):
        if settings["kind"] == "peaks":
            values, counts = read_peaks(path, genome, known, bins)
        else:
            values, counts = read_track(path, genome, known, bins, settings)
        values = np.where(unknown, np.nan, np.append(values, np.nan)).astype(np.float32)
        truth[..., column] = values[rows]
        log.info("%s: %.1f%% of the genome's bins are known", name, 100 * np.isfinite(values).mean())
        for reason, count in counts.items():
            elsewhere.setdefault(reason, {})[name] = count
    return truth, elsewhere


def read_track(
    path: str | Path, genome: Genome, known: ContigNames, bins: Bins, settings: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, int]]:
    """The value of each bin of a genome, float32 (bins of the genome,), NaN where it is not known; and how many contigs
    the file has that the genome does not, and the genome that it does not.

    A bin's value is the `aggregate` of those of its bases; it is not known if fewer than half of them have one. NaN and
    infinite numbers are none; bases that no interval covers have none if `missing` is `unknown`, and else 0. Contigs
    that a bigWig does not list are not known; of a text, those that it does not name have no covered bases.

    The file is read in pieces, so that memory is that of some numbers a bin.

    Args:
        path: bigWig, which its first bytes tell, or bedGraph or BED, sorted, plain or compressed.
        known: names of the genome's contigs.
        settings: `aggregate` (mean, sum, max), `missing` (zero, unknown), `column` (of a text, from 1), and `loss`: a
            negative value is refused by `poisson`.

    Raises:
        InputError: the file cannot be read, is of another genome, is not sorted, or has a value that cannot be used.
    """
    zero = settings["missing"] == "zero"
    values = np.full(bins.total, np.nan, dtype=np.float32)
    source = BigWig(path, genome, known) if is_bigwig(path) else BedGraph(path, genome, known, settings["column"])
    for number in source.numbers:
        values[bins.of_contig(number)] = 0 if zero else np.nan
    for number, parts in groupby(source.stretches(), key=lambda stretch: stretch.number):
        summary = Summary(bins.bases(number), bins.size, settings["aggregate"])
        for stretch in parts:
            if settings["loss"] == "poisson":
                _refuse_negative(path, str(genome.contigs.index[number]), stretch)
            summary.add(stretch.starts, stretch.ends, stretch.values)
        values[bins.of_contig(number)] = summary.result(zero)
    if source.elsewhere:
        log.warning("%s: the genome has no contig %s, which are left out", path, few(source.elsewhere))
    absent = len(genome.contigs) - len(source.numbers)
    if absent:
        log.warning("%s: it lists %d contigs of the genome not, which are not known", path, absent)
    return values, {"contigs that the genome does not have": len(source.elsewhere), "contigs without a track": absent}


def _refuse_negative(path: str | Path, contig: str, stretch: Stretch) -> None:
    """Raise `InputError` where a value is negative."""
    negative = stretch.values < 0
    if negative.any():
        row = int(negative.argmax())
        line = "" if stretch.lines is None else f", line {stretch.lines[row]}"
        raise InputError(
            f"{path}{line}: {contig} {stretch.starts[row]} {stretch.ends[row]} has the value {stretch.values[row]:g}; "
            "loss: poisson expects numbers from 0 on, of which counts are: take loss: squared, or another track"
        )
