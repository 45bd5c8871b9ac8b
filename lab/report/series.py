"""One line of a plot: a pool's numbers with a look and a label; it draws nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.format import words
from lab.results.race import PoolResult, Repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one series is told from the others, with and without colour vision."""

    colour: str  # of Okabe and Ito's palette
    dash: str
    symbol: str
    pattern: str


#: Black and yellow of the palette are left out: each vanishes on one of the two backgrounds.
LOOKS = (
    Look(colour="#0072B2", dash="solid", symbol="circle", pattern=""),
    Look(colour="#E69F00", dash="dash", symbol="square", pattern="/"),
    Look(colour="#009E73", dash="dot", symbol="diamond", pattern="x"),
    Look(colour="#CC79A7", dash="dashdot", symbol="triangle-up", pattern="-"),
    Look(colour="#D55E00", dash="longdash", symbol="cross", pattern="."),
    Look(colour="#56B4E9", dash="longdashdot", symbol="star", pattern="+"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One pool of one race, ready to be drawn."""

    label: str
    look: Look
    pool: PoolResult

    @property
    def latencies_s(self) -> list[float]:
        """Every measured latency of all repeats, ascending: what percentiles are taken from."""
        return sorted(value for repeat in self.pool.repeats for value in repeat.latencies_s)

    @property
    def median_repeat(self) -> Repeat | None:
        """The repeat of the (lower) median makespan among those that finished a task."""
        ran = [repeat for repeat in self.pool.repeats if repeat.finished_at_s]
        ran.sort(key=lambda repeat: repeat.makespan_s)
        return ran[(len(ran) - 1) // 2] if ran else None


def of_one_race(pools: Iterable[PoolResult], names: Sequence[str]) -> list[Series]:
    """Give each pool of a workload a look that its name keeps on the whole page.

    `names` are the page's pool names in their order; a pool that stands twice in one workload takes
    the next free look the second time.
    """
    series: list[Series] = []
    for pool in pools:
        taken = {one.look for one in series}
        start = names.index(pool.pool)
        turn = [LOOKS[(start + step) % len(LOOKS)] for step in range(len(LOOKS))]
        look = next((look for look in turn if look not in taken), turn[0])
        label = words.pool(pool.pool, pool.concurrency)
        series.append(Series(label=label, look=look, pool=pool))
    return series
