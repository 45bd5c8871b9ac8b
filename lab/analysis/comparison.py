"""Pairs each pool of several races with its baseline, the same pool in the first race. Pure."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from lab.analysis.score import timed
from lab.format.transports import label
from lab.measure.workloads import WORKLOADS
from lab.results.race import PoolResult, RaceResult, WorkloadResult
from tasks.transport_options import TRANSPORTS
from worker.pools import POOLS

T = TypeVar("T")


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
    """One pool of one race, with the same pool of the first race that ran it.

    If a race has several transports, only pools with the same one are the same.
    """

    race: ComparedRace
    work: WorkloadResult
    pool: PoolResult
    baseline: ComparedPool | None  # None: this pool is the baseline

    @property
    def name(self) -> str:
        """The pool and its concurrency, and its transport if its race has several."""
        return label(self.pool, self.work.pools)

    @property
    def label(self) -> str:
        """The pool and its race's letter."""
        return f"{self.name} · {self.race.letter}"

    @property
    def makespans_s(self) -> list[float]:
        """The makespans of the complete repeats."""
        return [repeat.makespan_s for repeat in timed(self.pool)]


def lettered(results: Sequence[RaceResult]) -> list[ComparedRace]:
    """Give each race a letter, A to Z, and a number if there are more."""
    return [
        ComparedRace(letter=_letter(position), position=position, result=result)
        for position, result in enumerate(results)
    ]


def workload_names(races: Sequence[ComparedRace]) -> list[str]:
    """List every workload once, in the order in which a race runs them; unknown ones last."""
    names = {work.name for race in races for work in race.result.workloads}
    return _ordered(names, list(WORKLOADS))


def compared_pools(races: Sequence[ComparedRace], workload: str) -> list[ComparedPool]:
    """List the pools of one workload in all races; rows of the same pool are neighbours."""
    found: list[ComparedPool] = []
    baselines: dict[tuple[str, int, str], ComparedPool] = {}
    several = any(len({pool.transport for pool in work.pools}) > 1 for work in _works(races))
    for race in races:
        work = race.workload(workload)
        for pool in work.pools if work else ():
            assert work is not None  # noqa: S101 - it has a pool
            # A file of an earlier Poolwise does not name the transport; the default is likely.
            transport = (pool.transport or TRANSPORTS[0]) if several else ""
            key = (pool.pool, pool.concurrency, transport)
            one = ComparedPool(race=race, work=work, pool=pool, baseline=baselines.get(key))
            baselines.setdefault(key, one)
            found.append(one)
    order = _ordered({one.pool.pool for one in found}, list(POOLS))
    return sorted(
        found,
        key=lambda one: (
            order.index(one.pool.pool),
            one.pool.concurrency,
            _place(one.pool.transport) if several else 0,
            one.race.position,
        ),
    )


def pool_names(results: Sequence[RaceResult]) -> list[str]:
    """List every pool's name once, in order of first appearance."""
    works = [work for result in results for work in result.workloads]
    return list(dict.fromkeys(pool.pool for work in works for pool in work.pools))


def _works(races: Sequence[ComparedRace]) -> list[WorkloadResult]:
    return [work for race in races for work in race.result.workloads]


def _place(transport: str) -> int:
    return TRANSPORTS.index(transport) if transport in TRANSPORTS else 0


def _ordered(names: set[str], known: Sequence[str]) -> list[str]:
    """Sort names in the order of `known`, and then by name."""
    return sorted(
        names, key=lambda name: (name not in known, name in known and known.index(name), name)
    )


def _letter(position: int) -> str:
    letters = string.ascii_uppercase
    return letters[position] if position < len(letters) else str(position + 1)
