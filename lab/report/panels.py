"""Small panels over one repeat's time, one per pool; what fills them it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lab.report.plots import axis, figure
from lab.report.series import Series
from lab.results.common import Span
from lab.results.race import Repeat

#: Longest makespan / shortest from which one time axis would make a sliver of the fast pool.
OWN_SCALE_FROM_RATIO = 10
TOP_PX, BOTTOM_PX = 26, 52


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pool's panel: its series, the repeat it shows, and the slots that worked in it."""

    one: Series
    repeat: Repeat
    slots: tuple[str, ...]  # in order of first start

    @property
    def height_px(self) -> int:
        """Room for each row of slots, within reason."""
        return min(200, max(96, 2 * len(self.slots)))

    @property
    def end_s(self) -> float:
        """When the last task ended; a millisecond at least, so that an axis has a length."""
        return max([self.repeat.makespan_s, *self.repeat.finished_at_s[-1:], 0.001])


def panels(series: Sequence[Series]) -> list[Panel]:
    """Take the median repeat of each pool that finished anything."""
    return [
        Panel(one=one, repeat=repeat, slots=_slots(repeat.spans))
        for one in series
        if (repeat := one.median_repeat)
    ]


def own_scales(stack: Sequence[Panel]) -> bool:
    """Tell whether the pools' makespans lie too far apart for one time axis."""
    ends_s = [panel.end_s for panel in stack]
    return max(ends_s) > OWN_SCALE_FROM_RATIO * min(ends_s)


def stacked(stack: Sequence[Panel]) -> go.Figure:
    """Lay empty panels under each other, on one time axis or on axes of their own.

    Panel `k` (from 1) has the axes `ref("x", k)` and `ref("y", k)`.
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
                name("x", place): _time_axis(
                    place, titled, panel.end_s if apart else _longest(stack)
                ),
                name("y", place): {"domain": [low, top], "anchor": ref("x", place)},
            }
        )
        top = low - gap_px / inner_px
    return drawn


def head(drawn: go.Figure, place: int, text: str) -> None:
    """Write a panel's title above it, at its left edge."""
    drawn.add_annotation(
        x=0, xref="paper", xanchor="left", y=drawn.layout[name("y", place)].domain[1],
        yref="paper", yanchor="bottom", yshift=3, text=text, showarrow=False,
    )  # fmt: skip


def name(letter: str, place: int) -> str:
    """Name an axis as a layout does: `xaxis`, `xaxis2`."""
    return f"{letter}axis{place if place > 1 else ''}"


def ref(letter: str, place: int) -> str:
    """Name an axis as a trace does: `x`, `x2`."""
    return f"{letter}{place if place > 1 else ''}"


def _time_axis(place: int, titled: bool, end_s: float) -> dict[str, object]:
    title = "seconds since the first task was due" if titled else None
    time = axis(title, anchor=ref("y", place), showticklabels=titled)
    time["ticks"] = "outside" if titled else ""
    return time | {"range": [0, round(end_s * 1.02, 4)]}


def _longest(stack: Sequence[Panel]) -> float:
    return max(panel.end_s for panel in stack)


def _slots(spans: Sequence[Span]) -> tuple[str, ...]:
    ordered = sorted(spans, key=lambda span: span.started_s)
    return tuple(dict.fromkeys(span.slot for span in ordered))
