"""Latencies as cumulative curves, one per pool."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from lab.report.plots.figure import GREY, axis, figure, plot_text, rows_height_px, to_ms
from lab.report.plots.series import Series

#: Points of one curve; a screen cannot show more.
CURVE_POINTS = 300
#: Maximum / minimum latency above which a linear axis would squeeze the fast pools together.
LOG_FROM_RATIO = 60
#: Width of the narrowest plot, which must hold the curves' names; length of the line to a name.
PHONE_PLOT_PX = 270
ARROW_PX = 26
#: Characters of a curve's name that fit into half of the plot.
LONGEST_NAME = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear or logarithmic axis."""

    log: bool
    low: float
    high: float

    def place(self, value: float) -> float:
        """Return the coordinate of an annotation: on a log axis, the exponent."""
        return math.log10(max(value, self.low)) if self.log else value

    def share(self, value: float) -> float:
        """Return how far along the axis a value is, 0 to 1."""
        low, high = self.place(self.low), self.place(self.high)
        return (self.place(value) - low) / (high - low)


def latency_curves(series: Sequence[Series]) -> go.Figure:
    """Draw, per pool, the percentage of its tasks that finished within a latency (ECDF).

    Every curve has its name at a different height, so that names never overlap: the fastest pool's
    on top, where the other curves are far to the right.
    """
    series = sorted(series, key=lambda one: statistics.median(one.latencies_s or [0]))
    samples = [one.latencies_s for one in series]
    across = _latency_axis([value for sample in samples for value in sample])
    drawn = figure(rows_height_px(len(series)), margin_t=6)
    for rank, (one, sample) in enumerate(zip(series, samples, strict=True)):
        if sample:
            _add_curve(drawn, one, sample, across)
            _name_curve(drawn, one, sample, across, 0.86 - 0.72 * rank / max(1, len(series) - 1))
    drawn.update_layout(
        xaxis=_latency_axis_settings(across),
        yaxis=axis("tasks finished, %", range=[0, 103], fixedrange=True, dtick=25),
    )
    return drawn


def _add_curve(drawn: go.Figure, one: Series, sample: list[float], across: Axis) -> None:
    last = len(sample) - 1
    steps = min(len(sample), CURVE_POINTS)
    picks = [round(step * last / max(1, steps - 1)) for step in range(steps)]
    drawn.add_scatter(
        x=[to_ms(max(across.low, sample[0]))]
        + [to_ms(max(across.low, sample[pick])) for pick in picks],
        y=[0.0] + [round(100 * (pick + 1) / one.submitted, 2) for pick in picks],
        mode="lines+markers",
        name=plot_text(one.label),
        line={"color": one.style.colour, "width": 2.5, "dash": one.style.dash, "shape": "hv"},
        marker={
            "color": one.style.colour,
            "symbol": one.style.symbol,
            "size": 8,
            "maxdisplayed": 7,
        },
        hovertemplate=f"{plot_text(one.label)}: %{{y:.0f}} % within %{{x:.3f}} s<extra></extra>",
    )


def _name_curve(
    drawn: go.Figure, one: Series, sample: list[float], across: Axis, height: float
) -> None:
    height = min(height, len(sample) / one.submitted)
    crossing = sample[min(len(sample) - 1, math.ceil(height * one.submitted) - 1)]
    text = plot_text(one.short_label, LONGEST_NAME)
    needed_px = ARROW_PX + 7 * min(len(one.short_label), LONGEST_NAME)
    right = across.share(crossing) > 1 - needed_px / PHONE_PLOT_PX
    drawn.add_annotation(
        x=across.place(crossing), y=100 * height, text=text,
        showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=GREY, ay=0,
        ax=-ARROW_PX if right else ARROW_PX, xanchor="right" if right else "left",
        bgcolor="rgba(255,255,255,0.85)", borderpad=1,
    )  # fmt: skip


def _latency_axis(values: Sequence[float]) -> Axis:
    least, greatest = max(min(values, default=0), 0.0005), max(0.001, *values) if values else 1
    if greatest > LOG_FROM_RATIO * least:
        return Axis(log=True, low=least * 0.8, high=greatest * 1.25)
    return Axis(log=False, low=0, high=greatest * 1.06)


def _latency_axis_settings(across: Axis) -> dict[str, Any]:
    bounds = [round(across.place(across.low), 4), round(across.place(across.high), 4)]
    if not across.log:
        return axis("latency, seconds", range=bounds)
    return axis("latency, seconds (log scale)", range=bounds, type="log", dtick=1)
