"""Waves, knees and room are counted right, and a pool that did not keep its size is found out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.machine import Machine
from lab.learn.lessons.pools.judge import Measured, claims, room, tables, verdict
from lab.learn.lessons.pools.sweep import (
    ENOUGH,
    Step,
    bytes_per_slot,
    knee,
    sizes,
    start_cpu_per_slot_s,
)
from lab.learn.lessons.pools.waves import Served, waves
from worker.pools import POOLS

MACHINE = Machine(name="m", platform="p", cores=2, memory_bytes=8_000_000_000, processes=30_000)
FINE = Served(pool="prefork", tasks=20, by_slot=(4,) * 5, at_once=5, waves=(5,) * 4, makespan_s=0.6)


def step(slots: int, throughput_per_s: float, pool: str = "prefork", each: int = 1_000) -> Step:
    return Step(
        pool=pool,
        slots=slots,
        start_up_s=1.0,
        start_cpu_s=0.5 + slots * 0.1,
        memory_bytes=50_000 + slots * each,
        throughput_per_s=throughput_per_s,
        held_s=0.03,
    )


SWEEP = (step(5, 100), step(10, 180), step(20, 200))
THREADS = (step(5, 100, "threads", 10), step(60, 110, "threads", 10))


def measured(served: Served = FINE) -> Measured:
    return Measured(
        served={"prefork": served},
        steps={"prefork": SWEEP, "threads": THREADS},
        machine=MACHINE,
    )


def test_the_knee_is_the_smallest_that_has_nearly_all() -> None:
    assert knee(SWEEP).slots == 10
    assert knee(SWEEP[:1]).slots == 5
    assert ENOUGH * 200 <= 180


def test_more_slots_that_are_slower_do_not_move_the_knee() -> None:
    assert knee((*SWEEP, step(40, 90))).slots == 10


def test_a_slot_costs_what_the_largest_has_beyond_the_smallest() -> None:
    assert bytes_per_slot(SWEEP) == 1_000
    assert start_cpu_per_slot_s(SWEEP) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="two sizes"):
        bytes_per_slot(SWEEP[:1])


@pytest.mark.parametrize(
    ("cores", "memory_bytes", "expected"),
    [
        (1, 8_000_000_000, (5, 10, 20)),
        (2, 8_000_000_000, (5, 10, 20)),
        (16, 64_000_000_000, (5, 40, 80)),
        (16, 1_000_000_000, (5, 10)),
    ],
)
def test_processes_follow_the_cores_as_far_as_the_memory_goes(
    cores: int, memory_bytes: int, expected: tuple[int, ...]
) -> None:
    machine = replace(MACHINE, cores=cores, memory_bytes=memory_bytes)
    assert sizes(5, processes=True, machine=machine) == expected
    assert sizes(5, processes=False, machine=machine) == (5, 20, 60)


def test_a_wave_is_all_that_begin_before_its_first_has_ended() -> None:
    assert waves([0.0, 0.1, 1.0, 1.1, 1.9, 2.05], hold_s=1.0) == (2, 3, 1)
    assert waves([], hold_s=1.0) == ()


def test_room_is_bounded_by_memory_and_for_the_kernels_own_by_its_limits() -> None:
    assert room(THREADS, POOLS["threads"], MACHINE) == 30_000
    assert room(SWEEP, POOLS["prefork"], MACHINE) == 30_000
    assert room(SWEEP, POOLS["gevent"], MACHINE) == 8_000_000
    flat = (step(5, 1, each=0), step(9, 1, each=0))
    assert room(flat, POOLS["gevent"], MACHINE) is None


def test_what_was_measured_is_what_the_lesson_says() -> None:
    assert [claim.says for claim in claims(measured()) if not claim.holds] == []
    assert "prefork × 10, threads × 5" in verdict(measured())
    assert [len(table.rows) for table in tables(measured())] == [1, 5, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FINE, at_once=6),
        replace(FINE, waves=(20,)),
        replace(FINE, by_slot=(1,) * 20),
    ],
)
def test_a_pool_that_does_not_keep_its_size_is_found_out(wrong: Served) -> None:
    assert any(not claim.holds for claim in claims(measured(wrong)))


def test_slots_that_bring_as_much_as_they_are_more_are_found_out() -> None:
    steps = (step(5, 100), step(20, 390))
    swept = Measured(served={}, steps={"prefork": steps}, machine=MACHINE)
    assert [claim.says for claim in claims(swept) if not claim.holds] == [
        "prefork: the throughput does not grow with the slots"
    ]
