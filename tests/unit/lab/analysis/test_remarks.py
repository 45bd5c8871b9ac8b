"""Remarks warn of deaths, a slow load generator, a large distance from ideal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.remarks import remarks
from lab.results.common import Span
from lab.results.race import Account, Repeat
from tests.unit.lab.sample import account, of, repeat


def test_a_pool_near_its_ideal_gets_no_remark() -> None:
    assert remarks(of("prefork", (repeat(2.0),), ideal_s=1.9), usable_cores=2) == ()


def test_a_death_is_reported_with_its_repeat() -> None:
    broken = repeat(ends=account(lost=3), died="killed by SIGKILL")
    [remark] = remarks(of("gevent", (repeat(), broken)), usable_cores=1)
    assert "repeat 2" in remark
    assert "killed by SIGKILL" in remark


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        (account(failed=1), "1 task failed"),
        (account(lost=2), "2 tasks got lost"),
        (
            account(timed_out=1, unserved=3),
            "4 tasks had not ended when the time was up: race again while the machine and its "
            "workers do nothing else",
        ),
    ],
)
def test_a_repeat_without_all_its_tasks_is_reported_with_the_reason(
    ends: Account, why: str
) -> None:
    [remark] = remarks(of("gevent", (repeat(), repeat(ends=ends))), usable_cores=1)
    assert remark == f"repeat 2 is not ranked, because {why}"


def test_a_repeat_during_which_the_clock_was_set_is_reported_and_not_ranked() -> None:
    moved = replace(repeat(2.0), clock_moved_s=-5.0, makespan_s=0.0, latencies_s=(), spans=())
    pool = of("gevent", (repeat(2.0), moved))
    assert pool.summary is not None
    assert pool.summary.makespan_s.low == 2.0
    [remark] = remarks(pool, usable_cores=1)
    assert remark == (
        "repeat 2 is not ranked, because the clock of the records' server moved by 5.00 s during it"
    )


def test_a_repeat_in_which_the_worker_died_at_once_does_not_affect_the_figures() -> None:
    nothing = replace(
        repeat(ends=account(unserved=10), died="killed by SIGKILL"), makespan_s=0.0, spans=()
    )
    pool = of("gevent", (nothing, repeat(2.0, cpu_s=1.9)), ideal_s=1.0)
    said = remarks(pool, usable_cores=1)
    assert [remark.partition(";")[0] for remark in said] == [
        "repeat 1 is not ranked, because the worker died (killed by SIGKILL)",
        "50 % of ideal",
    ]


def test_a_saturated_pool_gets_another_remark_than_an_idle_one() -> None:
    busy = of("threads", (repeat(2.0, cpu_s=1.95),), ideal_s=1.0)
    assert "for these tasks the pool can use at most one core" in remarks(busy, usable_cores=1)[0]
    # Two slots: the second is idle for the first second, the first for half a second after it.
    spans = (
        Span(slot="a", started_s=0.0, finished_s=1.0),
        Span(slot="b", started_s=1.0, finished_s=2.0),
        Span(slot="a", started_s=1.5, finished_s=2.0),
    )
    idle = of("gevent", (repeat(2.0, cpu_s=0.1, spans=spans),), ideal_s=1.0)
    assert "slots sat idle for 750 ms" in remarks(idle, usable_cores=1)[0]


def test_a_slow_load_generator_is_reported() -> None:
    starved = of("gevent", (repeat(1.9, submit_s=1.5),), ideal_s=1.9)
    assert "generator was the bottleneck" in remarks(starved, usable_cores=1)[0]


def test_what_others_used_is_reported_unless_it_is_little() -> None:
    def said(*pool_repeats: Repeat) -> tuple[str, ...]:
        return remarks(of("gevent", pool_repeats), usable_cores=1)

    assert said(repeat(others_cpu=0.02, stolen_cpu=0.0)) == ()
    assert said(repeat(others_cpu=0.38), repeat(others_cpu=0.02)) == (
        "other processes used 2.0 % to 38 % of the machine's CPU during its repeats",
    )
    assert said(repeat(stolen_cpu=0.2)) == (
        "the hypervisor withheld 20 % of the machine's CPU during its repeats",
    )
    assert said(repeat(others=83, others_slots=0.25)) == (
        "during its repeats, this worker also ran 83 tasks from other clients, which took up to "
        "25 % of its slots' time",
    )


def test_only_stock_is_said_to_fetch_messages_one_after_another() -> None:
    slow = of("gevent", (repeat(2.0, cpu_s=0.1),), ideal_s=1.0)
    said = {
        transport: remarks(replace(slow, transport=transport), usable_cores=1)[0]
        for transport in ("stock", "lease", "")
    }
    assert "the worker fetches messages one after another" in said["stock"]
    assert "the lease transport fetches many at once" in said["stock"]
    for transport in ("lease", ""):
        assert "slots sat idle for" in said[transport]
        assert "fetches messages" not in said[transport]
        assert "--transport" not in said[transport]
