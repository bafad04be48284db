"""Figures of what heads say of windows and of alleles."""

from html import escape
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from genoglot.report.figures import base_figure
from genoglot.report.palette import CYCLE, REGION_COLOURS

BINS = 80


def differences(names: list[str], values: np.ndarray) -> go.Figure:
    """Histograms of differences (alleles, outputs), a line for each output, over the same bins."""
    most = float(np.abs(values).max()) or 1.0
    edges = np.linspace(-most, most, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    colours = _colours(names)
    traces = []
    for column, name in enumerate(names):
        counts = np.histogram(values[:, column], edges)[0]
        label = escape(name, quote=False)
        traces.append(
            go.Scatter(
                x=middles,
                y=[int(count) or None for count in counts],
                name=label,
                mode="lines+markers",
                line={"color": colours[name], "shape": "hvh"},
                marker={"size": 4},
                hovertemplate="%{x:+.3f}: %{y:,} alleles<extra>" + label + "</extra>",
            )
        )
    figure = base_figure(traces, 380, showlegend=True)
    figure.update_yaxes(title_text="alleles", type="log", dtick=1)
    return figure.update_xaxes(title_text="prediction with ALT less that with REF")


def along(contigs: list[str], likeliest: np.ndarray, names: list[str], width: int) -> go.Figure:
    """Stretches of contigs in the colours of classes.

    Args:
        likeliest: number of a class, (contigs, stretches), -1 where no window lies.
        width: bases of a stretch.
    """
    colours, most = _colours(names), len(names)
    scale = [[(number + end) / most, colours[name]] for number, name in enumerate(names) for end in (0, 1)]
    labels = [escape(name, quote=False) for name in names]
    heat = go.Heatmap(
        z=np.where(likeliest < 0, np.nan, likeliest),
        x=(np.arange(likeliest.shape[1]) + 0.5) * width,
        y=[escape(contig, quote=False) for contig in contigs],
        text=[[labels[number] if number >= 0 else "" for number in row] for row in likeliest],
        colorscale=scale,
        zmin=-0.5,
        zmax=most - 0.5,
        ygap=6,
        colorbar={"tickvals": list(range(most)), "ticktext": labels, "outlinewidth": 0, "thickness": 14},
        hoverongaps=False,
        hovertemplate="%{y}, about %{x:,.0f}: %{text}<extra></extra>",
    )
    figure = base_figure([heat], max(80 + 28 * len(contigs), 70 + 24 * most), margin_t=34)
    figure.update_xaxes(title_text="base", showgrid=False)
    return figure.update_yaxes(showgrid=False, autorange="reversed", type="category")


def _colours(names: list[str]) -> dict[str, str]:
    """Those that region classes have everywhere, and for other outputs those that are left."""
    known = {name: REGION_COLOURS[name] for name in names if name in REGION_COLOURS}
    free = cycle([colour for colour in CYCLE if colour not in known.values()] or CYCLE)
    return {name: known.get(name) or next(free) for name in names}
