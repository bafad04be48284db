"""Still figures, for papers and for the report that Snakemake collects itself (`snakemake --report`).

Each is written to all of the paths that are given, in the formats that their suffixes name.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from genoglot.files import atomic_path, read_json
from genoglot.report.figures import markov_lines
from genoglot.report.palette import (
    ARCHITECTURE_COLOURS,
    CONTESTANTS,
    GREY,
    REGION_COLOURS,
    SHADES,
    consequence_words,
    in_order,
)
from genoglot.report.task_curves import DASHES, FEW_SHOT_MEASURES, PER, few_shot_lines, ranking_curves, sideways
from genoglot.report.words import tested
from genoglot.sweeps.comparison import series_of
from genoglot.sweeps.scaling import PowerLaw

MAX_POINTS = 30_000
MARKERS = "oDs^P"
# what plotly calls lines and markers -> what matplotlib does
LINES: dict[str, Any] = {"solid": "-", "dash": (0, (5, 2)), "dot": (0, (1.2, 1.2)), "dashdot": (0, (6, 2, 1.2, 2))}
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "x": "x"}
# an inch, which is what journals ask for at least
DOTS = 300


@contextmanager
def _figure(paths: Iterable[str | Path], width: float, height: float) -> Iterator[Axes]:
    """Axes of a new figure of this size in inches, saved to each path in the format its suffix names."""
    # without its date, and with ids that do not change, the same figure is the same file
    with mpl.rc_context({"svg.hashsalt": "genoglot", "font.size": 9}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        yield axes
        for path in map(Path, paths):
            suffix = path.suffix.lstrip(".")
            metadata = {"Date": None} if suffix == "svg" else None
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=suffix, dpi=DOTS, metadata=metadata)


def plot_curves(curves: str | Path, metrics: str | Path, figures: Iterable[str | Path]) -> None:
    """Bits per base over the tokens seen, in training and validation, beside the better Markov chain."""
    table = pd.read_csv(curves, sep="\t")
    with _figure(figures, 6, 3.6) as axes:
        for split, colour, marker in (("train", GREY, None), ("validation", CONTESTANTS["model"][1], "o")):
            rows = table[table["split"] == split]
            axes.plot(rows["tokens"], rows["bits_per_base"], color=colour, marker=marker, markersize=4, label=split)
        baseline = read_json(Path(metrics))["markov_bits_per_base"]
        name, colour, _ = CONTESTANTS["markov"]
        axes.axhline(baseline, color=colour, linestyle="--", label=f"{name}, validation")
        axes.set(xlabel="tokens seen", ylabel="bits per base")
        axes.legend(frameon=False)


def plot_comparison(comparison: str | Path, figures: Iterable[str | Path]) -> None:
    """Bits per base of a sweep's models over the compute of their training, with the curves fitted to them."""
    found = read_json(Path(comparison))
    points = found["points"]
    with _figure(figures, 6, 4) as axes:
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


def plot_umap(umap: str | Path, metrics: str | Path, figures: Iterable[str | Path]) -> None:
    """The windows of a genome in the two dimensions of UMAP, coloured by region class; a sample where they are many.

    Where no two classes are known, GC content gives the colours.
    """
    table = pq.read_table(umap, columns=["region", "gc", "umap_1", "umap_2"]).to_pandas()
    total = len(table)
    if total > MAX_POINTS:
        table = table.iloc[np.linspace(0, total - 1, MAX_POINTS).astype(int)]
    accuracy = read_json(Path(metrics))["balanced_accuracy"]
    shown = f"{total:,} windows" if len(table) == total else f"{len(table):,} of {total:,} windows"
    regions = in_order(list(table["region"].unique()), REGION_COLOURS)
    # the points of an SVG are one picture within it: as many shapes would be slow to open
    style: dict[str, Any] = {"s": 2, "linewidths": 0, "rasterized": True}
    with _figure(figures, 6, 4.6) as axes:
        if len(regions) > 1:
            for region in sorted(regions, key=lambda name: -(table["region"] == name).sum()):
                rows = table[table["region"] == region]
                colour = REGION_COLOURS.get(region, GREY)
                axes.scatter(rows["umap_1"], rows["umap_2"], color=colour, label=region, **style)
            handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
            beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
            axes.legend([handles[name] for name in regions], regions, frameon=False, markerscale=4, **beside)
        else:
            shades = LinearSegmentedColormap.from_list("shades", SHADES)
            points = axes.scatter(table["umap_1"], table["umap_2"], c=table["gc"], cmap=shades, **style)
            cast(Figure, axes.figure).colorbar(points, ax=axes, label="GC content")
        axes.set(xlabel="UMAP 1", ylabel="UMAP 2", xticks=[], yticks=[])
        words = "" if accuracy is None else f"; balanced accuracy of region classes: {accuracy:.3f}"
        axes.set_title(shown + words, fontsize=9)


def plot_auroc(metrics: str | Path, figures: Iterable[str | Path]) -> None:
    """AUROC of each comparison with its 95% interval, the model beside the Markov chain."""
    comparisons = [row for row in read_json(Path(metrics)) if row["auroc"] is not None]
    with _figure(figures, 6.5, 1.2 + 0.5 * max(1, len(comparisons))) as axes:
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


def plot_roc(metrics: str | Path, figures: Iterable[str | Path]) -> None:
    """ROC of a task: of two classes of all contestants, otherwise of each class or label by the pretrained network."""
    found = read_json(Path(metrics))
    curves = ranking_curves(found)
    with _figure(figures, 5.6, 3.8) as axes:
        if not curves:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "Nothing of this task has a ROC curve.", ha="center")
            return
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":", label="guessing")
        for curve in curves:
            style: dict[str, Any] = {"color": curve.colour, "linestyle": LINES[curve.dash], "label": curve.label}
            axes.plot(curve.roc["x"], curve.roc["y"], linewidth=1.6, **style)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        # each label once, guessing last
        named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        named["guessing"] = named.pop("guessing")
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        axes.legend(list(named.values()), list(named), frameon=False, **beside)
        axes.set_title(f"task {found['task']}, {tested(found)}", fontsize=9)


def plot_few_shot(metrics: str | Path, figures: Iterable[str | Path]) -> None:
    """What each contestant of a task reaches by the number of labelled examples: draws as dots, lines through means."""
    found = read_json(Path(metrics))
    few_shot = found.get("few_shot")
    lines = few_shot_lines(few_shot) if few_shot else []
    with _figure(figures, 5.6, 3.6) as axes:
        if not lines:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "This task was not learnt from few labels.", ha="center")
            return
        words, guess = FEW_SHOT_MEASURES[few_shot["measure"]]
        for number, line in enumerate(lines):
            shift = sideways(number, len(lines))
            name, colour, symbol = CONTESTANTS[line.contestant]
            style: dict[str, Any] = {"color": colour, "marker": SYMBOLS[symbol], "markersize": 4}
            dashes = LINES[DASHES[line.contestant]]
            axes.plot(shift * np.array(line.sizes), line.values, linestyle="", alpha=0.4, markeredgewidth=0, **style)
            axes.plot(
                shift * np.array(line.mean_sizes), line.means, linewidth=1.6, linestyle=dashes, label=name, **style
            )
        axes.axhline(guess, color=GREY, linewidth=0.8, linestyle=":", label="guessing")
        sizes = sorted({size for line in lines for size in line.sizes})
        axes.set(xscale="log", xlabel=f"labelled examples{PER[found['target']]}", ylabel=words)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set_title(f"task {found['task']}, {tested(found)}", fontsize=9)
