"""A pool's numbers with the label and the style that they have in every plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.analysis.score import is_whole
from lab.format.transports import label
from lab.results.race import PoolResult, Repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStyle:
    """Colour, line and fill of a series; each alone identifies it, also without colour vision."""

    colour: str  # of Okabe and Ito's palette
    dash: str
    symbol: str
    pattern: str


#: Without the palette's black and yellow, which are invisible on a dark or a light background.
STYLES = (
    SeriesStyle(colour="#0072B2", dash="solid", symbol="circle", pattern=""),
    SeriesStyle(colour="#E69F00", dash="dash", symbol="square", pattern="/"),
    SeriesStyle(colour="#009E73", dash="dot", symbol="diamond", pattern="x"),
    SeriesStyle(colour="#CC79A7", dash="dashdot", symbol="triangle-up", pattern="-"),
    SeriesStyle(colour="#D55E00", dash="longdash", symbol="cross", pattern="."),
    SeriesStyle(colour="#56B4E9", dash="longdashdot", symbol="star", pattern="+"),
)


#: The line and the fill of each transport, if several are compared.
TRANSPORT_LOOKS: Final = {"stock": ("dot", "/"), "lease": ("solid", "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One pool of one race, ready to be drawn."""

    label: str
    style: SeriesStyle
    pool: PoolResult
    short: str = ""  # a shorter label, for narrow places; empty: there is none

    @property
    def short_label(self) -> str:
        """The shortest label that still names the series on its plot."""
        return self.short or self.label

    @property
    def repeats(self) -> list[Repeat]:
        """The repeats in which every task finished; if there is none, all of them."""
        return [one for one in self.pool.repeats if is_whole(one)] or list(self.pool.repeats)

    @property
    def latencies_s(self) -> list[float]:
        """The latencies of the finished tasks of `repeats`, ascending."""
        return sorted(value for repeat in self.repeats for value in repeat.latencies_s)

    @property
    def submitted(self) -> int:
        """How many tasks were submitted in `repeats`, at least as many as `latencies_s`."""
        return sum(max(one.account.submitted, len(one.latencies_s)) for one in self.repeats)

    @property
    def median_repeat(self) -> Repeat | None:
        """The one of `repeats` with the (lower) median makespan, if it finished a task."""
        ran = [repeat for repeat in self.repeats if repeat.finished_at_s]
        ran.sort(key=lambda repeat: repeat.makespan_s)
        return ran[(len(ran) - 1) // 2] if ran else None


def of_one_race(pools: Sequence[PoolResult], names: Sequence[str]) -> list[Series]:
    """Give each pool of a workload the style that its name has on the whole page.

    `names` are all pool names on the page, in order. A pool that occurs twice in one workload takes
    the next free style the second time, unless the transport differs: then its variant shows that.
    """
    series: list[Series] = []
    several = len({pool.transport for pool in pools}) > 1
    for pool in pools:
        taken = {one.style for one in series}
        start = names.index(pool.pool)
        turn = [
            of_transport(STYLES[(start + step) % len(STYLES)], pool.transport if several else "")
            for step in range(len(STYLES))
        ]
        style = next((style for style in turn if style not in taken), turn[0])
        short = f"{pool.pool}, {pool.transport}" if several else ""
        series.append(Series(label=label(pool, pools), style=style, pool=pool, short=short))
    return series


def of_transport(style: SeriesStyle, transport: str) -> SeriesStyle:
    """Return the variant of a style for a transport: colour and symbol stay, line and fill differ.

    Without a transport, it is the style itself.
    """
    if transport not in TRANSPORT_LOOKS:
        return style
    dash, pattern = TRANSPORT_LOOKS[transport]
    return replace(style, dash=dash, pattern=pattern)
