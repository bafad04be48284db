"""The section of the report on uses of heads: what they say of windows of a genome, and of alleles of variants."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from genoglot.genes.labels import INTERGENIC
from genoglot.report.blocks import Block, Bullets, Figure, Heading, Links, Section, Table, Text
from genoglot.report.inputs import Linker, read_columns
from genoglot.report.prediction_figures import along, differences
from genoglot.report.uses import REASONS
from genoglot.report.verdicts import number
from genoglot.report.words import bases, count, share
from genoglot.scans.table import batches

BATCH = 65_536  # rows
STRETCHES = 200  # of the longest contig of a figure
MOST_CONTIGS, MOST_ALLELES, MOST_LETTERS = 12, 20, 12
DIFFERENCE = "difference_"
FILES = {
    "predictions.parquet": "what the head says, a row each",
    "predictions.bed.gz": "the same as BED",
    "genes.gff3.gz": "genes that follow, GFF3",
    "predictions.vcf.gz": "all records, with the differences in INFO",
    "summary.json": "counts, and what was left out",
}
# counts of windows in a summary, by the target, and what they are in words
COUNTED = {"likeliest": "windows of which it is the likeliest", "above_half": "windows with more than a half"}


def predictions_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Each use of a head."""
    blocks: list[Block] = [
        Text(
            "Heads of tasks put to use. How good their answers are is measured on the test examples of the task, "
            "above; windows that a head has learnt from are not told apart from others here."
        )
    ]
    for index, entry in enumerate(entries):
        blocks.append(Heading(f"Predictions {entry['name']}, task {entry['summary']['task']}, by {entry['model']}"))
        blocks += _kind(entry["summary"])(index, entry, link)
        blocks.append(Links([item for item, _ in link.siblings(entry["paths"]["summary"], prediction_files(entry))]))
    return Section("predictions", "Heads put to use", "Predictions", blocks)


def _kind(summary: dict[str, Any]) -> Callable[[int, dict[str, Any], Linker], list[Block]]:
    if "scored" in summary:
        return _alleles
    return _bins if "bin" in summary else _windows


def prediction_files(entry: dict[str, Any]) -> dict[str, str]:
    """Names of the files of a use of a head, and what they are; tracks as `tracks.tsv` names them."""
    listed = Path(entry["paths"]["summary"]).parent / "tracks" / "tracks.tsv"
    if not listed.exists():
        return FILES
    tracks = pd.read_csv(listed, sep="\t", dtype=str, keep_default_na=False)
    strands = {"+": ", forward strand", "-": ", reverse strand"}
    names = zip(tracks["file"], tracks["output"], tracks["strand"], strict=True)
    return FILES | {f"tracks/{file}": f"track of {output}{strands.get(strand, '')}" for file, output, strand in names}


def _left_out(reasons: dict[str, int]) -> list[Block]:
    named = {reason: f"{reason}: {REASONS[reason]}" if reason in REASONS else reason for reason in reasons}
    found = [f"{many:,} {named[reason]}" for reason, many in reasons.items() if many]
    return [Text("Left out:"), Bullets(found)] if found else []


def _bins(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    """Bases and mean of each output of a head that says something of each base or bin, and the genes that follow."""
    summary = entry["summary"]
    counted = dict(summary.get("bases", {}))
    if summary["target"] == "classes" and INTERGENIC in counted:
        # what is no gene has no stretches
        counted[INTERGENIC] += summary["bases_read"] - sum(counted.values())
    rows = []
    for name, mean in summary["mean"].items():
        here = [f"{counted[name]:,}", share(counted[name], summary["bases_read"])] if counted else []
        rows.append([name, *here, number(mean)])
    columns = ["output", *(["bases", "share"] if counted else []), "mean prediction"]
    of = "each base" if summary["bin"] == 1 else f"each {summary['bin']:,} bases"
    caption = (
        f"Predictions for {of} of {count(summary['contigs'], 'contig')}, {bases(summary['bases_read'])} in all"
        f"{', of which each counts for its likeliest class' if summary['target'] == 'classes' else ''}."
    )
    blocks: list[Block] = [Table(columns, rows, set(range(1, len(columns))), caption)]
    if "genes" in summary:
        blocks.append(Text(f"{count(summary['genes'], 'gene')} with {count(summary['exons'], 'coding exon')} follow."))
    return blocks


def _windows(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    """Counts and means of each output, and where the windows lie."""
    summary, path = entry["summary"], entry["paths"]["predicted"]
    names = list(summary["mean"])
    counted = next((key for key in COUNTED if key in summary), None)
    rows = []
    for name, mean in summary["mean"].items():
        here = [f"{summary[counted][name]:,}", share(summary[counted][name], summary["windows"])] if counted else []
        rows.append([name, *here, number(mean)])
    columns = ["output", *([COUNTED[counted], "share"] if counted else []), "mean prediction"]
    windows = count(summary["windows"], "window")
    blocks: list[Block] = [
        Table(columns, rows, set(range(1, len(columns))), f"{windows} of {summary['length']:,} bases.")
    ]
    sizes = _sizes(path)
    shown = [contig for contig, _ in sorted(sizes.items(), key=lambda size: -size[1][0])[:MOST_CONTIGS]]
    shown = [contig for contig in sizes if contig in shown]
    if counted == "likeliest":
        width = max(1, -(-max(sizes[contig][1] for contig in shown) // STRETCHES))
        caption = (
            f"The class that is the likeliest of most windows in each {width:,} bases, by the middles of the windows"
            f"{'' if len(shown) == len(sizes) else f', on the {len(shown)} contigs with most windows'}."
        )
        figure = along(shown, _stretches(path, names, shown, width), names, width)
        origin = link.origin(entry, windows, "predict_windows", "predicted")
        blocks.append(Figure(f"predictions-{index}", figure, caption, origin=origin))
    return [*blocks, _contigs(path, names, shown, counted == "likeliest"), *_left_out(summary["left_out"])]


def _sizes(path: Path) -> dict[str, tuple[int, int]]:
    """How many windows each contig has, and where the last of them ends, in the order of the table."""
    sizes: dict[str, tuple[int, int]] = {}
    for batch in batches(path, BATCH, ["contig", "end"]):
        ends = pd.Series(batch["end"].to_numpy()).groupby(_names(batch), sort=False)
        for contig, size, end in zip(ends.size().index, ends.size(), ends.max(), strict=True):
            before = sizes.get(contig, (0, 0))
            sizes[contig] = (before[0] + int(size), max(before[1], int(end)))
    return sizes


def _names(batch: pa.RecordBatch) -> np.ndarray:
    """The contig of each row."""
    names: np.ndarray = batch["contig"].to_numpy(zero_copy_only=False)
    return names


def _stretches(path: Path, names: list[str], contigs: list[str], width: int) -> np.ndarray:
    """The class that is the likeliest of most windows of a stretch, (contigs, stretches); -1 where there are none."""
    counts = np.zeros((len(contigs), STRETCHES + 1, len(names)), dtype=np.int64)
    for batch in batches(path, BATCH, ["contig", "start", "end", *names]):
        row = pd.Index(contigs).get_indexer(_names(batch))
        place = (batch["start"].to_numpy() + batch["end"].to_numpy()) // 2 // width
        likeliest = np.column_stack([batch[name].to_numpy() for name in names]).argmax(axis=1)
        here = row >= 0
        np.add.at(counts, (row[here], place[here], likeliest[here]), 1)
    last = int(np.flatnonzero(counts.any(axis=(0, 2))).max()) + 1
    counts = counts[:, :last]
    return np.where(counts.any(axis=2), counts.argmax(axis=2), -1)


def _contigs(path: Path, names: list[str], shown: list[str], classes: bool) -> Table:
    """Windows on each contig: of classes the share that each is the likeliest of, else the mean of each output."""
    windows: Counter[str] = Counter()
    sums: dict[str, np.ndarray] = {}
    for batch in batches(path, BATCH, ["contig", *names]):
        values = np.column_stack([batch[name].to_numpy() for name in names]).astype(float)
        if classes:
            values = np.eye(len(names))[values.argmax(axis=1)]
        frame = pd.DataFrame(values).groupby(_names(batch), sort=False)
        windows.update({contig: int(size) for contig, size in frame.size().items()})
        for contig, total in frame.sum().iterrows():
            sums[contig] = sums.get(contig, 0) + total.to_numpy()
    told = [(contig, windows[contig], sums[contig]) for contig in shown]
    if rest := [contig for contig in windows if contig not in set(shown)]:
        others = sum((sums[contig] for contig in rest), np.zeros(len(names)))
        told.append((f"{len(rest):,} others", sum(windows[contig] for contig in rest), others))
    rows = [
        [contig, f"{size:,}", *(share(each, size) if classes else number(each / size) for each in total)]
        for contig, size, total in told
    ]
    what = "the share of the windows that each class is the likeliest of" if classes else "the mean of each output"
    return Table(["contig", "windows", *names], rows, set(range(1, len(names) + 2)), f"By contig, {what}.")


def _alleles(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    """How many alleles change a prediction by how much, and those that change one most."""
    summary = entry["summary"]
    scored = f"{count(summary['scored'], 'allele')} of {count(summary['records'], 'record')}"
    blocks: list[Block] = [
        Text(f"Predictions with ALT less those with REF: {scored}."),
        *_left_out(summary["unscored"]),
    ]
    if not summary["scored"]:
        return blocks
    table = read_columns(entry["paths"]["predicted"])
    names = [column.removeprefix(DIFFERENCE) for column in table.columns if column.startswith(DIFFERENCE)]
    table = table[table[f"{DIFFERENCE}{names[0]}"].notna()]
    values = table[[f"{DIFFERENCE}{name}" for name in names]].to_numpy()
    caption = (
        f"Differences of {scored}, of each output; the number of alleles is on a logarithmic scale. Right of 0 the "
        "prediction is higher with ALT."
    )
    origin = link.origin(entry, count(len(table), "allele"), "predict_variants", "predicted")
    figure = Figure(f"predictions-{index}", differences(names, values), caption, origin=origin)
    return [*blocks, figure, _largest(table, names, values)]


def _largest(table: pd.DataFrame, names: list[str], values: np.ndarray) -> Table:
    change = np.abs(values)
    first = np.argsort(-change.max(axis=1), kind="stable")[:MOST_ALLELES]
    rows = []
    for row in first:
        allele, name = table.iloc[row], names[int(change[row].argmax())]
        rows.append(
            [
                allele["contig"],
                f"{allele['pos'] + 1:,}",
                *(_short(allele[key]) for key in ("ref", "alt")),
                name,
                *(number(allele[f"{prefix}_{name}"]) for prefix in ("ref", "alt")),
                f"{allele[f'{DIFFERENCE}{name}']:+.3f}",
            ]
        )
    columns = ["contig", "position", "REF", "ALT", "output", "with REF", "with ALT", "difference"]
    caption = (
        f"The {len(rows)} alleles that change a prediction most, and the output that they change most; positions count "
        "from 1."
    )
    return Table(columns, rows, {1, 5, 6, 7}, caption)


def _short(allele: str) -> str:
    """An allele, or the beginning of a long one and its length."""
    return allele if len(allele) <= MOST_LETTERS else f"{allele[:MOST_LETTERS]}… ({len(allele):,} bases)"
