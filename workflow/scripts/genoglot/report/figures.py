"""The interactive figures of the report, as Plotly figures without colours of their own for text and background.

The page gives those when it draws, by the reader's light or dark setting.
"""

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from genoglot.report.palette import (
    ARCHITECTURE_COLOURS,
    BLUE,
    CONTESTANTS,
    GREY,
    ORANGE,
    REGION_COLOURS,
    VERMILION,
    in_order,
)
from genoglot.sweeps.comparison import series_of
from genoglot.sweeps.scaling import PowerLaw

ROW = 34


def base_figure(traces: list[Any] | go.Figure, height: int, **layout: Any) -> go.Figure:
    """What all figures have in common: no colours but those of their traces, and the legend above."""
    figure = go.Figure(traces)
    figure.update_layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 10, "r": 16, "t": 64, "b": 10},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left"},
        hoverlabel={"align": "left"},
    )
    figure.update_xaxes(automargin=True, zeroline=False, ticks="outside", ticklen=4, title_standoff=10)
    figure.update_yaxes(automargin=True, zeroline=False, title_standoff=10)
    return figure.update_layout(**layout)


def curves(table: pd.DataFrame, metrics: dict[str, Any]) -> go.Figure:
    """Training and validation bits per base against tokens, the final evaluation and the Markov chains.

    `table` has the columns of curves.tsv.
    """
    traces = []
    styles = {"train": ("training", GREY, "lines"), "validation": ("validation", BLUE, "lines+markers")}
    for split, (label, colour, mode) in styles.items():
        part = table[table["split"] == split].sort_values("tokens")
        traces.append(
            go.Scatter(
                x=part["tokens"].to_numpy(),
                y=part["bits_per_base"].to_numpy(),
                name=label,
                mode=mode,
                line={"color": colour, "width": 1.5 if split == "train" else 2.5},
                marker={"size": 7},
                hovertemplate="%{x:.3s} tokens<br>%{y:.4f} bits per base<extra>" + label + "</extra>",
            )
        )
    traces.append(
        go.Scatter(
            x=[metrics["tokens_seen"]],
            y=[metrics["bits_per_base"]],
            name="final evaluation",
            mode="markers",
            marker={"size": 13, "symbol": "star", "color": VERMILION},
            hovertemplate="%{y:.4f} bits per base<extra>final evaluation</extra>",
        )
    )
    figure = base_figure(traces, 400)
    lines = {}
    for family, words in (("left", "left context"), ("both", "both sides")):
        chain = metrics.get("markov", {}).get(family)
        if chain:
            lines[f"Markov chain, {words}, order {chain['order']}"] = chain["bits_per_base"]
    for (label, value), dash in zip(lines.items(), ("dash", "dot"), strict=False):
        end = [0, max(float(table["tokens"].max()), metrics["tokens_seen"])]
        style = {"color": ORANGE, "width": 2, "dash": dash}
        hover = "%{y:.4f} bits per base<extra>" + label + "</extra>"
        figure.add_scatter(x=end, y=[value] * 2, name=label, mode="lines", line=style, hovertemplate=hover)
    shown = np.r_[table["bits_per_base"].to_numpy(), metrics["bits_per_base"], list(lines.values())]
    shown = shown[np.isfinite(shown)]
    top = min(float(shown.max()), 2.1)
    pad = 0.06 * (top - float(shown.min()) + 0.01)
    figure.update_yaxes(title_text="bits per base", range=[float(shown.min()) - pad, top + pad])
    return figure.update_xaxes(title_text="tokens seen in training", tickformat="~s", rangemode="tozero")


def dots(
    rows: list[str],
    series: dict[str, list[dict[str, Any]]],
    axis: str,
    guess: float | None = None,
    spread: float = 0.2,
) -> go.Figure:
    """Dots in rows, one series per contestant (a key of CONTESTANTS), with intervals where there are any.

    Each point is a dict with `value`, and `low` and `high` or None; `guess` marks what guessing gives. Series lie
    `spread` of a row apart.
    """
    labels = [escape(row, quote=False) for row in rows]
    traces = []
    for number, (key, points) in enumerate(series.items()):
        name, colour, symbol = CONTESTANTS[key]
        values = [point["value"] for point in points]
        shift = (len(series) - 1) / 2 - number
        error = None
        if any(point.get("low") is not None for point in points):
            error = {
                "type": "data",
                "symmetric": False,
                "array": [_length(point, "high") for point in points],
                "arrayminus": [_length(point, "low") for point in points],
                "thickness": 1.6,
                "width": 4,
            }
        traces.append(
            go.Scatter(
                x=values,
                y=[len(rows) - 1 - index + spread * shift for index in range(len(rows))],
                error_x=error,
                name=name,
                mode="markers",
                marker={"size": 11, "color": colour, "symbol": symbol},
                text=labels,
                hovertemplate="%{text}<br>%{x:.3f}<extra>" + name + "</extra>",
            )
        )
    figure = base_figure(traces, 124 + max(ROW, int(90 * spread * len(series))) * len(rows))
    ticks = list(range(len(rows)))
    figure.update_yaxes(tickvals=ticks, ticktext=labels[::-1], range=[-0.6, len(rows) - 0.4], ticklabelstandoff=8)
    shown = [point[end] for points in series.values() for point in points for end in point if point[end] is not None]
    if guess is not None:
        shown.append(guess)
        figure.add_vline(x=guess, line={"color": GREY, "width": 1.5, "dash": "dot"})
        place = {"x": guess, "y": 0, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "xshift": 3}
        figure.add_annotation(text="guessing", font_size=11, showarrow=False, borderpad=0, **place)
    pad = 0.05 * (max(shown) - min(shown)) + 1e-3
    return figure.update_xaxes(title_text=axis, range=[min(shown) - pad, max(shown) + pad])


def _length(point: dict[str, Any], end: str) -> float:
    if point["value"] is None or point.get(end) is None:
        return 0.0
    return abs(point[end] - point["value"])


def regions(rows: list[dict[str, Any]]) -> go.Figure:
    """Bits per base of the model and the Markov chain per region class (rows of a model's `regions`)."""
    names = [f"{row['region']} ({row['positions']:,})" for row in rows]
    series = {
        "model": [{"value": row["bits_per_base"]} for row in rows],
        "markov": [{"value": row["markov_bits_per_base"]} for row in rows],
    }
    figure = dots(names, series, "bits per base (fewer is better)", spread=0.0)
    for place, row in enumerate(rows[::-1]):
        ends = {"x0": row["bits_per_base"], "x1": row["markov_bits_per_base"], "y0": place, "y1": place}
        figure.add_shape(type="line", layer="below", line={"color": GREY, "width": 2}, **ends)
    return figure


def confusion(labels: list[str], counts: list[list[int]]) -> go.Figure:
    """Share of each true class that was called each class; the cells also say how many windows."""
    order = [labels.index(name) for name in in_order(labels, REGION_COLOURS)]
    labels = [labels[index] for index in order]
    matrix = np.asarray(counts, dtype=np.float64)[np.ix_(order, order)]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [escape(label, quote=False) for label in labels]
    text = [
        [f"{share:.0%}<br>{count:,.0f}" for share, count in zip(*row, strict=True)]
        for row in zip(shares, matrix, strict=True)
    ]
    heat = go.Heatmap(
        z=shares,
        x=names,
        y=names,
        text=text,
        texttemplate="%{text}",
        colorscale=[[0, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,0.7)"]],
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} called %{x}: %{text}<extra></extra>",
    )
    figure = base_figure([heat], 150 + 52 * len(labels), margin_t=34)
    figure.update_xaxes(title_text="predicted class", showgrid=False, ticks="", type="category")
    return figure.update_yaxes(title_text="true class", showgrid=False, autorange="reversed", type="category")


SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")


def compute(comparison: dict[str, Any]) -> go.Figure:
    """Bits per base against FLOPs of a sweep (`comparison.json`): colours by architecture, symbols by tokenizer."""
    points, traces = comparison["points"], []
    tokenizers = list(dict.fromkeys(point["tokenizer"] for point in points))
    for label, part in series_of(points).items():
        name = escape(label, quote=False)
        colour = ARCHITECTURE_COLOURS.get(part[0]["architecture"], GREY)
        symbol = SYMBOLS[tokenizers.index(part[0]["tokenizer"]) % len(SYMBOLS)]
        spreads = [point["spread"] or 0.0 for point in part]
        traces.append(
            go.Scatter(
                x=[point["flops"] for point in part],
                y=[point["bits_per_base"] for point in part],
                error_y={"type": "data", "array": spreads, "thickness": 1.6, "width": 4} if any(spreads) else None,
                name=name,
                mode="markers",
                marker={"size": 11, "color": colour, "symbol": symbol},
                text=["<br>".join(escape(model, quote=False) for model in point["models"]) for point in part],
                hovertemplate="%{text}<br>%{x:.3s} FLOPs<br>%{y:.4f} bits per base<extra>" + name + "</extra>",
            )
        )
    figure = base_figure(traces, 460)
    for fit in comparison["fits"]:
        ends = np.geomspace(fit["from_flops"], fit["to_flops"], 60)
        colour = ARCHITECTURE_COLOURS.get(fit["architecture"], GREY)
        style = {"mode": "lines", "line": {"color": colour, "width": 1.5}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_scatter(x=ends, y=PowerLaw.of(fit).loss(ends), **style)
    span = [min(point["flops"] for point in points), max(point["flops"] for point in points)]
    for label, value in markov_lines(comparison["rows"]).items():
        style = {"color": GREY, "width": 1.5, "dash": "dash"}
        hover = "%{y:.4f} bits per base<extra>" + label + "</extra>"
        figure.add_scatter(x=span, y=[value] * 2, name=label, mode="lines", line=style, hovertemplate=hover)
    figure.update_yaxes(title_text="bits per base on held-out sequence")
    return figure.update_xaxes(title_text="compute of training (FLOPs)", type="log", exponentformat="power", dtick=1)


def markov_lines(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The Markov chains of a sweep's models: one for those that see both sides, one for those that see one."""
    lines: dict[str, float] = {}
    for causal, label in ((False, "Markov chain"), (True, "Markov chain of causal models")):
        values = [row["markov_bits_per_base"] for row in rows if row["objective"].startswith("causal") == causal]
        if values:
            lines[label] = float(np.mean(values))
    return lines
