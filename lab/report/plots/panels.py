"""Stacked panels over time, one per pool; it does not know what is drawn in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lab.report.plots.figure import axis, figure, plot_text
from lab.report.plots.series import Series
from lab.results.common import Span
from lab.results.race import Repeat

#: Longest / shortest makespan above which the fast pool would be a sliver on a shared axis.
OWN_SCALE_FROM_RATIO = 10
TOP_PX, BOTTOM_PX = 26, 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pool's panel."""

    series: Series
    repeat: Repeat
    slots: tuple[str, ...]  # in order of first start

    @property
    def height_px(self) -> int:
        """Height for all rows of slots, within bounds."""
        return min(200, max(96, 2 * len(self.slots)))

    @property
    def end_s(self) -> float:
        """When the last task ended; at least a millisecond, so that the axis has a length."""
        return max([self.repeat.makespan_s, *self.repeat.finished_at_s[-1:], 0.001])


def panels(series: Sequence[Series]) -> list[Panel]:
    """Make a panel of the median repeat of each pool that finished a task."""
    return [
        Panel(series=one, repeat=repeat, slots=_slots(repeat.spans))
        for one in series
        if (repeat := one.median_repeat)
    ]


def own_scales(stack: Sequence[Panel]) -> bool:
    """Return whether the makespans are too far apart for a shared time axis."""
    ends_s = [panel.end_s for panel in stack]
    return max(ends_s) > OWN_SCALE_FROM_RATIO * min(ends_s)


def stacked(stack: Sequence[Panel]) -> go.Figure:
    """Stack empty panels, on a shared time axis or each on its own.

    Panel `k` (from 1) has the axes `trace_axis("x", k)` and `trace_axis("y", k)`.
    """
    apart = own_scales(stack)
    gap_px = 74 if apart else 32
    inner_px = sum(panel.height_px for panel in stack) + gap_px * (len(stack) - 1)
    drawn = figure(inner_px + TOP_PX + BOTTOM_PX)
    drawn.update_layout(margin={"l": 8, "r": 12, "t": TOP_PX, "b": BOTTOM_PX})
    top = 1.0
    for place, panel in enumerate(stack, 1):
        low = max(0.0, top - panel.height_px / inner_px)
        titled = apart or place == len(stack)
        drawn.update_layout(
            {
                layout_axis("x", place): _time_axis(
                    place, titled, panel.end_s if apart else _longest(stack)
                ),
                layout_axis("y", place): {"domain": [low, top], "anchor": trace_axis("x", place)},
            }
        )
        top = low - gap_px / inner_px
    return drawn


def title(drawn: go.Figure, place: int, text: str) -> None:
    """Write a panel's title above its left edge."""
    drawn.add_annotation(
        x=0, xref="paper", xanchor="left", y=drawn.layout[layout_axis("y", place)].domain[1],
        yref="paper", yanchor="bottom", yshift=3, text=text, showarrow=False,
    )  # fmt: skip


def panel_name(panel: Panel) -> str:
    """Return a pool's label, short enough to leave room for more text on a phone."""
    return plot_text(panel.series.short_label, 14)


def layout_axis(letter: str, place: int) -> str:
    """Return the name of an axis in a layout: `xaxis`, `xaxis2`."""
    return f"{letter}axis{place if place > 1 else ''}"


def trace_axis(letter: str, place: int) -> str:
    """Return the name of an axis in a trace: `x`, `x2`."""
    return f"{letter}{place if place > 1 else ''}"


def _time_axis(place: int, titled: bool, end_s: float) -> dict[str, object]:
    text = "seconds since the first task was due" if titled else None
    # The margins have room for it; with many panels, Plotly would give up looking for more.
    time = axis(text, anchor=trace_axis("y", place), showticklabels=titled, automargin=False)
    time["ticks"] = "outside" if titled else ""
    return time | {"range": [0, round(end_s * 1.02, 4)]}


def _longest(stack: Sequence[Panel]) -> float:
    return max(panel.end_s for panel in stack)


def _slots(spans: Sequence[Span]) -> tuple[str, ...]:
    ordered = sorted(spans, key=lambda span: span.started_s)
    return tuple(dict.fromkeys(span.slot for span in ordered))
