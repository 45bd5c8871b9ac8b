"""Makespans as bars, one per pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from lab.format import words
from lab.report.plots.figure import GREY, axis, figure, plot_text, rows_height_px, to_ms
from lab.report.plots.series import Series

#: Characters that fit above a bar on a phone.
LONGEST_BAR_TEXT = 30
#: The same next to a bar.
LONGEST_ROW_TEXT = 20


def makespan_bars(series: Sequence[Series]) -> go.Figure:
    """Draw one bar per pool, with whiskers for its repeats and a dashed line for its ideal."""
    ends = [_row_end(one) for one in series]
    drawn = figure(rows_height_px(len(series)), margin_t=6)
    for row, one in enumerate(series):
        _add_bar(drawn, row, one)
        drawn.add_annotation(
            x=0, y=row - 0.24, text=_bar_text(one), showarrow=False, xanchor="left",
            yanchor="bottom", font={"size": 12},
        )  # fmt: skip
    labels = [_row_label(one.label) for one in series]
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


def _row_label(label: str) -> str:
    """Write a label; if it is long, what follows its dot is on a second line."""
    name, dot, rest = label.rpartition(" · ")
    if len(label) <= LONGEST_ROW_TEXT or not dot:
        return plot_text(label, LONGEST_ROW_TEXT)
    return f"{plot_text(name, LONGEST_ROW_TEXT)}<br>{plot_text(rest, LONGEST_ROW_TEXT)}"


def _add_bar(drawn: go.Figure, row: int, one: Series) -> None:
    summary, ideal_s = one.pool.summary, one.pool.ideal_makespan_s
    line = {"color": GREY, "width": 2, "dash": "dash"}
    if ideal_s is not None:
        drawn.add_shape(
            type="line", x0=ideal_s, x1=ideal_s, y0=row - 0.27, y1=row + 0.27, line=line
        )
    if summary is None:
        return
    spread = summary.makespan_s
    drawn.add_bar(
        y=[row], x=[to_ms(spread.median)], orientation="h",
        width=0.42,
        marker={"color": one.style.colour, "pattern": _pattern(one)},
        error_x={
            "type": "data", "symmetric": False, "color": GREY, "thickness": 2, "width": 6,
            "array": [to_ms(spread.high - spread.median)],
            "arrayminus": [to_ms(spread.median - spread.low)],
        },
        hovertemplate=f"{plot_text(one.label)}: %{{x:.3f}} s<extra></extra>",
    )  # fmt: skip


def _pattern(one: Series) -> Mapping[str, object]:
    style = one.style
    return {"shape": style.pattern, "bgcolor": style.colour, "fgcolor": "#ffffff", "size": 9}


def _bar_text(one: Series) -> str:
    summary = one.pool.summary
    if summary is None:
        return "no complete repeat"
    made = words.spread(summary.makespan_s)
    if one.pool.ideal_makespan_s is None:
        return made
    whole = f"{made}, ideal {words.duration(one.pool.ideal_makespan_s)}"
    return whole if len(whole) <= LONGEST_BAR_TEXT else made


def _row_end(one: Series) -> float:
    ideal_s = one.pool.ideal_makespan_s or 0.0
    return max(ideal_s, one.pool.summary.makespan_s.high) if one.pool.summary else ideal_s
