"""Throughput by the number of slots, one line per pool: where more slots stop to help."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lab.format.advice import label, median_rate
from lab.report.plots.figure import axis, figure, plot_text
from lab.report.plots.series import STYLES
from lab.results.advice import CandidateResult

HEIGHT_PX = 340


def knee(candidates: Sequence[CandidateResult]) -> go.Figure:
    """Draw a point for each candidate; a line joins those that differ only in concurrency."""
    drawn = figure(HEIGHT_PX, showlegend=True, legend={"orientation": "h", "y": 1.14, "x": 0})
    families = list(dict.fromkeys((one.pool, one.workers) for one in candidates if one.trials))
    for (pool, workers), style in zip(families, STYLES, strict=False):
        points = sorted(
            (
                one
                for one in candidates
                if (one.pool, one.workers) == (pool, workers) and one.trials
            ),
            key=lambda one: one.concurrency,
        )
        name = pool if workers == 1 else f"{workers} × {pool}"
        drawn.add_scatter(
            x=[one.concurrency * one.workers for one in points],
            y=[round(median_rate(one), 2) for one in points],
            name=plot_text(name),
            mode="lines+markers",
            line={"color": style.colour, "dash": style.dash, "width": 2},
            marker={"symbol": style.symbol, "size": 9},
            text=[plot_text(label(one), 40) for one in points],
            hovertemplate="%{text}: %{y} tasks/s<extra></extra>",
        )
    slots = sorted({one.concurrency * one.workers for one in candidates if one.trials})
    drawn.update_layout(
        xaxis=axis(
            "slots in all workers (logarithmic)", type="log", tickvals=slots, ticktext=slots
        ),
        yaxis=axis("tasks per second", rangemode="tozero"),
    )
    return drawn
