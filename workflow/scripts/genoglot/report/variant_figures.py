"""Figures of the report on scores of variants; see `figures`."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from genoglot.report.figures import base_figure, dots
from genoglot.report.palette import BLUE, CONSEQUENCE_COLOURS, GREY, consequence_words, in_order

MAX_VIOLIN_POINTS = 2_000
FEWEST_FOR_SHAPE = 20


def _shape(colour: str, count: int) -> dict[str, Any]:
    """Style of a distribution: a violin and a box, or bare points where there are too few for a shape."""
    if count < FEWEST_FOR_SHAPE:
        nothing = {"line": {"width": 0}, "fillcolor": "rgba(0,0,0,0)"}
        return {"points": "all", "pointpos": 0.15, "jitter": 0.0, "marker": {"color": colour, "size": 7}, **nothing}
    return {"points": False, "line": {"color": colour, "width": 1.5}, "box": {"visible": True, "width": 0.3}}


def scores(table: pd.DataFrame, seed: int = 0) -> go.Figure:
    """Distribution of log-likelihood ratios per consequence (columns llr and consequence of labelled.parquet)."""
    kept = table[np.isfinite(table["llr"].astype(float)) & table["consequence"].fillna("").ne("")]
    counts = kept["consequence"].value_counts()
    names = in_order(list(counts.index), CONSEQUENCE_COLOURS)
    traces = []
    for name in names[::-1]:
        values = kept.loc[kept["consequence"] == name, "llr"].astype(float)
        if len(values) > MAX_VIOLIN_POINTS:
            values = values.sample(MAX_VIOLIN_POINTS, random_state=seed)
        colour = CONSEQUENCE_COLOURS.get(name, GREY)
        traces.append(
            go.Violin(
                x=values.to_numpy(dtype=np.float32),
                name=f"{escape(consequence_words(name), quote=False)} ({counts[name]:,})",
                orientation="h",
                side="positive",
                width=1.7,
                spanmode="hard",
                hoverinfo="x+name",
                **_shape(colour, len(values)),
            )
        )
    low, high = np.percentile(kept["llr"].astype(float), [0.5, 99.5])
    pad = 0.05 * (high - low) + 1e-6
    figure = base_figure(traces, 120 + 56 * len(names), showlegend=False, margin_t=34)
    figure.add_vline(x=0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    figure.update_xaxes(title_text="log-likelihood ratio, alternative against reference (nats)")
    return figure.update_xaxes(range=[min(low - pad, -pad), max(high + pad, pad)])


# parts of a box and where a bin of allele frequency (`frequency_bins` of genoglot.variants.frequency) has them
BOX = {"lowerfence": "q05", "q1": "q25", "median": "q50", "q3": "q75", "upperfence": "q95", "mean": "mean"}


def frequency_boxes(labels: list[str], bins: list[dict[str, Any]]) -> go.Figure:
    """Distribution of log-likelihood ratios in bins of allele frequency, from their quantiles."""
    parts = {part: [row[key] for row in bins] for part, key in BOX.items()}
    box = go.Box(x=labels, **parts, line={"color": BLUE, "width": 1.5}, name="")
    figure = base_figure([box], 380, showlegend=False, margin_t=34)
    figure.update_xaxes(title_text="allele frequency (variants)", type="category")
    return figure.update_yaxes(title_text="log-likelihood ratio (nats)")


def tail_dots(rows: list[str], series: dict[str, list[dict[str, Any]]]) -> go.Figure:
    """Odds ratios in tails, as `dots`, on a logarithmic axis with a line at 1."""
    figure = dots(rows, series, "odds ratio in the tail")
    figure.update_xaxes(type="log", range=None, autorange=True)
    return figure.add_vline(x=1, line={"color": GREY, "width": 1.5, "dash": "dot"})
