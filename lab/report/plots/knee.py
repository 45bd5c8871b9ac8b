"""Throughput by the number of slots, one line per pool: where more slots stop to help."""

from __future__ import annotations

from itertools import cycle

import plotly.graph_objects as go

from lab.format.advice import Tried, label, median_rate, slots
from lab.report.plots.figure import axis, figure, plot_text
from lab.report.plots.series import STYLES
from lab.results.advice import AdviceResult

HEIGHT_PX = 340
#: The name of what runs in two groups.
SPLIT = "split"


def knee(result: AdviceResult) -> go.Figure:
    """Draw a point for each candidate; a line joins those that differ only in concurrency."""
    drawn = figure(HEIGHT_PX, showlegend=True, legend={"orientation": "h", "y": 1.14, "x": 0})
    series = _series(result)
    for (name, points), style in zip(series.items(), cycle(STYLES), strict=False):
        points.sort(key=slots)
        drawn.add_scatter(
            x=[slots(one) for one in points],
            y=[round(median_rate(one), 2) for one in points],
            name=plot_text(name),
            mode="markers" if name == SPLIT else "lines+markers",
            line={"color": style.colour, "dash": style.dash, "width": 2},
            marker={"symbol": style.symbol, "size": 9, "color": style.colour},
            text=[plot_text(label(one), 60) for one in points],
            hovertemplate="%{text}: %{y} tasks/s<extra></extra>",
        )
    ticks = sorted({slots(one) for points in series.values() for one in points})
    drawn.update_layout(
        xaxis=axis(
            "slots in all workers (logarithmic)", type="log", tickvals=ticks, ticktext=ticks
        ),
        yaxis=axis("tasks per second", rangemode="tozero"),
    )
    return drawn


def _series(result: AdviceResult) -> dict[str, list[Tried]]:
    """Return the candidates that have a trial, by the name of their line."""
    found: dict[str, list[Tried]] = {}
    for one in result.candidates:
        if one.trials:
            name = " ".join([one.pool, *one.flags])
            name = name if one.workers == 1 else f"{one.workers} × {name}"
            found.setdefault(name, []).append(one)
    for split in result.mix.splits if result.mix is not None else ():
        if split.trials:
            found.setdefault(SPLIT, []).append(split)
    return found
