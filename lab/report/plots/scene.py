"""A lesson's scene as a timeline: one row per lane, one bar per activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from lab.format.lessons import short_name
from lab.report.plots.figure import axis, figure, plot_text, to_ms
from lab.results.lesson import Bar, Lane, Scene
from tasks.lessons.notebook import Doing

#: Up to this many rows, each shows its lane's name.
NAMED_ROWS: Final = 14
#: Height of a row with a name; maximum height of all rows.
ROW_PX, MOST_PX = 26, 420
#: Share of its row's height that a bar fills.
BAR_ROWS: Final = 0.82
#: Share of the time axis that one character of a bar's text needs.
SHARE_PER_LETTER: Final = 0.017


@dataclass(frozen=True, slots=True, kw_only=True)
class BarStyle:
    """How one kind of activity is drawn."""

    colour: str  # of Okabe and Ito's palette
    text_colour: str
    pattern: str


BAR_STYLES: Final[Mapping[Doing, BarStyle]] = {
    "computes": BarStyle(colour="#0072B2", text_colour="#ffffff", pattern=""),
    "waits": BarStyle(colour="#56B4E9", text_colour="#10202c", pattern=""),
    "blocked": BarStyle(colour="#D55E00", text_colour="#ffffff", pattern="/"),
}


def timeline(scene: Scene) -> go.Figure:
    """Draw what every lane did over time."""
    rows = len(scene.lanes)
    named = rows <= NAMED_ROWS
    inner_px = max(60, min(MOST_PX, rows * (ROW_PX if named else 5)))
    drawn = figure(inner_px + 58, barmode="overlay", bargap=0.18)
    # On a narrow screen, text that does not fit is hidden instead of covering its neighbours.
    drawn.update_layout(uniformtext={"mode": "hide", "minsize": 11})
    drawn.update_layout(margin={"l": 8, "r": 12, "t": 6, "b": 52})
    for doing, style in BAR_STYLES.items():
        bars = [bar for bar in scene.bars if bar.doing == doing]
        if bars:
            _add(drawn, bars, style, scene.end_s if named else None)
    drawn.update_layout(
        xaxis=axis(scene.axis, range=[0, round(scene.end_s * 1.02, 4)]),
        yaxis=_lanes(scene.lanes, named=named),
    )
    return drawn


def _add(drawn: go.Figure, bars: Sequence[Bar], style: BarStyle, end_s: float | None) -> None:
    """Draw bars of one style, with text in those wide enough on an axis of `end_s`."""
    drawn.add_bar(
        y=[bar.lane for bar in bars],
        base=[to_ms(bar.started_s) for bar in bars],
        x=[to_ms(max(0.0, bar.finished_s - bar.started_s)) for bar in bars],
        orientation="h",
        # Plotly's default depends on how close the bars of this trace are to each other.
        width=BAR_ROWS,
        marker={
            "color": style.colour,
            "line": {"width": 1, "color": "rgba(255,255,255,0.65)"},
            "pattern": {
                "shape": style.pattern,
                "bgcolor": style.colour,
                "fgcolor": "#ffffff",
                "fgopacity": 0.2,
                "size": 7,
            },
        },
        text=["" if end_s is None else _word(bar, end_s) for bar in bars],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="inside",
        insidetextfont={"color": style.text_colour, "size": 12},
        customdata=[f"{plot_text(bar.who, 40)} {plot_text(bar.what, 40)}".strip() for bar in bars],
        hovertemplate="%{customdata}<br>from %{base:.3f} s for %{value:.3f} s<extra></extra>",
    )


def _word(bar: Bar, end_s: float) -> str:
    """Return the longest text that fits: who does what, only what, only who, or nothing."""
    room = (bar.finished_s - bar.started_s) / end_s / SHARE_PER_LETTER
    both = ": ".join(filter(None, (bar.who, bar.what)))
    fitting = [text for text in (both, bar.what, bar.who) if text and len(text) <= room]
    return plot_text(fitting[0], 60) if fitting else ""


def _lanes(lanes: Sequence[Lane], *, named: bool) -> dict[str, Any]:
    names = [plot_text(f"{short_name(lane.node)} {lane.slot}", 26) for lane in lanes]
    nodes = dict.fromkeys(short_name(lane.node) for lane in lanes)
    title = None if named else f"{len(lanes)} slots of {', '.join(nodes)}"
    return axis(
        title, fixedrange=True, showgrid=False, range=[len(lanes) - 0.4, -0.6], ticklen=0,
        tickvals=list(range(len(lanes))) if named else [], ticktext=names if named else [],
    )  # fmt: skip
