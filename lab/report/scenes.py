"""A lesson's scene as a figure: a row for each lane, a bar for each thing done; no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from lab.report.plots import axis, figure, plot_text, to_ms
from lab.results.lesson import Bar, Lane, Scene
from tasks.lessons.notebook import Doing

#: Rows up to which each carries its lane's name.
NAMED_ROWS: Final = 14
#: Pixels of a row with a name, and of all rows together at most.
ROW_PX, MOST_PX = 26, 420
#: Rows that a bar fills of the one it stands in.
BAR_ROWS: Final = 0.82
#: Share of the time axis that a word of some letters needs inside its bar.
SHARE_PER_LETTER: Final = 0.017


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one kind of doing is drawn."""

    colour: str  # of Okabe and Ito's palette
    ink: str
    pattern: str


KEY: Final[Mapping[Doing, Look]] = {
    "computes": Look(colour="#0072B2", ink="#ffffff", pattern=""),
    "waits": Look(colour="#56B4E9", ink="#10202c", pattern=""),
    "blocked": Look(colour="#D55E00", ink="#ffffff", pattern="/"),
}


def timeline(scene: Scene) -> go.Figure:
    """Draw who did what, when, waiting for what."""
    rows = len(scene.lanes)
    named = rows <= NAMED_ROWS
    inner_px = max(60, min(MOST_PX, rows * (ROW_PX if named else 5)))
    drawn = figure(inner_px + 58, barmode="overlay", bargap=0.18)
    # What a narrow screen has no room for is left out, not written over its neighbours.
    drawn.update_layout(uniformtext={"mode": "hide", "minsize": 11})
    drawn.update_layout(margin={"l": 8, "r": 12, "t": 6, "b": 52})
    for doing, look in KEY.items():
        bars = [bar for bar in scene.bars if bar.doing == doing]
        if bars:
            _add(drawn, bars, look, scene.end_s if named else None)
    drawn.update_layout(
        xaxis=axis(scene.axis, range=[0, round(scene.end_s * 1.02, 4)]),
        yaxis=_lanes(scene.lanes, named=named),
    )
    return drawn


def _add(drawn: go.Figure, bars: Sequence[Bar], look: Look, end_s: float | None) -> None:
    """Draw bars of one look, with words where they are wide enough for `end_s` of time."""
    drawn.add_bar(
        y=[bar.lane for bar in bars],
        base=[to_ms(bar.started_s) for bar in bars],
        x=[to_ms(max(0.0, bar.finished_s - bar.started_s)) for bar in bars],
        orientation="h",
        # Else it would follow from how near to each other this look's own bars are.
        width=BAR_ROWS,
        marker={
            "color": look.colour,
            "line": {"width": 1, "color": "rgba(255,255,255,0.65)"},
            "pattern": {
                "shape": look.pattern,
                "bgcolor": look.colour,
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
        insidetextfont={"color": look.ink, "size": 12},
        customdata=[f"{plot_text(bar.who, 40)} {plot_text(bar.what, 40)}".strip() for bar in bars],
        hovertemplate="%{customdata}<br>from %{base:.3f} s for %{value:.3f} s<extra></extra>",
    )


def _word(bar: Bar, end_s: float) -> str:
    """Return what fits into the bar: what is done, or else who does it, or nothing."""
    room = (bar.finished_s - bar.started_s) / end_s / SHARE_PER_LETTER
    both = ": ".join(filter(None, (bar.who, bar.what)))
    fitting = [text for text in (both, bar.what, bar.who) if text and len(text) <= room]
    return plot_text(fitting[0], 60) if fitting else ""


def _lanes(lanes: Sequence[Lane], *, named: bool) -> dict[str, Any]:
    names = [plot_text(f"{lane.node.partition('@')[0]} {lane.slot}", 26) for lane in lanes]
    nodes = dict.fromkeys(lane.node.partition("@")[0] for lane in lanes)
    title = None if named else f"{len(lanes)} slots of {', '.join(nodes)}"
    return axis(
        title, fixedrange=True, showgrid=False, range=[len(lanes) - 0.4, -0.6], ticklen=0,
        tickvals=list(range(len(lanes))) if named else [], ticktext=names if named else [],
    )  # fmt: skip
