"""The tasks of a mix are grouped by what they do, and a part is their weighted average."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.advise.mix.parts import Part, TriedTask, why_no_split
from lab.advise.task_mix import Mix
from lab.project.first_tries import FirstTries
from producer.plan import Work
from tests.unit.lab.advise.test_search import profile


def tried(
    name: str, run_s: float, cpu_s: float, *, weight: int = 1, calls: int = 1, slot_bytes: int = 0
) -> TriedTask:
    return TriedTask(
        name=name,
        weight=weight,
        calls=tuple(Work(task=name, args=(number,)) for number in range(calls)),
        tried=FirstTries(
            profile=profile(run_s=run_s, cpu_s=cpu_s, slot_bytes=slot_bytes),
            results={number: f"{name} {number}" for number in range(calls)},
        ),
    )


COMPUTES = tried("computes", 0.1, 0.09, calls=1, slot_bytes=50)
WAITS = tried("waits", 0.2, 0.01, weight=3, calls=2, slot_bytes=10)
MIX = Mix(calls=(*COMPUTES.calls, *WAITS.calls), weights=(1, 1, 2))


def test_a_part_is_the_average_of_its_tasks_with_the_memory_of_the_largest() -> None:
    found = Part.of(MIX, [COMPUTES, WAITS]).tried.profile
    assert found.run_s == pytest.approx((0.1 + 3 * 0.2) / 4)
    assert found.cpu_s == pytest.approx((0.09 + 3 * 0.01) / 4)
    assert found.slot_bytes == 50


@pytest.mark.parametrize(("sizes", "expected"), [((None, None), None), ((7, None), 7), ((7, 9), 9)])
def test_a_process_of_a_part_loads_what_its_largest_task_needs(
    sizes: tuple[int | None, ...], expected: int | None
) -> None:
    tasks = [
        replace(
            one, tried=replace(one.tried, profile=replace(one.tried.profile, process_bytes=size))
        )
        for one, size in zip((COMPUTES, WAITS), sizes, strict=True)
    ]
    assert Part.of(MIX, tasks).tried.profile.process_bytes == expected


def test_the_calls_of_a_part_begin_with_one_of_each_task_and_keep_their_results() -> None:
    part = Part.of(MIX, [WAITS, COMPUTES])
    assert [call.task for call in part.calls] == ["waits", "computes", "waits"]
    assert part.tried.results == {0: "waits 0", 1: "computes 0", 2: "waits 1"}
    assert part.slowest_s == 0.2


@pytest.mark.parametrize(
    ("run_s", "cpu_s", "ready_s", "computes"),
    [
        (0.1, 0.09, 0.09, True),
        (0.1, 0.01, 0.01, False),
        (0.9, 0.09, 0.88, True),  # on a machine that is busy with something else
        (0.2, 0.01, 0.11, False),
        (0.17, 0.006, 0.5, False),  # the worker had no core either
        (0.1, 0.09, 0.0, True),  # the system does not say
    ],
)
def test_what_a_task_does_is_seen_on_a_busy_machine_too(
    run_s: float, cpu_s: float, ready_s: float, *, computes: bool
) -> None:
    task = tried("any", run_s, cpu_s)
    profile = replace(task.tried.profile, ready_s=ready_s)
    assert replace(task, tried=replace(task.tried, profile=profile)).computes is computes


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ([COMPUTES, WAITS], ""),
        ([COMPUTES, COMPUTES], "all tasks compute"),
        ([WAITS, WAITS], "all tasks wait most of the time"),
    ],
)
def test_a_mix_is_split_only_if_it_has_both_kinds(tasks: list[TriedTask], why: str) -> None:
    assert why_no_split(tasks) == why
