"""Figures of loci: sequence logos, in-silico mutagenesis, dependency maps; all on the forward strand."""

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from genoglot.files import read_json, staged, write_json
from genoglot.genome.store import BASES, N_CODE
from genoglot.interpretation.tables import COLOURS, LLR, letter_heights, read_attention, read_map

log = logging.getLogger(__name__)

LETTERS = BASES[:N_CODE]
Drawing = Callable[[pa.Table, str, Path], None]
FORMATS = ("png", "svg")
LINE = 100  # most bases of a line of a figure
SPELLED = 120  # bases of a map whose axes still spell the sequence
WIDTH = 10.0  # inches
IN_PAGE = 3  # loci of a set that the report shows: each has some hundred kilobytes


def draw_loci(
    sites: Path,
    dependencies: Path,
    attention: Path,
    summary: Path,
    folder: Path,
    pictures: Path,
    attributions: Mapping[str, Path] | None = None,
) -> None:
    """Draw what `interpret_loci` made: `{locus}.{kind}.png` and `.svg` in a folder, all or none.

    Args:
        sites, dependencies, attention, summary: its files.
        attributions: what `attribute_loci` made, by task.
        folder: where the figures go.
        pictures: JSON to write, for the page: of the first `IN_PAGE` loci that have figures, by the first part of their
            files' names and by kind, the PNG as a data URI.
    """
    about, table = read_json(Path(summary)), pq.read_table(sites)
    in_page: dict[str, dict[str, str]] = {}
    with staged(Path(folder)) as staging:
        for locus in about["loci"]:
            if "figures" in locus["missing"]:
                log.info("%s: no figures: %s", locus["name"], locus["missing"]["figures"])
                continue
            rows = table.filter(pc.equal(table["locus"], locus["number"]))
            title = f"{locus['name']} of {about['genome']}, model {about['model']}"
            drawings: dict[str, Drawing] = {"logo": draw_logo, "mutagenesis": draw_mutagenesis}
            if (values := read_map(dependencies, locus["number"], len(rows))) is not None:
                drawings["dependencies"] = partial(draw_map, values)
            if (layers := read_attention(attention, locus["number"], len(rows))) is not None:
                drawings["attention"] = partial(draw_attention, layers)
            for task, path in (attributions or {}).items():
                if len(found := pq.read_table(path, filters=[("locus", "=", locus["number"])])):
                    drawings[f"attributions-{task}"] = partial(draw_attributions, found, task)
            for kind, draw in drawings.items():
                for suffix in FORMATS:
                    draw(rows, title, staging / f"{locus['file']}.{kind}.{suffix}")
            if len(in_page) < IN_PAGE:
                in_page[locus["file"]] = {kind: data_uri(staging / f"{locus['file']}.{kind}.png") for kind in drawings}
    write_json(Path(pictures), in_page)


def data_uri(picture: Path) -> str:
    """A PNG as text that stands for it in a page."""
    return f"data:image/png;base64,{b64encode(picture.read_bytes()).decode()}"


@contextmanager
def _drawn(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A new figure of this size in inches, saved to `path` in the format that its suffix names."""
    suffix = path.suffix.lstrip(".")
    # without its date, and with ids that do not change, the same figure is the same file
    with mpl.rc_context({"svg.hashsalt": "genoglot", "font.size": 8}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(path, format=suffix, dpi=110, metadata={"Date": None} if suffix == "svg" else None)


def _lines(rows: pa.Table, title: str, path: Path, height: float, draw: Callable[[Axes, pa.Table], None]) -> None:
    """A figure that goes on from line to line, each with its bases below and positions, counted from 1."""
    count = -(-len(rows) // LINE)
    each = -(-len(rows) // count)
    with _drawn(path, WIDTH, 0.4 + count * height) as figure:
        for number, axes in enumerate(np.atleast_1d(figure.subplots(count, 1))):
            part = rows.slice(number * each, each)
            draw(axes, part)
            axes.set_xlim(-0.5, each - 0.5)
            axes.spines[["top", "right"]].set_visible(False)
            _mark_positions(axes, part)
        figure.suptitle(title, fontsize=9)


def _mark_positions(axes: Axes, rows: pa.Table) -> None:
    """Each base of the sequence below the axis, and its position where that is a multiple of ten."""
    positions, letters = rows["pos"].to_numpy() + 1, rows["ref"].to_pylist()
    labels = [
        f"{letter}\n{position:,}" if position % 10 == 0 else letter
        for letter, position in zip(letters, positions.tolist(), strict=True)
    ]
    axes.set_xticks(range(len(labels)), labels, fontsize=6)
    axes.tick_params(axis="x", length=0, pad=2)


def draw_logo(rows: pa.Table, title: str, path: Path) -> None:
    """A sequence logo: letters stacked by height, information times probability, the likeliest on top.

    Schneider & Stephens 1990 (doi:10.1093/nar/18.20.6097). Bases that are N are left out. The axis ends at the next
    half bit above the highest stack, since models are seldom sure.
    """
    known = rows["information"].to_numpy(zero_copy_only=False)
    top = np.ceil(2 * np.nanmax(known, initial=0.1)) / 2

    def draw(axes: Axes, part: pa.Table) -> None:
        heights = np.nan_to_num(letter_heights(part))
        order = np.argsort(heights, axis=1, kind="stable")
        bottoms = np.zeros_like(heights)
        stacked = np.take_along_axis(heights, order, axis=1)
        np.put_along_axis(bottoms, order, np.cumsum(stacked, axis=1) - stacked, axis=1)
        for number, letter in enumerate(LETTERS):
            shapes = [
                PathPatch(_letter(letter, place, bottoms[place, number], heights[place, number]))
                for place in np.flatnonzero(heights[:, number] > 0).tolist()
            ]
            axes.add_collection(PatchCollection(shapes, facecolor=COLOURS[letter], edgecolor="none"))
        axes.set(ylim=(0, top), yticks=(0, top / 2, top), ylabel="bits")

    _lines(rows, f"predicted bases, {title}", path, 1.25, draw)


def _letter(letter: str, place: int, bottom: float, height: float) -> Outline:
    """The outline of a letter that fills a box of width 0.9 around `place`, of this height."""
    outline = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = outline.get_extents()
    move = Affine2D().translate(-box.x0, -box.y0).scale(0.9 / box.width, height / box.height)
    return move.translate(place - 0.45, bottom).transform_path(outline)


def draw_attributions(found: pa.Table, task: str, rows: pa.Table, title: str, path: Path) -> None:
    """The bases that are there, as high as their attribution; those that speak against the prediction hang down."""
    values = found["attribution"].to_numpy(zero_copy_only=False)
    first, limit = int(rows["pos"][0].as_py()), float(np.abs(values).max()) or 1.0

    def draw(axes: Axes, part: pa.Table) -> None:
        for place, (position, base) in enumerate(zip(part["pos"].to_pylist(), part["ref"].to_pylist(), strict=True)):
            height = float(values[position - first])
            if base in LETTERS and height:
                shape = _letter(base, place, min(height, 0), abs(height))
                axes.add_patch(PathPatch(shape, facecolor=COLOURS[base], edgecolor="none"))
        axes.axhline(0, color="#57616b", linewidth=0.5)
        axes.set(ylim=(-limit, limit), ylabel="Shapley value")

    what = f"{found['output'][0].as_py()} ({found['prediction'][0].as_py():.2f})"
    _lines(rows, f"what task {task} rests {what} on, {title}", path, 1.4, draw)


def draw_mutagenesis(rows: pa.Table, title: str, path: Path) -> None:
    """Log-likelihood ratios of all substitutions as a heat map; dots are the bases that are there."""
    values = np.column_stack([rows[name].to_numpy(zero_copy_only=False) for name in LLR]).T
    limit = float(np.nanpercentile(np.abs(values), 99)) or 1.0

    def draw(axes: Axes, part: pa.Table) -> None:
        here = np.column_stack([part[name].to_numpy(zero_copy_only=False) for name in LLR]).T
        image = axes.imshow(here, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        there = [(place, LETTERS.index(base)) for place, base in enumerate(part["ref"].to_pylist()) if base in LETTERS]
        axes.plot([place for place, _ in there], [row for _, row in there], ".", markersize=3, color="#57616b")
        axes.set_yticks(range(N_CODE), list(LETTERS))
        axes.figure.colorbar(image, ax=axes, pad=0.01, label="nats")

    _lines(rows, f"log-likelihood ratio of each substitution, {title}", path, 1.0, draw)


def draw_map(values: np.ndarray, rows: pa.Table, title: str, path: Path) -> None:
    """A dependency map (length, length): rows are changed bases, columns the bases whose prediction moves."""
    finite = values[np.isfinite(values)]
    limit = float(np.percentile(finite, 99.5)) if finite.size else 1.0
    first, length = int(rows["pos"][0].as_py()) + 1, len(rows)
    with _drawn(path, 6.6, 6.0) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(values, cmap="magma_r", vmin=0, vmax=limit or 1.0, interpolation="nearest")
        ticks = [place for place in range(length) if (first + place) % _step(length) == 0]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [f"{first + place:,}" for place in ticks])
        axes.tick_params(axis="x", rotation=90)
        if length <= SPELLED:
            _spell(axes, rows["ref"].to_pylist())
        axes.set(xlabel="base whose prediction moves", ylabel="base that is changed")
        figure.colorbar(image, ax=axes, shrink=0.8, label="largest |log2 odds ratio|, bits")
        figure.suptitle(f"dependencies, {title}", fontsize=9)


def draw_attention(values: np.ndarray, rows: pa.Table, title: str, path: Path) -> None:
    """Attention maps (layers, length, length), a panel for each layer: rows look at columns; one scale for all."""
    layers, length, _ = values.shape
    across = min(layers, 4)
    down = -(-layers // across)
    limit = float(np.percentile(values, 99.5))
    first, step = int(rows["pos"][0].as_py()) + 1, _step(2 * length)
    ticks = [place for place in range(length) if (first + place) % step == 0]
    labels = [f"{first + place:,}" for place in ticks]
    with _drawn(path, 0.8 + 2.4 * across, 0.5 + 2.5 * down) as figure:
        panels = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).reshape(-1)
        for number, axes in enumerate(panels):
            if number >= layers:
                axes.set_axis_off()
                continue
            image = axes.imshow(values[number], cmap="magma_r", vmin=0, vmax=limit or 1.0, interpolation="nearest")
            axes.set_title(f"layer {number + 1}", fontsize=8)
            axes.set_xticks(ticks, labels, rotation=90, fontsize=6)
            axes.set_yticks(ticks, labels, fontsize=6)
        figure.colorbar(image, ax=panels, shrink=0.8, label="attention, mean over heads")
        figure.suptitle(f"attention, {title}", fontsize=9)


def _step(length: int) -> int:
    """Distance between ticks, so that there are about ten."""
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200) if length <= 12 * step), 500)


def _spell(axes: Axes, letters: list[str]) -> None:
    """The sequence along the top and the right."""
    size = min(7.0, 420 / len(letters))
    for place, letter in enumerate(letters):
        colour = COLOURS.get(letter, "#57616b")
        axes.text(place, -1, letter, fontsize=size, ha="center", va="bottom", color=colour)
        axes.text(len(letters), place, letter, fontsize=size, ha="left", va="center", color=colour)
