"""Still figures, for the report that Snakemake collects itself (`snakemake --report`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoglot.files import atomic_path, read_json
from genoglot.report.figures import markov_lines
from genoglot.report.palette import ARCHITECTURE_COLOURS, CONTESTANTS, GREY, REGION_COLOURS, consequence_words, in_order
from genoglot.sweeps.comparison import series_of
from genoglot.sweeps.scaling import PowerLaw

MAX_POINTS = 30_000
MARKERS = "oDs^P"


@contextmanager
def _figure(path: str | Path, width: float, height: float) -> Iterator[Axes]:
    """Axes of a new figure of this size in inches, saved to `path` in the format its suffix names."""
    # without its date, and with ids that do not change, the same figure is the same file
    with mpl.rc_context({"svg.hashsalt": "genoglot", "font.size": 9}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        yield axes
        suffix = Path(path).suffix.lstrip(".")
        metadata = {"Date": None} if suffix == "svg" else None
        with atomic_path(Path(path)) as temporary:
            figure.savefig(temporary, format=suffix, dpi=150, metadata=metadata)


def plot_curves(curves: str | Path, metrics: str | Path, figure: str | Path) -> None:
    """Bits per base over the tokens seen, in training and validation, beside the better Markov chain."""
    table = pd.read_csv(curves, sep="\t")
    with _figure(figure, 6, 3.6) as axes:
        for split, colour, marker in (("train", GREY, None), ("validation", CONTESTANTS["model"][1], "o")):
            rows = table[table["split"] == split]
            axes.plot(rows["tokens"], rows["bits_per_base"], color=colour, marker=marker, markersize=4, label=split)
        baseline = read_json(Path(metrics))["markov_bits_per_base"]
        name, colour, _ = CONTESTANTS["markov"]
        axes.axhline(baseline, color=colour, linestyle="--", label=f"{name}, validation")
        axes.set(xlabel="tokens seen", ylabel="bits per base")
        axes.legend(frameon=False)


def plot_comparison(comparison: str | Path, figure: str | Path) -> None:
    """Bits per base of a sweep's models over the compute of their training, with the curves fitted to them."""
    found = read_json(Path(comparison))
    points = found["points"]
    with _figure(figure, 6, 4) as axes:
        if not points:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "The compute of these models is not known.", ha="center")
            return
        tokenizers = list(dict.fromkeys(point["tokenizer"] for point in points))
        for label, part in series_of(points).items():
            axes.errorbar(
                [point["flops"] for point in part],
                [point["bits_per_base"] for point in part],
                yerr=[point["spread"] or 0 for point in part],
                fmt=MARKERS[tokenizers.index(part[0]["tokenizer"]) % len(MARKERS)],
                color=ARCHITECTURE_COLOURS.get(part[0]["architecture"], GREY),
                markersize=5,
                label=label,
            )
        for fit in found["fits"]:
            ends = np.geomspace(fit["from_flops"], fit["to_flops"], 60)
            axes.plot(ends, PowerLaw.of(fit).loss(ends), color=ARCHITECTURE_COLOURS.get(fit["architecture"], GREY))
        for (label, value), style in zip(markov_lines(found["rows"]).items(), ("--", ":"), strict=False):
            axes.axhline(value, color=GREY, linestyle=style, label=label)
        axes.set(xlabel="compute of training (FLOPs)", ylabel="bits per base", xscale="log")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def plot_umap(umap: str | Path, metrics: str | Path, figure: str | Path) -> None:
    """The windows of a genome in the two dimensions of UMAP, coloured by region class; a sample where they are many."""
    table = pq.read_table(umap, columns=["region", "umap_1", "umap_2"]).to_pandas()
    if len(table) > MAX_POINTS:
        table = table.iloc[np.linspace(0, len(table) - 1, MAX_POINTS).astype(int)]
    accuracy = read_json(Path(metrics))["balanced_accuracy"]
    with _figure(figure, 6, 4.6) as axes:
        for region in in_order(list(table["region"].unique()), REGION_COLOURS):
            rows = table[table["region"] == region]
            colour = REGION_COLOURS.get(region, GREY)
            axes.scatter(rows["umap_1"], rows["umap_2"], s=2, linewidths=0, color=colour, label=region)
        axes.set(xlabel="UMAP 1", ylabel="UMAP 2", xticks=[], yticks=[])
        if accuracy is not None:
            axes.set_title(f"balanced accuracy of region classes: {accuracy:.3f}", fontsize=9)
        axes.legend(frameon=False, markerscale=4, loc="center left", bbox_to_anchor=(1, 0.5))


def plot_auroc(metrics: str | Path, figure: str | Path) -> None:
    """AUROC of each comparison with its 95% interval, the model beside the Markov chain."""
    comparisons = [row for row in read_json(Path(metrics)) if row["auroc"] is not None]
    with _figure(figure, 6.5, 1.2 + 0.5 * max(1, len(comparisons))) as axes:
        if not comparisons:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "No two consequences have enough scored variants to compare.", ha="center")
            return
        axes.axvline(0.5, color=GREY, linewidth=0.8)
        for contestant, prefix, shift in (("model", "", -0.12), ("markov", "markov_", 0.12)):
            name, colour, _ = CONTESTANTS[contestant]
            _intervals(axes, comparisons, prefix, name, colour, shift)
        names = [
            f"{consequence_words(row['positives'])} against\n{consequence_words(row['negatives'])}"
            for row in comparisons
        ]
        axes.set_yticks(range(len(comparisons)), names)
        axes.invert_yaxis()
        axes.set(xlabel="AUROC")
        axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))


def _intervals(
    axes: Axes, comparisons: list[dict[str, Any]], prefix: str, label: str, colour: str, shift: float
) -> None:
    rows = [(place, row) for place, row in enumerate(comparisons) if row.get(f"{prefix}auroc") is not None]
    values = np.array([row[f"{prefix}auroc"] for _, row in rows])
    low = np.array([row[f"{prefix}auroc_low"] for _, row in rows])
    high = np.array([row[f"{prefix}auroc_high"] for _, row in rows])
    places = [place + shift for place, _ in rows]
    axes.errorbar(values, places, xerr=[values - low, high - values], fmt="o", color=colour, markersize=4, label=label)
