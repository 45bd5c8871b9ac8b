"""Throughput over time, one panel per pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from lab.report.plots.figure import axis
from lab.report.plots.panels import (
    Panel,
    layout_axis,
    own_scales,
    panel_name,
    stacked,
    title,
    trace_axis,
)


def throughput(stack: Sequence[Panel]) -> go.Figure:
    """Draw finished tasks per second over time, in bins."""
    drawn = stacked(stack)
    apart = own_scales(stack)
    shared_bin_s = _shared_bin_s(stack)
    greatest = 0.0
    for place, panel in enumerate(stack, 1):
        bin_s = _nice(panel.end_s / 20) if apart else shared_bin_s
        edges_s, rates = binned_rates(panel.repeat.finished_at_s, panel.end_s, bin_s)
        greatest = max(greatest, *rates)
        _add_rates(drawn, place, panel, edges_s, rates)
        own_top = max(rates) * 1.08 or 1
        drawn.update_layout({layout_axis("y", place): _rate_axis(own_top)})
        title(drawn, place, f"{panel_name(panel)}, bins of {bin_s:g} s")
    if not apart:
        drawn.update_yaxes(range=[0, greatest * 1.08 or 1])
    return drawn


def binned_rates(
    finished_at_s: Sequence[float], end_s: float, bin_s: float
) -> tuple[list[float], list[float]]:
    """Return the edges of the bins and the rate in each, so one more edge than rates.

    The last bin ends with the makespan and is half to one and a half times as wide as the others,
    so that a very narrow bin never distorts the end of the curve.
    """
    bins = max(1, round(end_s / bin_s))
    edges_s = [*(step * bin_s for step in range(bins)), end_s]
    counts = [0] * bins
    for instant_s in finished_at_s:
        counts[min(bins - 1, max(0, int(instant_s / bin_s)))] += 1
    widths_s = [after - before for before, after in pairwise(edges_s)]
    rates = [round(n / wide_s, 3) for n, wide_s in zip(counts, widths_s, strict=True)]
    return [float(f"{edge_s:.6g}") for edge_s in edges_s], rates


def _add_rates(
    drawn: go.Figure, place: int, panel: Panel, edges_s: list[float], rates: list[float]
) -> None:
    colour = panel.series.style.colour
    drawn.add_scatter(
        x=[0.0, *edges_s, edges_s[-1]], y=[0.0, *rates, rates[-1], 0.0],
        xaxis=trace_axis("x", place), yaxis=trace_axis("y", place), mode="lines", fill="tozeroy",
        fillcolor=f"rgba{(*_rgb(colour), 0.18)}",
        line={"color": colour, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.1f} tasks/s from %{x:.3f} s<extra></extra>",
    )  # fmt: skip


def _rate_axis(top: float) -> dict[str, Any]:
    return axis("tasks/s", fixedrange=True, nticks=4, range=[0, top])


def _shared_bin_s(stack: Sequence[Panel]) -> float:
    ends_s = [panel.end_s for panel in stack]
    return _nice(max(min(ends_s) / 16, max(ends_s) / 100))


def _nice(width_s: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width_s))
    step = next(step for step in (1, 2, 5, 10) if width_s <= step * power * 1.0001)
    return float(f"{step * power:.6g}")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
