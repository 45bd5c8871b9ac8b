"""Slots over time: which slot ran which task, one panel per pool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from lab.format import words
from lab.report.plots.figure import axis, plot_text
from lab.report.plots.panels import Panel, layout_axis, panel_name, stacked, title, trace_axis
from lab.results.common import Span

#: Most spans drawn per pool; with more, browsers slow down and bars get thinner than a pixel.
MOST_SPANS = 2000
#: Up to this many slots, each row shows its slot's name.
NAMED_ROWS = 4


def slot_times(stack: Sequence[Panel]) -> go.Figure:
    """Draw one row per slot and one bar per task."""
    drawn = stacked(stack)
    drawn.update_layout(barmode="overlay", bargap=0.12)
    for place, panel in enumerate(stack, 1):
        spans = sorted(panel.repeat.spans, key=lambda span: span.started_s)[:MOST_SPANS]
        for shade in (0, 1):
            _add_spans(drawn, place, panel, (every_other(spans, shade), 0.6 if shade else 1.0))
        drawn.update_layout({layout_axis("y", place): _slot_axis(panel)})
        title(drawn, place, _slot_title(panel))
    return drawn


def every_other(spans: Iterable[Span], shade: int) -> list[Span]:
    """Keep every slot's even (`shade` 0) or odd (`shade` 1) tasks, in order of start."""
    turn: dict[str, int] = {}
    kept = []
    for span in spans:
        turn[span.slot] = turn.get(span.slot, -1) + 1
        if turn[span.slot] % 2 == shade:
            kept.append(span)
    return kept


def _add_spans(
    drawn: go.Figure, place: int, panel: Panel, shaded: tuple[list[Span], float]
) -> None:
    """Draw spans in one opacity; neighbours differ in opacity, which needs no outlines."""
    spans, opacity = shaded
    row_of = {slot: row for row, slot in enumerate(panel.slots)}
    drawn.add_bar(
        y=[row_of[span.slot] for span in spans],
        base=[round(span.started_s, 3) for span in spans],
        x=[round(max(0.0, span.finished_s - span.started_s), 3) for span in spans],
        orientation="h", xaxis=trace_axis("x", place), yaxis=trace_axis("y", place),
        marker={"color": panel.series.style.colour, "opacity": opacity, "line": {"width": 0}},
        hovertemplate="row %{y}: from %{base:.3f} s to %{x:.3f} s<extra></extra>",
    )  # fmt: skip


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
    noun = "task" if spans == 1 else "tasks"
    return f"{panel_name(panel)}: {shown} {noun}, {words.counted(rows, 'slot')}"
