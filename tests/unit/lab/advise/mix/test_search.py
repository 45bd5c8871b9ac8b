"""The search tries splits as long as there is time to compare the best one fairly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from lab.advise.mix.search import Contest, SplitSearch
from lab.advise.mix.split import Split, pairs
from lab.advise.search.budget import Budget
from lab.advise.search.limits import Limits
from lab.advise.search.search import TrialLength
from lab.project.candidates import Candidate
from lab.results.advice import Trial
from tests.unit.lab.advise.sample import trial
from tests.unit.lab.advise.test_search import COMPUTES, ROOM, WAITS
from worker.pools import POOLS

PROFILES = [COMPUTES, WAITS]
SINGLE = Candidate(pool=POOLS["prefork"], concurrency=8)
CPU = [Candidate(pool=POOLS["prefork"], concurrency=2)]
IO = [Candidate(pool=POOLS[name], concurrency=32) for name in ("threads", "gevent")]


@dataclass
class Fake:
    """Stands in for a bench of splits, and for the search of single groups; a trial takes 4 s."""

    rate: Callable[[Candidate | Split], float]
    now: float = 0.0
    done: dict[Candidate | Split, list[Trial]] = field(default_factory=dict)
    rejected: dict[Split, str] = field(default_factory=dict)

    def trial(self, one: Candidate | Split, _seconds: float) -> float:
        self.now += 4.0
        self.done.setdefault(one, []).append(trial(self.rate(one), 10**8 * one.workers))
        return self.rate(one)

    def trials(self, one: Split) -> list[Trial]:
        return self.done.get(one, [])

    def reject(self, one: Split, why: str) -> None:
        self.rejected[one] = why

    def is_rejected(self, one: Split) -> bool:
        return one in self.rejected

    def finalists(self) -> list[Candidate]:
        return [SINGLE]

    def measure_again(self, one: Candidate) -> None:
        self.trial(one, 1.0)

    def rates(self, one: Candidate) -> list[float]:
        return [found.rate_per_s for found in self.done.get(one, [])]


def found(fake: Fake, seconds: float = 120.0, used: float = 0.0) -> Fake:
    contest = Contest(
        single=fake,  # type: ignore[arg-type]
        splits=fake,  # type: ignore[arg-type]
        limits=Limits(profile=WAITS, room=ROOM),
        length=TrialLength(short_s=2.0, long_s=4.0),
    )
    budget = Budget(seconds, lambda: fake.now)
    fake.now += used * seconds
    search = SplitSearch(contest, budget, lambda _name, _rate: None, seed=1)
    search.explore(pairs(CPU, IO, PROFILES, ROOM), PROFILES)
    search.compare(lambda _chosen: [])
    return fake


def by_slots(one: Candidate | Split) -> float:
    """More slots for the tasks that wait bring more, up to 100, and gevent is a little faster."""
    if isinstance(one, Candidate):
        return 100.0
    waiting = one.groups[1]
    factor = 2.0 if waiting.pool.name == "gevent" else 1.9
    return factor * min(waiting.concurrency, 100) + 0.01 * one.groups[0].concurrency


def test_both_kinds_are_measured_in_turn_and_the_best_variant_is_found() -> None:
    fake = found(Fake(by_slots))
    best = max((one for one in fake.done if isinstance(one, Split)), key=by_slots)
    assert best.groups[1].pool.name == "gevent"
    assert best.groups[1].concurrency >= 100
    assert len(fake.done[SINGLE]) >= 3
    assert len(fake.done[best]) >= 3
    assert fake.now <= 120


def test_a_split_that_is_far_behind_takes_no_time_from_the_comparison() -> None:
    best = Split(groups=(CPU[0], IO[1]))
    fake = found(Fake(lambda one: 200.0 if one == best else 100.0))
    assert len(fake.done[best]) >= 3
    assert len(fake.done[SINGLE]) >= 3
    others = [len(trials) for one, trials in fake.done.items() if one not in {best, SINGLE}]
    assert others == [1] * len(others) != []


@pytest.mark.parametrize("seconds", [40.0, 60.0, 120.0])
def test_the_budget_holds_and_leaves_time_to_compare(seconds: float) -> None:
    fake = found(Fake(by_slots), seconds)
    assert fake.now <= seconds
    assert SINGLE in fake.done


def test_one_split_is_tried_even_if_the_time_is_used() -> None:
    fake = found(Fake(by_slots), used=0.99)
    assert [len(trials) for trials in fake.done.values()] == [1]


def test_a_split_beyond_the_memory_limit_is_rejected() -> None:
    fake = Fake(by_slots)
    small = Limits(profile=WAITS, room=type(ROOM)(cores=2, memory_bytes=10**8, processes=100))
    contest = Contest(
        single=fake,  # type: ignore[arg-type]
        splits=fake,  # type: ignore[arg-type]
        limits=small,
        length=TrialLength(short_s=2.0, long_s=4.0),
    )
    search = SplitSearch(contest, Budget(60.0, lambda: fake.now), lambda *_: None, seed=1)
    search.explore(pairs(CPU, IO, PROFILES, ROOM), PROFILES)
    assert set(fake.rejected.values()) == {"needs more memory than the limit"}
