"""Pairs each pool of several races with its baseline, the same pool in the first race. Pure."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from lab.format import words
from lab.results.race import Interval, PoolResult, RaceResult, WorkloadResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRace:
    """A race and the letter that identifies it in the comparison."""

    letter: str
    position: int
    result: RaceResult

    def workload(self, name: str) -> WorkloadResult | None:
        """Find a workload by its name."""
        return next((work for work in self.result.workloads if work.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPool:
    """One pool of one race, with the same pool of the first race that ran it."""

    race: ComparedRace
    pool: PoolResult
    baseline: PoolResult | None  # None: this pool is the baseline

    @property
    def label(self) -> str:
        """The pool and its race's letter."""
        return f"{words.pool(self.pool.pool, self.pool.concurrency)} · {self.race.letter}"


def lettered(results: Sequence[RaceResult]) -> list[ComparedRace]:
    """Give each race a letter, A to Z, and a number if there are more."""
    return [
        ComparedRace(letter=_letter(position), position=position, result=result)
        for position, result in enumerate(results)
    ]


def compared_pools(races: Sequence[ComparedRace], workload: str) -> list[ComparedPool]:
    """List the pools of one workload in all races; rows of the same pool are neighbours."""
    found: list[ComparedPool] = []
    baselines: dict[tuple[str, int], PoolResult] = {}
    for race in races:
        work = race.workload(workload)
        for pool in work.pools if work else ():
            baseline = baselines.get((pool.pool, pool.concurrency))
            baselines.setdefault((pool.pool, pool.concurrency), pool)
            found.append(ComparedPool(race=race, pool=pool, baseline=baseline))
    order = pool_names([race.result for race in races])
    return sorted(
        found, key=lambda one: (order.index(one.pool.pool), one.pool.concurrency, one.race.position)
    )


def pool_names(results: Sequence[RaceResult]) -> list[str]:
    """List every pool's name once, in order of first appearance."""
    works = [work for result in results for work in result.workloads]
    return list(dict.fromkeys(pool.pool for work in works for pool in work.pools))


def makespan_change(pool: PoolResult, baseline: PoolResult) -> str:
    """Say how a makespan changed from the baseline, or that the two spreads overlap."""
    if pool.summary is None or baseline.summary is None:
        return "not comparable"
    if _overlap(pool.summary.makespan_s, baseline.summary.makespan_s):
        return "spreads overlap"
    ratio = pool.summary.makespan_s.median / max(baseline.summary.makespan_s.median, 1e-9)
    return f"{words.times(ratio)} as long"


def _overlap(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high


def _letter(position: int) -> str:
    letters = string.ascii_uppercase
    return letters[position] if position < len(letters) else str(position + 1)
