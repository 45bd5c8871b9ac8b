"""The report's plain figure and its bars of makespans: data in, figure out, no page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lab.format import words
from lab.report.series import Series

ROW_PX = 54
#: Letters that fit above a bar on a phone.
LONGEST_BAR_TEXT = 30
GREY = "#8a8f98"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif"


def figure(height_px: float, **layout: object) -> go.Figure:
    """Make an empty figure in the report's style: clear background, no legend, room for labels."""
    plain = go.Figure(layout={"template": go.layout.Template()})
    plain.update_layout(
        height=round(height_px),
        margin={"l": 8, "r": 12, "t": 26, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12.5},
        showlegend=False,
        dragmode=False,
        hoverlabel={"font": {"size": 12.5}},
    )
    plain.update_layout(**layout)
    return plain


def axis(title: str | None, **more: object) -> dict[str, Any]:
    """Settings of an axis in the report's style, titled with its quantity and unit."""
    plain: dict[str, Any] = {
        "gridcolor": "rgba(128,128,128,0.22)",
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": GREY,
    }
    if title is not None:
        plain["title"] = {"text": title, "standoff": 8, "font": {"size": 12.5}}
    return plain | more


def makespan_bars(series: Sequence[Series]) -> go.Figure:
    """Draw one bar per pool with whiskers over its repeats, and its ideal dashed."""
    ends = [_row_end(one) for one in series]
    drawn = figure(height_px(series), margin_t=6)
    for row, one in enumerate(series):
        _add_bar(drawn, row, one)
        drawn.add_annotation(
            x=0, y=row - 0.24, text=_bar_text(one), showarrow=False, xanchor="left",
            yanchor="bottom", font={"size": 12},
        )  # fmt: skip
    labels = [plot_text(one.label) for one in series]
    rows = list(range(len(series)))
    drawn.update_layout(
        barmode="overlay",
        xaxis=axis("makespan, seconds", range=[0, (max(ends, default=0) or 1) * 1.05]),
        yaxis=axis(
            f"pool {words.TIMES} concurrency", tickvals=rows, ticktext=labels, ticklen=0,
            showgrid=False, range=[len(series) - 0.4, -0.75], fixedrange=True,
        ),
    )  # fmt: skip
    return drawn


def plot_text(text: str, longest: int = 20) -> str:
    """Shorten and escape text for Plotly, whose labels interpret a little HTML (`<a>`, `<b>`)."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(short, quote=False)


def height_px(series: Sequence[Series]) -> int:
    """Give plots that stand side by side one height, with a row for each series."""
    return max(300, ROW_PX * len(series) + 78)


def _add_bar(drawn: go.Figure, row: int, one: Series) -> None:
    summary, ideal_s = one.pool.summary, one.pool.ideal_makespan_s
    line = {"color": GREY, "width": 2, "dash": "dash"}
    drawn.add_shape(type="line", x0=ideal_s, x1=ideal_s, y0=row - 0.27, y1=row + 0.27, line=line)
    if summary is None:
        return
    spread = summary.makespan_s
    drawn.add_bar(
        y=[row], x=[to_ms(spread.median)], orientation="h",
        width=0.42,
        marker={"color": one.look.colour, "pattern": _pattern(one)},
        error_x={
            "type": "data", "symmetric": False, "color": GREY, "thickness": 2, "width": 6,
            "array": [to_ms(spread.high - spread.median)],
            "arrayminus": [to_ms(spread.median - spread.low)],
        },
        hovertemplate=f"{plot_text(one.label)}: %{{x:.3f}} s<extra></extra>",
    )  # fmt: skip


def _pattern(one: Series) -> Mapping[str, object]:
    look = one.look
    return {"shape": look.pattern, "bgcolor": look.colour, "fgcolor": "#ffffff", "size": 9}


def _bar_text(one: Series) -> str:
    summary = one.pool.summary
    if summary is None:
        return "nothing finished"
    made = words.spread(summary.makespan_s)
    whole = f"{made}, ideal {words.duration(one.pool.ideal_makespan_s)}"
    return whole if len(whole) <= LONGEST_BAR_TEXT else made


def _row_end(one: Series) -> float:
    ideal_s = one.pool.ideal_makespan_s
    return max(ideal_s, one.pool.summary.makespan_s.high) if one.pool.summary else ideal_s


def to_ms(value_s: float) -> float:
    """Round seconds to milliseconds: finer than any line here is wide, and a third of the file."""
    return round(value_s, 3)
