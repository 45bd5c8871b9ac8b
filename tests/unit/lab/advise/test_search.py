"""The search finds the knee of a known curve, drops what is behind, and keeps its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from lab.advise.search.budget import Budget
from lab.advise.search.ladder import Ladder
from lab.advise.search.search import Search, SearchOptions
from lab.project.candidates import Candidate, Family, Room, families, first_guess, fits
from lab.results.advice import Profile, Trial
from worker.pools import DEFAULT_POOLS, POOLS

GB = 10**9
ALL = [POOLS[name] for name in DEFAULT_POOLS]
ROOM = Room(cores=2, memory_bytes=8 * GB, processes=10_000)


def profile(*, run_s: float, cpu_s: float, slot_bytes: int = 0) -> Profile:
    return Profile(
        runs=10,
        failed=0,
        run_s=run_s,
        fastest_s=run_s,
        slowest_s=run_s,
        cpu_s=cpu_s,
        worker_bytes=60_000_000,
        slot_bytes=slot_bytes,
        sends=0.0,
    )


WAITS = profile(run_s=0.05, cpu_s=0.0)
COMPUTES = profile(run_s=0.1, cpu_s=0.1)


@dataclass
class Curve:
    """Answers as a bench would, from a formula; every trial takes 3 s."""

    rate: Callable[[Candidate], float]
    memory: Callable[[Candidate], int] = lambda _candidate: 10**8
    failed: Callable[[Candidate], int] = lambda _candidate: 0
    cpu_s: float | None = None  # of a task; None: each worker uses one core
    now: float = 0.0
    done: dict[Candidate, list[Trial]] = field(default_factory=dict)
    rejected: dict[Candidate, str] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    def trial(self, candidate: Candidate, seconds: float) -> float:
        self.now += 3.0
        rate = self.rate(candidate)
        self.done.setdefault(candidate, []).append(
            Trial(
                seconds=seconds,
                rate_per_s=rate,
                p50_s=candidate.slots / rate,
                p95_s=0.0,
                objective_s=candidate.slots / rate,
                busy=1.0,
                cpu_s_per_task=0.0,
                cores=candidate.workers if self.cpu_s is None else rate * self.cpu_s,
                peak_pss_bytes=self.memory(candidate),
                failed=self.failed(candidate),
            )
        )
        return rate

    def trials(self, candidate: Candidate) -> list[Trial]:
        return self.done.get(candidate, [])

    def reject(self, candidate: Candidate, why: str) -> None:
        self.rejected[candidate] = why

    def is_rejected(self, candidate: Candidate) -> bool:
        return candidate in self.rejected


def found(curve: Curve, of: Profile, seconds: float = 120.0, slo_s: float | None = None) -> Search:
    budget = Budget(seconds, curve.clock)
    options = SearchOptions(room=ROOM, slo_s=slo_s)
    search = Search(curve, of, budget, options)  # type: ignore[arg-type]
    search.run(families(of, ROOM, ALL))
    return search


def knee(most: float, slots: int) -> Callable[[Candidate], float]:
    """Throughput grows up to `slots` slots; gevent is a little faster, prefork half as fast."""
    factor = {"prefork": 0.5, "threads": 0.9, "gevent": 1.0}
    return lambda one: factor[one.pool.name] * most * min(1.0, one.slots / slots)


@pytest.mark.parametrize("slots", [20, 64, 200, 700])
def test_the_knee_is_found_within_the_budget(slots: int) -> None:
    curve = Curve(knee(1_000.0, slots))
    best = next(found(curve, WAITS).ranked())
    assert best.pool.name == "gevent"
    assert curve.rate(best) >= 0.95 * 1_000
    assert best.slots <= 4 * slots
    assert curve.now <= 120


def test_a_task_that_computes_gets_processes_and_no_long_search() -> None:
    cores = {"prefork": 2, "threads": 1, "gevent": 1}
    curve = Curve(lambda one: 10.0 * min(cores[one.pool.name] * one.workers, one.slots, 2))
    best = next(found(curve, COMPUTES).ranked())
    assert (best.pool.name, best.slots) == ("prefork", 2)
    assert max(one.slots for one in curve.done) <= 8


def test_workers_side_by_side_are_tried_if_one_uses_a_core() -> None:
    factor = {"prefork": 0.1, "threads": 0.9, "gevent": 1.0}
    curve = Curve(lambda one: min(one.slots, 20 * one.workers) * 10.0 * factor[one.pool.name])
    best = next(found(curve, profile(run_s=0.1, cpu_s=0.005)).ranked())
    assert best.workers == 2


def test_a_candidate_over_the_memory_limit_or_the_objective_is_rejected() -> None:
    curve = Curve(knee(1_000.0, 100), memory=lambda one: one.slots * 10**8)
    best = next(found(curve, WAITS).ranked())
    assert best.slots * 10**8 <= ROOM.memory_bytes
    curve = Curve(knee(1_000.0, 100))
    best = next(found(curve, WAITS, slo_s=0.15).ranked())
    assert best.slots / curve.rate(best) <= 0.15


@pytest.mark.parametrize("seconds", [10.0, 30.0, 120.0])
def test_a_budget_holds_whatever_the_curve_is(seconds: float) -> None:
    curve = Curve(lambda one: float(one.slots))
    found(curve, WAITS, seconds)
    assert curve.now <= seconds


def test_what_does_not_fit_into_the_memory_is_not_tried() -> None:
    heavy = profile(run_s=0.1, cpu_s=0.0, slot_bytes=150_000_000)
    small = Room(cores=2, memory_bytes=GB, processes=10_000)
    for family in families(heavy, small, ALL):
        assert fits(family.candidate(family.most), heavy, small)
        assert family.most < 8


@pytest.mark.parametrize(
    ("of", "pool", "guess"),
    [
        (COMPUTES, "prefork", 2),
        (COMPUTES, "gevent", 2),
        (WAITS, "threads", 64),
        (profile(run_s=0.1, cpu_s=0.01), "gevent", 15),
    ],
)
def test_the_first_guess_keeps_the_cores_busy(of: Profile, pool: str, guess: int) -> None:
    assert first_guess(POOLS[pool], of, ROOM) == guess


def test_a_ladder_ends_at_the_smallest_concurrency_that_is_nearly_the_best() -> None:
    ladder = Ladder(Family(pool=POOLS["threads"], workers=1, first=8, most=256))
    tried = []
    while (slots := ladder.next()) is not None:
        tried.append(slots)
        ladder.add(slots, min(slots, 30) * 10.0)
    assert len(tried) == len(set(tried)) <= 6
    assert ladder.best() == min(slots for slots in tried if slots >= 29)


def test_a_ladder_goes_back_after_a_step_beyond_the_knee() -> None:
    ladder = Ladder(Family(pool=POOLS["prefork"], workers=1, first=4, most=64))
    rates = {4: 90.0, 8: 175.0, 16: 300.0, 32: 170.0}
    while (slots := ladder.next()) is not None:
        ladder.add(slots, rates[slots])
    assert ladder.best() == 16


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({4: 126.0, 8: 253.0, 32: 442.0, 64: 386.0, 16: 441.0}, 16),  # past the knee, but as fast
        ({4: 126.0, 8: 253.0, 32: 442.0, 64: 386.0, 16: 380.0}, 32),
        ({8: 100.0, 16: 200.0, 64: 410.0, 128: 415.0, 32: 400.0}, 32),
    ],
)
def test_a_ladder_tries_what_a_large_step_left_out_below_the_best(
    rates: dict[int, float], best: int
) -> None:
    ladder = Ladder(Family(pool=POOLS["threads"], workers=1, first=min(rates), most=128))
    tried = []
    while (slots := ladder.next()) is not None:
        tried.append(slots)
        ladder.add(slots, rates[slots])
    assert (tried, ladder.best()) == (list(rates), best)


def test_tasks_that_fail_more_often_than_elsewhere_do_not_win_for_failing_early() -> None:
    curve = Curve(knee(1_000.0, 100), failed=lambda one: 400 if one.pool.name == "gevent" else 0)
    assert next(found(curve, WAITS).ranked()).pool.name == "threads"
    assert any("of its tasks fail, 0% elsewhere" in why for why in curve.rejected.values())


def test_the_best_pool_goes_on_growing_when_the_others_no_longer_may() -> None:
    curve = Curve(lambda one: one.slots * (1.0 if one.pool.name == "prefork" else 0.2))
    few = profile(run_s=0.05, cpu_s=0.02)
    best = next(found(curve, few, seconds=40.0).ranked())
    assert (best.pool.name, best.slots) == ("prefork", 64)
    assert curve.now <= 40


def test_workers_side_by_side_are_not_tried_if_they_cannot_catch_up() -> None:
    factor = {"prefork": 1.0, "threads": 0.2, "gevent": 0.2}
    curve = Curve(lambda one: min(one.slots, 64) * factor[one.pool.name])
    found(curve, profile(run_s=0.05, cpu_s=0.02))
    assert {one.workers for one in curve.done} == {1}


@pytest.mark.parametrize("seconds", [30.0, 60.0, 120.0])
def test_a_lucky_first_trial_does_not_decide_the_concurrency(seconds: float) -> None:
    lucky = {8: 300.0}

    def rate(one: Candidate) -> float:
        if one.pool.name != "prefork":
            return 1.0
        return lucky.pop(one.slots, min(one.slots, 32) * 6.0)

    curve = Curve(rate)
    best = next(found(curve, profile(run_s=0.05, cpu_s=0.02), seconds).ranked())
    assert (best.pool.name, best.slots) == ("prefork", 32)
    assert curve.now <= seconds


@pytest.mark.parametrize(
    "first",
    [
        {64: 467.0},  # lucky
        {16: 359.0},  # unlucky
        {32: 400.0, 64: 500.0, 16: 359.0},
    ],
)
def test_a_first_trial_does_not_hide_a_smaller_concurrency(first: dict[int, float]) -> None:
    rates = {4: 126.0, 8: 250.0, 16: 438.0, 32: 430.0, 64: 420.0}
    noisy = dict(first)

    def rate(one: Candidate) -> float:
        if one.pool.name != "prefork":
            return 1.0
        return noisy.pop(one.slots, rates.get(one.slots, 0.1))

    best = next(found(Curve(rate), profile(run_s=0.033, cpu_s=0.006)).ranked())
    assert (best.pool.name, best.slots) == ("prefork", 16)


@pytest.mark.parametrize("first", [{17: 130.0}, {34: 265.0}, {136: 300.0}])
def test_one_slow_trial_does_not_hide_what_several_workers_reach(first: dict[int, float]) -> None:
    """Tasks block in a C call: gevent runs one at a time, and two workers fill two cores."""
    most = {"prefork": 420.0, "threads": 520.0, "gevent": 15.0}
    slow = dict(first)

    def rate(one: Candidate) -> float:
        reached = min(15.0 * one.slots, most[one.pool.name] * one.workers)
        return slow.pop(one.slots, reached) if one.pool.name == "threads" else reached

    curve = Curve(rate, cpu_s=1 / 520)
    best = next(found(curve, profile(run_s=0.0625, cpu_s=0.0055)).ranked())
    assert (best.pool.name, best.workers) == ("threads", 2)


def test_what_runs_today_is_measured_as_often_as_the_finalists() -> None:
    today = Candidate(pool=POOLS["prefork"], concurrency=3)
    curve = Curve(knee(1_000.0, 100))
    options = SearchOptions(room=ROOM, deployed=today)
    search = Search(curve, WAITS, Budget(120.0, curve.clock), options)  # type: ignore[arg-type]
    search.run(families(WAITS, ROOM, ALL))
    assert len(curve.trials(today)) >= 3


def test_what_runs_today_with_flags_of_its_own_does_not_change_the_search() -> None:
    flags = ("--max-tasks-per-child", "1")

    def rate(one: Candidate) -> float:
        return 1.0 if one.flags else knee(1_000.0, 8)(one)

    search = found(curve := Curve(rate), WAITS)
    best = next(search.ranked())
    today = replace(best, flags=flags)
    search.measure_again(today)
    assert len(curve.trials(today)) == 1
    assert next(search.ranked()) == best


@pytest.mark.parametrize("unsafe", ["threads", "gevent"])
def test_what_runs_today_is_not_recommended_if_the_task_is_unsafe_there(unsafe: str) -> None:
    today = Candidate(pool=POOLS[unsafe], concurrency=3)
    curve = Curve(knee(1_000.0, 2))
    options = SearchOptions(room=ROOM, deployed=today)
    budget = Budget(120.0, curve.clock)
    search = Search(
        curve,  # type: ignore[arg-type]
        WAITS,
        budget,
        options,
        is_safe=lambda candidate: candidate.pool.name != unsafe,
    )
    search.run(families(WAITS, ROOM, ALL))
    assert curve.is_rejected(today)
    assert not curve.trials(today)
