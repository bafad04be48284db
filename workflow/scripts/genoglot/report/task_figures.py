"""Figures of the report on tasks; see `figures`."""

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from genoglot.report.figures import base_figure
from genoglot.report.palette import CONTESTANTS, GREY
from genoglot.report.task_curves import DASHES, FEW_SHOT_MEASURES, Curve, FewShotLine, sideways

GUESSING = {"color": GREY, "width": 1.5, "dash": "dot"}
# a class by itself needs no colour of its own for its base rate
FAINT = 0.45
# a rank beyond all others in the legend
LAST = 2000


def ranking(curves: list[Curve]) -> go.Figure:
    """ROC to the left, precision over recall to the right, with what guessing gives as dotted lines."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    bases = {curve.base for curve in curves}
    guess = {"mode": "lines", "name": "guessing", "hoverinfo": "skip"}
    legend = {"legendgroup": "guessing", "legendrank": LAST}
    figure.add_scatter(x=[0, 1], y=[0, 1], line=GUESSING, **guess, **legend, row=1, col=1)
    for curve in curves:
        name = escape(curve.label, quote=False)
        style = {"color": curve.colour, "width": 2.5, "dash": curve.dash}
        drawn = {"mode": "lines", "name": name, "legendgroup": name, "line": style}
        first = all(trace.legendgroup != name for trace in figure.data)
        hover = f"<extra>{name}</extra>"
        roc = f"false positive rate %{{x:.3f}}<br>true positive rate %{{y:.3f}}{hover}"
        figure.add_scatter(**curve.roc, **drawn, showlegend=first, hovertemplate=roc, row=1, col=1)
        if curve.base is not None and len(bases) > 1:
            line = GUESSING | {"color": curve.colour}
            level = {"x": [0, 1], "y": [curve.base] * 2, "opacity": FAINT, "line": line, "legendgroup": name}
            figure.add_scatter(**level, **guess, showlegend=False, row=1, col=2)
        # up or down, then along: precision holds for the recall that it takes to get there
        step = style | {"shape": "vh"}
        pr = f"recall %{{x:.3f}}<br>precision %{{y:.3f}}{hover}"
        figure.add_scatter(**curve.pr, **drawn | {"line": step}, showlegend=False, hovertemplate=pr, row=1, col=2)
    if len(bases) == 1 and (base := bases.pop()) is not None:
        figure.add_scatter(x=[0, 1], y=[base] * 2, line=GUESSING, showlegend=False, **guess, **legend, row=1, col=2)
    figure = base_figure(figure, 430)
    figure.update_xaxes(range=[-0.02, 1.02], dtick=0.25)
    figure.update_yaxes(range=[-0.02, 1.02], dtick=0.25)
    titles = [("false positive rate", "true positive rate"), ("recall", "precision")]
    for column, (across, up) in enumerate(titles, start=1):
        figure.update_xaxes(title_text=across, row=1, col=column)
        figure.update_yaxes(title_text=up, row=1, col=column)
    return figure


def few_shot(lines: list[FewShotLine], measure: str, across: str) -> go.Figure:
    """A measure against numbers of labelled examples (`across`): lines through means of draws, draws as faint dots."""
    axis, guess = FEW_SHOT_MEASURES[measure]
    traces = []
    for number, line in enumerate(lines):
        name, colour, symbol = CONTESTANTS[line.contestant]
        shift = sideways(number, len(lines))
        common = {"name": name, "legendgroup": name}
        hover = f"{axis} %{{y:.3f}}, %{{customdata:,}} {across}<extra>{name}"
        traces.append(
            go.Scatter(
                x=[size * shift for size in line.sizes],
                y=line.values,
                customdata=line.sizes,
                mode="markers",
                marker={"size": 7, "color": colour, "symbol": symbol, "opacity": FAINT},
                showlegend=False,
                hovertemplate=hover + ", one draw</extra>",
                **common,
            )
        )
        traces.append(
            go.Scatter(
                x=[size * shift for size in line.mean_sizes],
                y=line.means,
                customdata=line.mean_sizes,
                mode="lines+markers",
                line={"color": colour, "width": 2.5, "dash": DASHES[line.contestant]},
                marker={"size": 9, "symbol": symbol},
                hovertemplate=hover + ", mean of draws</extra>",
                **common,
            )
        )
    figure = base_figure(traces, 420)
    figure.add_hline(y=guess, line=GUESSING)
    place = {"x": 1, "xref": "paper", "y": guess, "xanchor": "right", "yanchor": "bottom"}
    figure.add_annotation(text="guessing", font_size=11, showarrow=False, borderpad=0, **place)
    sizes = sorted({size for line in lines for size in line.sizes})
    figure.update_yaxes(title_text=axis)
    ticks = {"tickvals": sizes, "ticktext": [f"{size:,}" for size in sizes]}
    return figure.update_xaxes(title_text=across, type="log", **ticks)
