"""Maps of windows for the page: what `map_view.js` draws, of one model or of several beside each other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import orthogonal_procrustes

from genoglot.report.packing import classes, quantised, whole_numbers
from genoglot.report.palette import PALE, REGION_COLOURS, SHADES, in_order, styles

PLACE = ["contig", "start", "end"]
AXES = {"UMAP": ("umap_1", "umap_2"), "PCA": ("pca_1", "pca_2")}
NOISE = "noise"
SHARES = ("gc", "soft_masked")
LABELS = {"region": "region class", "gc": "GC", "soft_masked": "soft-masked", "perplexity": "perplexity"}
# whole numbers of more different values than this are shaded, not told apart
MOST_CLASSES = 1_000


def pack_map(
    table: pd.DataFrame,
    genome: str,
    model: str,
    points: int,
    shares: list[float] | None = None,
    browser_url: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The windows of a genome on the map of one model; a sample of `points` where there are more.

    Args:
        table: columns contig, start, end (0-based half-open), umap_1, umap_2, pca_1, pca_2, and any others, each of
            which can give the colours: text and whole numbers as classes, other numbers as shades.
        genome, model: names.
        points: the most windows that are drawn.
        shares: share of the variance that each principal component holds.
        browser_url: address of a genome browser with {contig}, {start}, {end} (1-based, closed) and {genome}.
        seed: of the sample.
    """
    shown = sampled(table, points, seed)
    panel = {"title": model, **_panel({axes: _positions(shown, axes) for axes in AXES}, shares)}
    extra = [name for name in shown if name not in PLACE and not _is_position(name)]
    packed = _pack(shown, extra, genome, [panel], browser_url)
    return {**packed, "file": _file_name(genome, model), "sampled": len(shown) < len(table)}


def pack_comparison(
    tables: Mapping[str, pd.DataFrame], genome: str, points: int, browser_url: str | None = None, seed: int = 0
) -> tuple[dict[str, Any], dict[str, float | None]] | None:
    """The windows that several models share, on the map of each, rotated onto that of the first.

    Returns:
        The packed map with one panel for each model, and by model how far its UMAP is from that of the first (see
        `align`); or None where the models share no window.
    """
    names = list(tables)
    shared = joined(tables)
    if shared.empty:
        return None
    panels, distances = [], {}
    shown = sampled(shared, points, seed)
    for model in names:
        found = {}
        for axes in AXES:
            target = _positions(shared, axes, names[0])
            moved, distance = align(_positions(shared, axes, model), target)
            found[axes] = moved[shown.index]
            if axes == "UMAP":
                distances[model] = distance
        panels.append({"title": model, **_panel(found, None)})
    extra = [name for name in shown if name not in PLACE and not _is_position(name.split(", ")[0])]
    packed = _pack(shown, extra, genome, panels, browser_url)
    file = _file_name(genome, "compared")
    return {**packed, "file": file, "sampled": len(shown) < len(shared)}, distances


def sampled(table: pd.DataFrame, points: int, seed: int) -> pd.DataFrame:
    """At most `points` rows, drawn at random, in the order of the table."""
    return table if len(table) <= points else table.sample(points, random_state=seed).sort_index()


def joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The windows that all tables have, in the order of the first.

    Columns that say the same of each window for every model stand there once, others as `column, model`.
    """
    names = list(tables)
    keyed = {name: table.set_index(PLACE) for name, table in tables.items()}
    index = keyed[names[0]].index
    for name in names[1:]:
        index = index[index.isin(keyed[name].index)]
    parts = {name: table.loc[index] for name, table in keyed.items()}
    found = pd.DataFrame(index=index)
    for column in dict.fromkeys(column for part in parts.values() for column in part):
        holders = [name for name in names if column in parts[name]]
        first = parts[holders[0]][column]
        if holders == names and not _is_position(column) and all(first.equals(parts[name][column]) for name in names):
            found[column] = first
        else:
            for name in holders:
                found[f"{column}, {name}"] = parts[name][column]
    return found.reset_index()


def align(positions: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Positions turned, mirrored, shifted and scaled as a whole to lie as near to `target` as they can.

    Args:
        positions, target: the same windows on two maps, each of shape (windows, 2).

    Returns:
        The positions so moved, and the distance that is left (Procrustes: 0 for the same shape, 1 for none in
        common; Gower 1975, doi:10.1007/BF02291478), None where a map is a single point.
    """
    middle, other = target.mean(axis=0), positions.mean(axis=0)
    size, other_size = np.linalg.norm(target - middle), np.linalg.norm(positions - other)
    if size == 0 or other_size == 0:
        return positions, None
    from_unit, to_unit = (positions - other) / other_size, (target - middle) / size
    turn, agreement = orthogonal_procrustes(from_unit, to_unit)
    return from_unit @ turn * agreement * size + middle, float(max(0.0, 1 - agreement**2))


def _is_position(name: str) -> bool:
    return any(name in pair for pair in AXES.values())


def _positions(table: pd.DataFrame, axes: str, model: str | None = None) -> np.ndarray:
    names = [name if model is None else f"{name}, {model}" for name in AXES[axes]]
    return table[names].to_numpy(dtype=np.float64)


def _panel(positions: dict[str, np.ndarray], shares: list[float] | None) -> dict[str, Any]:
    """Axes of a panel by their name, and what is written beside them."""
    components = ["component 1", "component 2"]
    if shares and len(shares) > 1:
        held = zip(components, shares, strict=False)
        components = [f"{name} ({share:.0%} of the variance)" for name, share in held]
    return {
        "axes": {axes: [quantised(values[:, side]) for side in (0, 1)] for axes, values in positions.items()},
        "names": {
            "UMAP": "→ UMAP 1   ↑ UMAP 2",
            "PCA": f"→ {components[0]}   ↑ {components[1]}",
        },
    }


def _pack(
    table: pd.DataFrame, extra: list[str], genome: str, panels: list[dict[str, Any]], browser_url: str | None
) -> dict[str, Any]:
    columns = {name: _column(table[name], name) for name in ("contig", *extra)}
    first = "region" if _tells_regions(table) else "gc"
    colours = [first, *(name for name in columns if name != first)]
    return {
        "rows": len(table),
        "genome": genome,
        "browser": browser_url,
        "start": whole_numbers(table["start"].to_numpy()),
        "length": whole_numbers((table["end"] - table["start"]).to_numpy()),
        "columns": columns,
        "panels": panels,
        "axes": list(AXES),
        "colour_by": first if first in columns else "contig",
        "colours": [name for name in colours if name in columns],
        "listed": extra,
        "labels": {name: label(name) for name in columns},
        "shades": list(SHADES),
        "missing": PALE,
    }


def label(column: str) -> str:
    """A column as people say it, with the model it is of where there are several."""
    name, _, model = column.partition(", ")
    return LABELS.get(name, name.replace("_", " ")) + (f", {model}" if model else "")


def _tells_regions(table: pd.DataFrame) -> bool:
    return "region" in table and table["region"].nunique() > 1


def _column(values: pd.Series, name: str) -> dict[str, Any]:
    """A column packed as classes with their legend, or as numbers."""
    short = name.split(", ")[0]
    if short == "cluster":
        numbers = sorted(values.unique())
        names = [NOISE if number < 0 else f"cluster {number}" for number in numbers]
        return _classes(values.map(dict(zip(numbers, names, strict=True))), names, {NOISE: PALE})
    if pd.api.types.is_float_dtype(values) or _is_many(values):
        return {**quantised(values.to_numpy(dtype=np.float64)), "share": short in SHARES}
    if pd.api.types.is_integer_dtype(values):
        return _classes(values.astype(str), [str(number) for number in sorted(values.unique())], {})
    text = values.astype(str)
    found = list(dict.fromkeys(text))
    known = REGION_COLOURS if short == "region" else {}
    return _classes(text, in_order(found, known) if known else found, known)


def _is_many(values: pd.Series) -> bool:
    return pd.api.types.is_integer_dtype(values) and values.nunique() > MOST_CLASSES


def _classes(values: pd.Series, names: list[str], known: Mapping[str, str]) -> dict[str, Any]:
    legend = styles(names, known, values.value_counts())
    numbers = {name: place for place, name in enumerate(names)}
    entries = [
        {
            "label": style.label,
            "colour": style.colour,
            "shape": style.shape,
            "members": [numbers[name] for name in style.members],
        }
        for style in legend
    ]
    return {**classes(values, names), "legend": entries}


def _file_name(genome: str, model: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in f"{genome}.{model}")
    return f"{kept}.selected.bed"
