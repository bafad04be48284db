"""Windows over genomes: how they are cut, which are kept, and how they are stored.

A window is a row (genome, contig, start, end, split, weight), 0-based and half-open; it never copies sequence.
"""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genoglot.corpus.cutting import COUNTS, Cutter, Windows, tile
from genoglot.corpus.recipes import find_stretches
from genoglot.corpus.splits import SPLITS
from genoglot.errors import InputError
from genoglot.files import atomic_path
from genoglot.genome.bed import read_bed
from genoglot.genome.intervals import Intervals
from genoglot.genome.store import Genome

log = logging.getLogger(__name__)

SCHEMA = pa.schema(
    [
        ("genome", pa.dictionary(pa.int32(), pa.string())),
        ("contig", pa.dictionary(pa.int32(), pa.string())),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("split", pa.dictionary(pa.int32(), pa.string())),
        ("weight", pa.float32()),
    ]
)
METADATA = b"genoglot"
SHOWN = 5


def window_starts(length: int, window: int, step: int) -> np.ndarray:
    """Starts of windows every `step` bases, and of a last one that ends with the contig; none if it is too short."""
    return tile(np.array([[0, length]]), window, step, last=True)


def make_windows(
    sequence: Path,
    output: Path,
    genome: str,
    settings: dict[str, Any],
    seed: int,
    annotation: Path | None = None,
    include: Path | None = None,
    exclude: Path | None = None,
    names: Path | None = None,
) -> None:
    """Write the windows of one genome as Parquet.

    The recipe says on which stretches windows lie (see `recipes.find_stretches`). Training windows lie every
    `settings["step"]` bases of a stretch, the last one at its end, each shifted by its jitter; those of the other
    splits do not overlap, so that no base is counted twice, and are not shifted. Left out are windows across the
    border of two splits, those that touch an excluded interval, those with a share of N above `max_n`, and training
    windows with a share of soft-masked bases above `max_soft_masked`.

    With the recipe `balanced`, each split gets as many windows from anywhere in the genome as it has on exons and
    promoters. (GPN draws as many as would lie there side by side, and joins them with what they overlap.)

    The file's metadata has, under `METADATA`, a JSON object that counts windows: `candidates`, `kept`, and by the
    first reason that left them out `split_border`, `excluded`, `too_much_n`, `too_much_soft_mask`; and contigs:
    `short_contigs`, shorter than a window, and `empty_contigs`, without any window.

    Args:
        sequence: folder of the tokenized genome.
        output: Parquet of `SCHEMA`, sorted by contig (in the order of the genome) and start.
        genome: its name.
        settings: of the corpus; what is read is `window`, `step`, `jitter`, `max_n`, `max_soft_masked`, `recipe`,
            `split`, `validation` and `test`.
        seed: of the jitter and the random windows.
        annotation: normalised GFF3, which the recipes `features` and `balanced` need.
        include: BED file with the regions of the recipe `bed`.
        exclude: BED file with regions that no window may touch.
        names: `names.tsv` of the genome, by which the BED files may call its contigs.

    Raises:
        InputError: no window is left, or a file is missing, damaged or does not fit the genome.
    """
    store = Genome(Path(sequence))
    contigs = store.contigs.reset_index()
    short = contigs["length"] < settings["window"]
    if short.all():
        raise InputError(
            f"genome {genome}: its longest contig has {contigs['length'].max()} bases, and a window has "
            f"{settings['window']}; make the corpus' window shorter or leave this genome out"
        )
    stretches = find_stretches(genome, contigs, settings, annotation, include, names)
    barred = read_bed(exclude, contigs, names) if exclude is not None else stretches.head(0)
    cutter = Cutter.of(store, genome, settings, seed, Intervals(_on_genome(barred, contigs)))
    windows, counts = cutter.cut(_on_genome(stretches, contigs))
    if settings["recipe"]["type"] == "balanced":
        extra = cutter.random_windows(windows)
        windows = windows.joined(extra)
        counts += np.array([len(extra.starts)] * 2 + [0] * (len(COUNTS) - 2))
    if not len(windows.starts):
        raise InputError(_nothing_left(genome, settings, dict(zip(COUNTS, counts.tolist(), strict=True))))
    number = cutter.contig_numbers(windows.starts)
    empty = contigs.loc[np.bincount(number, minlength=len(contigs)) == 0, "contig"].tolist()
    found = dict(zip(COUNTS, counts.tolist(), strict=True))
    found |= {"short_contigs": int(short.sum()), "empty_contigs": len(empty)}
    _report(genome, windows, found, empty)
    starts = windows.starts - contigs["offset"].to_numpy()[number]
    columns = {
        "genome": pa.DictionaryArray.from_arrays(np.zeros(len(starts), dtype=np.int32), [genome]),
        "contig": pa.DictionaryArray.from_arrays(number.astype(np.int32), contigs["contig"].tolist()),
        "start": starts,
        "end": starts + settings["window"],
        "split": pa.DictionaryArray.from_arrays(windows.splits.astype(np.int32), list(SPLITS)),
        "weight": np.ones(len(starts), dtype=np.float32),
    }
    write_windows(output, pa.table(columns, schema=SCHEMA), found)


def _on_genome(intervals: pd.DataFrame, contigs: pd.DataFrame) -> np.ndarray:
    """Intervals as positions in the genome's array, int64 (intervals, 2)."""
    offset = intervals["contig"].map(contigs.set_index("contig")["offset"]).to_numpy(dtype=np.int64)
    return intervals[["start", "end"]].to_numpy(dtype=np.int64) + offset[:, None]


def _report(genome: str, windows: Windows, found: dict[str, int], empty: list[str]) -> None:
    by_split = dict(zip(SPLITS, np.bincount(windows.splits, minlength=len(SPLITS)).tolist(), strict=True))
    log.info("%s: %s windows; %s", genome, by_split, found)
    if empty:
        rest = f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
        log.warning(
            "%s: %d contigs give no window, %d of them because they are shorter than one: %s%s",
            genome,
            len(empty),
            found["short_contigs"],
            ", ".join(empty[:SHOWN]),
            rest,
        )


def _nothing_left(genome: str, settings: dict[str, Any], counts: dict[str, int]) -> str:
    reasons = {
        "split_border": "lie across the border of two splits (make split.block longer)",
        "excluded": "touch an excluded region",
        "too_much_n": f"have more than {settings['max_n']:.0%} N (raise max_n)",
        "too_much_soft_mask": f"have more than {settings['max_soft_masked']:.0%} soft-masked bases "
        "(raise max_soft_masked)",
    }
    lost = [f"{counts[name]} {text}" for name, text in reasons.items() if counts[name]]
    if not lost:
        return f"genome {genome}: its recipe finds no stretch on a contig of at least {settings['window']} bases"
    return f"genome {genome}: none of its {counts['candidates']} windows is left: {', '.join(lost)}"


def write_windows(path: Path, table: pa.Table, counts: dict[str, int] | None = None) -> None:
    """Write windows of `SCHEMA` as Parquet, `counts` as JSON in the file's metadata."""
    metadata = None if counts is None else {METADATA: json.dumps(counts)}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def read_counts(path: Path) -> dict[str, int]:
    """What `make_windows` counted."""
    return json.loads(pq.read_schema(path).metadata[METADATA])


def read_windows(path: Path, split: str) -> pd.DataFrame:
    """Windows of one split, with columns genome, contig, start, end, weight (genome and contig as categories)."""
    columns = [name for name in SCHEMA.names if name != "split"]
    return pq.read_table(path, columns=columns, filters=[("split", "=", split)]).to_pandas()
