"""The lesson `gil` counts lost updates correctly and reports a cure that loses some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.lessons.gil.counter_run import (
    DECR,
    GET_SET,
    MUTEX,
    NO_PAUSE,
    PAUSE,
    REDIS,
    REDIS_LOCK,
    CounterRun,
)
from lab.learn.lessons.gil.judge import judge
from tasks.lessons import gil as gil_tasks

POOLS = ("threads", "prefork")


def counter(place: str, method: str, *final_values: int) -> CounterRun:
    return CounterRun(
        place=place, method=method, tasks=100, final_values=final_values, makespan_s=1.0
    )


RUNS = (
    counter("threads", NO_PAUSE, 0),
    counter("threads", PAUSE, 96),
    counter("threads", MUTEX, 0),
    counter("prefork", NO_PAUSE, 75, 75, 75, 75),
    counter("prefork", PAUSE, 75, 76, 74, 75),
    counter("prefork", MUTEX, 75, 75, 75, 75),
    counter(REDIS, GET_SET, 95),
    counter(REDIS, REDIS_LOCK, 0),
    counter(REDIS, DECR, 0),
)


def failing(*runs: CounterRun) -> list[str]:
    return [claim.says for claim in judge(runs, POOLS).claims if not claim.holds]


def test_updates_are_lost_if_no_counter_kept_them() -> None:
    assert counter("threads", PAUSE, 96).lost == 96
    assert counter("prefork", PAUSE, 75, 76, 74, 75).lost == 0
    assert counter("prefork", PAUSE, 99, 99).lost == 98


def test_every_claim_holds_for_the_expected_counters() -> None:
    found = judge(RUNS, POOLS)
    assert failing(*RUNS) == []
    assert "up to 96 of 100 updates were lost" in found.verdict
    assert found.verdict.endswith("such as DECR, none was.")
    assert [row[:2] for row in found.tables[0].rows] == [(one.place, one.method) for one in RUNS]


@pytest.mark.parametrize(
    ("place", "method", "final_values", "claim"),
    [
        ("threads", PAUSE, (3,), "threads: a pause between read and write loses most updates"),
        ("threads", MUTEX, (1,), "threads: a mutex around both loses none"),
        ("prefork", PAUSE, (0,), "prefork: each process counts down its own copy"),
        (REDIS, GET_SET, (50,), "Redis: GET then SET, from all pools, loses most updates"),
        (REDIS, REDIS_LOCK, (1,), "Redis: a lock around both loses none"),
        (REDIS, DECR, (1,), "Redis: an atomic DECR loses none"),
    ],
)
def test_a_claim_fails_if_its_counter_shows_otherwise(
    place: str, method: str, final_values: tuple[int, ...], claim: str
) -> None:
    runs = [
        replace(one, final_values=final_values)
        if (one.place, one.method) == (place, method)
        else one
        for one in RUNS
    ]
    assert failing(*runs) == [claim]


def test_the_verdict_names_only_pools_that_took_part() -> None:
    runs = [one for one in RUNS if one.place in ("threads", REDIS)]
    verdict = judge(runs, ("threads",)).verdict
    assert "in threads, despite the GIL; and in Redis, across processes" in verdict
    assert "gevent" not in verdict


def test_the_verdict_names_only_places_that_lost_updates() -> None:
    kept = [replace(one, final_values=(0,)) if one.place == "threads" else one for one in RUNS]
    verdict = judge(kept, POOLS).verdict
    assert "threads" not in verdict
    assert "updates were lost: in Redis, across processes. With a lock" in verdict
    none_lost = [
        replace(one, final_values=(0,)) if len(one.final_values) == 1 else one for one in RUNS
    ]
    assert judge(none_lost, POOLS).verdict.startswith("No update was lost this time")


def test_the_methods_of_the_lesson_are_those_of_its_task() -> None:
    assert tuple(gil_tasks.SHARED_METHODS) == (GET_SET, REDIS_LOCK, DECR)
