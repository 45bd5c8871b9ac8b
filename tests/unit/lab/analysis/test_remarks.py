"""A reader is told what would mislead: deaths, a slow generator, distance from the ideal."""

from __future__ import annotations

from dataclasses import replace

from lab.analysis.remarks import remarks
from lab.results.common import Span
from tests.unit.lab.sample import account, of, repeat


def test_a_pool_near_its_ideal_needs_no_words() -> None:
    assert remarks(of("prefork", (repeat(2.0),), ideal_s=1.9), usable_cores=2) == ()


def test_a_death_is_told_with_its_repeat() -> None:
    broken = repeat(ends=account(lost=3), died="killed by SIGKILL")
    [remark] = remarks(of("gevent", (repeat(), broken)), usable_cores=1)
    assert "repeat 2" in remark
    assert "killed by SIGKILL" in remark


def test_a_worker_that_died_before_any_task_ended_leaves_the_figures_to_the_others() -> None:
    nothing = replace(
        repeat(ends=account(unserved=10), died="killed by SIGKILL"), makespan_s=0.0, spans=()
    )
    pool = of("gevent", (nothing, repeat(2.0, cpu_s=1.9)), ideal_s=1.0)
    said = remarks(pool, usable_cores=1)
    assert [remark.partition(";")[0] for remark in said] == [
        "the worker died in repeat 1 (killed by SIGKILL)",
        "50 % of the ideal",
    ]


def test_a_saturated_pool_is_told_from_an_idle_one() -> None:
    busy = of("threads", (repeat(2.0, cpu_s=1.95),), ideal_s=1.0)
    assert "its Python can use one core" in remarks(busy, usable_cores=1)[0]
    # Two slots: the second is empty for the first second, the first for half a second more.
    spans = (
        Span(slot="a", started_s=0.0, finished_s=1.0),
        Span(slot="b", started_s=1.0, finished_s=2.0),
        Span(slot="a", started_s=1.5, finished_s=2.0),
    )
    idle = of("gevent", (repeat(2.0, cpu_s=0.1, spans=spans),), ideal_s=1.0)
    assert "a slot stood empty for 750 ms" in remarks(idle, usable_cores=1)[0]


def test_a_generator_in_the_way_is_told() -> None:
    starved = of("gevent", (repeat(1.9, submit_s=1.5),), ideal_s=1.9)
    assert "generator was in the way" in remarks(starved, usable_cores=1)[0]
