"""Ratios of makespans with their intervals: what a transport changes, one row per pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lab.format import words
from lab.report.plots.figure import GREY, axis, figure, plot_text
from lab.report.plots.series import STYLES
from lab.results.race import TransportEffect, WorkloadResult

#: Height of a row, and of what is around the rows.
ROW_PX, AROUND_PX = 30, 78
#: The smallest part of the axis on either side of 1, so that noise does not look like a difference.
LEAST_REACH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An effect and the workload in which it was measured."""

    work: WorkloadResult
    effect: TransportEffect


def effect_plot(effects: Sequence[Effect], names: Sequence[str], pair: str) -> go.Figure:
    """Draw a dot with a whisker for each ratio that is known; `names` are the page's pools, and
    `pair` names the ratio.
    """
    known = [one for one in effects if one.effect.makespan_ratio is not None]
    drawn = figure(ROW_PX * len(known) + AROUND_PX, margin_t=6)
    for row, one in enumerate(known):
        _add_dot(drawn, row, one, names)
    if known:
        drawn.add_shape(
            type="line", x0=1, x1=1, y0=-0.6, y1=len(known) - 0.4,
            line={"color": GREY, "width": 2, "dash": "dash"},
        )  # fmt: skip
    labels = [plot_text(f"{one.work.name}, {_pool(one)}", 28) for one in known]
    drawn.update_layout(
        xaxis=axis(f"{pair} (log scale)", type="log", **_ticks(known)),
        yaxis=axis(
            "workload, pool", tickvals=list(range(len(known))), ticktext=labels, ticklen=0,
            range=[len(known) - 0.4, -0.6], fixedrange=True,
        ),
    )  # fmt: skip
    return drawn


def _add_dot(drawn: go.Figure, row: int, one: Effect, names: Sequence[str]) -> None:
    effect, ratio = one.effect, one.effect.makespan_ratio or 1.0
    low, high = effect.makespan_low or ratio, effect.makespan_high or ratio
    style = STYLES[names.index(effect.pool) % len(STYLES)]
    drawn.add_scatter(
        x=[round(ratio, 4)], y=[row], mode="markers",
        marker={"color": style.colour, "symbol": style.symbol, "size": 11},
        error_x={
            "type": "data", "symmetric": False, "color": GREY, "thickness": 2, "width": 5,
            "array": [round(high - ratio, 4)], "arrayminus": [round(ratio - low, 4)],
        },
        hovertemplate=f"{plot_text(_pool(one), 40)}: %{{x:.2f}}<extra></extra>",
    )  # fmt: skip


def _pool(one: Effect) -> str:
    return words.pool(one.effect.pool, one.effect.concurrency)


def _ticks(known: Sequence[Effect]) -> dict[str, object]:
    ends = [
        end
        for one in known
        for end in (one.effect.makespan_ratio, one.effect.makespan_low, one.effect.makespan_high)
        if end
    ]
    reach = max([1 + LEAST_REACH, *ends, *(1 / end for end in ends)])
    steps = (0.1, 0.2, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 2, 5, 10)
    shown = [step for step in steps if 1 / reach <= step <= reach * 1.001]
    edge = math.log10(reach * 1.03)
    return {
        "range": [-round(edge, 4), round(edge, 4)],
        "tickvals": shown,
        "ticktext": [f"{step:g}" for step in shown],
    }
