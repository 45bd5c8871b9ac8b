"""Waves, knees and limits are correct; a pool that does not keep its size is reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.machine import Machine
from lab.learn.lessons.pools.judge import judge
from lab.learn.lessons.pools.measurements import PoolMeasurements
from lab.learn.lessons.pools.sweep import (
    KNEE_SHARE,
    SweepStep,
    bytes_per_slot,
    knee,
    most_slots,
    sizes,
    start_cpu_per_slot_s,
)
from lab.learn.lessons.pools.waves import WaveRun, wave_sizes
from worker.pools import POOLS

MACHINE = Machine(name="m", platform="p", cores=2, memory_bytes=8_000_000_000, processes=30_000)
FIXED = WaveRun(
    pool="prefork", tasks=20, by_slot=(4,) * 5, at_once=5, waves=(5,) * 4, makespan_s=0.6
)


def step(
    slots: int, throughput_per_s: float, pool: str = "prefork", each: int = 1_000
) -> SweepStep:
    return SweepStep(
        pool=pool,
        slots=slots,
        start_up_s=1.0,
        start_cpu_s=0.5 + slots * 0.1,
        memory_bytes=50_000 + slots * each,
        throughput_per_s=throughput_per_s,
        task_s=0.03,
    )


SWEEP = (step(5, 100), step(10, 180), step(20, 200))
THREADS = (step(5, 100, "threads", 10), step(60, 110, "threads", 10))
GROWING = (step(5, 100, "threads", 10), step(20, 150, "threads", 10))


def measured(one: WaveRun = FIXED) -> PoolMeasurements:
    return PoolMeasurements(
        wave_runs={"prefork": one},
        sweeps={"prefork": SWEEP, "threads": THREADS},
        machine=MACHINE,
    )


def test_the_knee_is_the_fewest_slots_that_reach_nearly_the_best_throughput() -> None:
    assert knee(SWEEP).slots == 10
    assert knee(SWEEP[:1]).slots == 5
    assert KNEE_SHARE * 200 <= 180


def test_a_slower_step_with_more_slots_does_not_move_the_knee() -> None:
    assert knee((*SWEEP, step(40, 90))).slots == 10


def test_the_cost_per_slot_is_the_difference_between_the_largest_and_the_smallest() -> None:
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
def test_the_number_of_processes_follows_the_cores_within_the_memory(
    cores: int, memory_bytes: int, expected: tuple[int, ...]
) -> None:
    machine = replace(MACHINE, cores=cores, memory_bytes=memory_bytes)
    assert sizes(5, processes=True, machine=machine) == expected
    assert sizes(5, processes=False, machine=machine) == (5, 20, 60)


def test_a_wave_is_all_tasks_that_start_before_its_first_has_ended() -> None:
    assert wave_sizes([0.0, 0.1, 1.0, 1.1, 1.9, 2.05], hold_s=1.0) == (2, 3, 1)
    assert wave_sizes([], hold_s=1.0) == ()


def test_memory_limits_the_slots_and_the_system_limits_processes_and_threads() -> None:
    assert most_slots(THREADS, POOLS["threads"], MACHINE) == 30_000
    assert most_slots(SWEEP, POOLS["prefork"], MACHINE) == 30_000
    assert most_slots(SWEEP, POOLS["gevent"], MACHINE) == 8_000_000
    flat = (step(5, 1, each=0), step(9, 1, each=0))
    assert most_slots(flat, POOLS["gevent"], MACHINE) is None


def test_every_claim_holds_for_the_expected_measurements() -> None:
    found = judge(measured())
    assert [claim.says for claim in found.claims if not claim.holds] == []
    assert "prefork with 10 slots and threads with 5 slots already reached" in found.verdict
    assert [len(table.rows) for table in found.tables] == [1, 5, 2]


@pytest.mark.parametrize(
    ("sweeps", "said"),
    [
        (
            {"prefork": SWEEP, "threads": GROWING},
            "prefork with 10 slots already reached at least 80 % of the best throughput; threads "
            "needed 20 slots, the most that were tried.",
        ),
        (
            {"threads": GROWING},
            "threads needed 20 slots, the most that were tried, for at least 80 % of the best "
            "throughput.",
        ),
    ],
)
def test_a_pool_that_gains_up_to_the_end_is_not_said_to_have_enough(
    sweeps: dict[str, tuple[SweepStep, ...]], said: str
) -> None:
    found = judge(replace(measured(), sweeps=sweeps))
    assert f"Nothing stops you from adding slots, but {said}" in found.verdict


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FIXED, at_once=6),
        replace(FIXED, waves=(20,)),
        replace(FIXED, by_slot=(1,) * 20),
    ],
)
def test_a_pool_that_does_not_keep_its_size_fails_a_claim(wrong: WaveRun) -> None:
    assert any(not claim.holds for claim in judge(measured(wrong)).claims)


def test_throughput_that_grows_in_proportion_to_the_slots_fails_a_claim() -> None:
    steps = (step(5, 100), step(20, 390))
    swept = replace(measured(), sweeps={"prefork": steps})
    assert [claim.says for claim in judge(swept).claims if not claim.holds] == [
        "prefork: throughput does not grow in proportion to the slots"
    ]
