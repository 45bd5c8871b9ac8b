"""What the lesson `gil` concludes from the counters: table, claims, verdict; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.format import words
from lab.learn.lessons.gil.counter_run import (
    DECR,
    GET_SET,
    MUTEX,
    PAUSE,
    REDIS,
    REDIS_LOCK,
    CounterRun,
)
from lab.results.lesson import Claim, Column, Findings, Table
from worker.pools import POOLS

#: The runs by place and method.
Runs = Mapping[tuple[str, str], CounterRun]

#: Where tasks share a counter, as the verdict names it.
SHARING: Final = {
    "threads": "threads, despite the GIL",
    "gevent": "gevent, despite its single thread",
    REDIS: "Redis, across processes",
}

COLUMNS: Final = (
    Column(heading="counter in"),
    Column(heading="method"),
    Column(heading="tasks", unit="count"),
    Column(heading="final value"),
    Column(heading="updates lost", unit="count"),
    Column(heading="time", unit="seconds"),
)


def judge(runs: Sequence[CounterRun], pools: Sequence[str]) -> Findings:
    """Conclude from all runs; `pools` are those that took part."""
    by_place = {(one.place, one.method): one for one in runs}
    return Findings(
        tables=(_table(runs),),
        claims=tuple(_claims(by_place, pools)),
        verdict=_verdict(by_place, pools),
    )


def _table(runs: Sequence[CounterRun]) -> Table:
    rows = tuple(
        (one.place, one.method, one.tasks, _listed(one), one.lost, one.makespan_s) for one in runs
    )
    return Table(title="What the counter reads at the end", columns=COLUMNS, rows=rows)


def _claims(runs: Runs, pools: Sequence[str]) -> Iterator[Claim]:
    for pool in pools:
        if POOLS[pool].slot == "process":
            yield _own_copies(runs[pool, PAUSE])
        else:
            yield _most_lost(f"{pool}: a pause between read and write", runs[pool, PAUSE])
            yield _none_lost(f"{pool}: a mutex around both", runs[pool, MUTEX])
    yield _most_lost("Redis: GET then SET, from all pools,", runs[REDIS, GET_SET])
    yield _none_lost("Redis: a lock around both", runs[REDIS, REDIS_LOCK])
    yield _none_lost("Redis: an atomic DECR", runs[REDIS, DECR])


def _own_copies(one: CounterRun) -> Claim:
    return Claim(
        says=f"{one.place}: each process counts down its own copy",
        holds=len(one.final_values) > 1 and min(one.final_values) > 0,
        seen=f"{len(one.final_values)} counters: {_listed(one)}",
    )


def _most_lost(what: str, one: CounterRun) -> Claim:
    return Claim(
        says=f"{what} loses most updates",
        holds=one.lost > one.tasks / 2,
        seen=f"{one.lost} of {one.tasks} lost",
    )


def _none_lost(what: str, one: CounterRun) -> Claim:
    return Claim(says=f"{what} loses none", holds=one.lost == 0, seen=f"{one.lost} lost")


def _verdict(runs: Runs, pools: Sequence[str]) -> str:
    unguarded = {pool: runs[pool, PAUSE] for pool in pools if pool in SHARING}
    unguarded[REDIS] = runs[REDIS, GET_SET]
    places = [f"in {SHARING[place]}" for place, one in unguarded.items() if one.lost]
    cured = runs[REDIS, REDIS_LOCK].lost + runs[REDIS, DECR].lost
    if not places:
        return (
            "No update was lost this time, which was luck: only a lock around read and write, or "
            "one atomic operation such as DECR, guarantees that."
        )
    worst = max(unguarded.values(), key=lambda one: one.lost)
    *others, last = places
    where = f"{'; '.join(others)}; and {last}" if others else last
    return (
        "When other tasks could read between one task's read and its write, up to "
        f"{worst.lost} of {worst.tasks} updates were lost: {where}. With a lock "
        f"around both, or one atomic operation such as DECR, {cured or 'none'} "
        f"{'was' if cured < 2 else 'were'}."
    )


def _listed(one: CounterRun) -> str:
    return ", ".join(words.count(final) for final in one.final_values)
