"""What fills the panels, throughput and slots over time: data in, figure out, no page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from lab.format import words
from lab.report.panels import Panel, head, name, own_scales, ref, stacked
from lab.report.plots import axis, plot_text
from lab.results.common import Span

#: Spans drawn per pool; beyond it a browser grows slow and a bar thinner than a pixel.
MOST_SPANS = 2000
#: Slots up to which each row can carry its slot's name.
NAMED_ROWS = 4


def throughput(stack: Sequence[Panel]) -> go.Figure:
    """Draw finished tasks per second against time, in bins."""
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
        drawn.update_layout({name("y", place): _rate_axis(own_top)})
        head(drawn, place, f"{_name(panel)}, bins of {bin_s:g} s")
    if not apart:
        drawn.update_yaxes(range=[0, greatest * 1.08 or 1])
    return drawn


def slot_times(stack: Sequence[Panel]) -> go.Figure:
    """Draw which slot ran a task when: one row per slot, one bar per task."""
    drawn = stacked(stack)
    drawn.update_layout(barmode="overlay", bargap=0.12)
    for place, panel in enumerate(stack, 1):
        spans = sorted(panel.repeat.spans, key=lambda span: span.started_s)[:MOST_SPANS]
        for shade in (0, 1):
            _add_spans(drawn, place, panel, (every_other(spans, shade), 0.6 if shade else 1.0))
        drawn.update_layout({name("y", place): _slot_axis(panel)})
        head(drawn, place, _slot_title(panel))
    return drawn


def binned_rates(
    finished_at_s: Sequence[float], end_s: float, bin_s: float
) -> tuple[list[float], list[float]]:
    """Count finishes into bins and divide by each bin's width: edges (one more), and rates.

    The last bin takes what the makespan leaves, half a width to one and a half, so that neither a
    sliver of it nor an empty tail bends the curve.
    """
    bins = max(1, round(end_s / bin_s))
    edges_s = [round(step * bin_s, 4) for step in range(bins)] + [round(end_s, 4)]
    counts = [0] * bins
    for instant_s in finished_at_s:
        counts[min(bins - 1, max(0, int(instant_s / bin_s)))] += 1
    widths_s = [after - before for before, after in pairwise(edges_s)]
    return edges_s, [round(n / wide_s, 3) for n, wide_s in zip(counts, widths_s, strict=True)]


def every_other(spans: Iterable[Span], shade: int) -> list[Span]:
    """Keep, of each slot, its even (`shade` 0) or its odd (1) tasks in order of start."""
    turn: dict[str, int] = {}
    kept = []
    for span in spans:
        turn[span.slot] = turn.get(span.slot, -1) + 1
        if turn[span.slot] % 2 == shade:
            kept.append(span)
    return kept


def _add_rates(
    drawn: go.Figure, place: int, panel: Panel, edges_s: list[float], rates: list[float]
) -> None:
    colour = panel.one.look.colour
    drawn.add_scatter(
        x=[0.0, *edges_s, edges_s[-1]], y=[0.0, *rates, rates[-1], 0.0],
        xaxis=ref("x", place), yaxis=ref("y", place), mode="lines", fill="tozeroy",
        fillcolor=f"rgba{(*_rgb(colour), 0.18)}",
        line={"color": colour, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.1f} tasks/s from %{x:.3f} s<extra></extra>",
    )  # fmt: skip


def _add_spans(
    drawn: go.Figure, place: int, panel: Panel, shaded: tuple[list[Span], float]
) -> None:
    """Draw spans in one strength; neighbours get two, so that they part without outlines."""
    spans, opacity = shaded
    row_of = {slot: row for row, slot in enumerate(panel.slots)}
    drawn.add_bar(
        y=[row_of[span.slot] for span in spans],
        base=[round(span.started_s, 3) for span in spans],
        x=[round(max(0.0, span.finished_s - span.started_s), 3) for span in spans],
        orientation="h", xaxis=ref("x", place), yaxis=ref("y", place),
        marker={"color": panel.one.look.colour, "opacity": opacity, "line": {"width": 0}},
        hovertemplate="row %{y}: from %{base:.3f} s to %{x:.3f} s<extra></extra>",
    )  # fmt: skip


def _rate_axis(top: float) -> dict[str, Any]:
    return axis("tasks/s", fixedrange=True, nticks=4, range=[0, top])


def _slot_axis(panel: Panel) -> dict[str, Any]:
    rows = len(panel.slots)
    spare = max(0.0, (3 - rows) / 2)
    named = list(panel.slots) if rows <= NAMED_ROWS else []
    return axis(
        "slot", fixedrange=True, showgrid=False, range=[rows - 0.5 + spare, -0.5 - spare],
        tickvals=list(range(len(named))), ticktext=[plot_text(slot, 14) for slot in named],
        ticklen=0,
    )  # fmt: skip


def _slot_title(panel: Panel) -> str:
    spans, rows = len(panel.repeat.spans), len(panel.slots)
    shown = f"first {words.count(MOST_SPANS)}" if spans > MOST_SPANS else words.count(spans)
    noun = "slot" if rows == 1 else "slots"
    return f"{_name(panel)}: {shown} tasks, {words.count(rows)} {noun}"


def _name(panel: Panel) -> str:
    """Keep a panel's name short enough to leave a phone room for what follows it."""
    return plot_text(panel.one.label, 14)


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
