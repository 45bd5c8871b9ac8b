"""What the lessons' tasks do in a plain process, without a worker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.lessons.free_threading import count_down, slices
from tasks.lessons.hybrid import several
from tasks.lessons.spending import Spent, spending


def test_several_works_are_done_by_as_many_threads_as_were_asked_for() -> None:
    done = several.run(6, 3, 0, 5, 1_000)
    assert done["value"] == 6
    assert {what for _, what, _, _ in done["notes"]} == {"thread 0", "thread 1", "thread 2"}


@pytest.mark.parametrize("threads", [0, 201])
def test_a_task_refuses_no_thread_and_too_many(threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be within 1 and 200"):
        several.run(1, threads, 0, 0, 1_000)


@pytest.mark.parametrize("numbers", ["own", "shared"])
def test_slices_tell_what_they_took(numbers: str) -> None:
    done = slices.run(50_000, 5, numbers)
    assert done["value"]["gil"]  # whoever runs the tests does it with one
    assert done["value"]["cpu_s"] > 0
    assert done["notes"][-1][0] == "computes"


@pytest.mark.parametrize("guarded", [True, False])
def test_counting_ends_for_all_at_the_same_number(guarded: bool) -> None:
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: count_down.run(f"{guarded}", 1_000, 2, guarded), range(2)))
    assert len({count["reads"] for count in counts}) == 1
    assert not guarded or counts[0]["reads"] == 0


def test_waiting_is_neither_computing_nor_a_want_of_cores() -> None:
    with spending() as clocks:
        before = clocks.so_far()
        time.sleep(0.02)
        asleep = clocks.so_far().since(before)
    assert asleep.asleep_s > 0.015
    assert asleep.cpu_s < 0.01


def test_what_is_not_told_counts_as_asleep() -> None:
    assert Spent(wall_s=3, cpu_s=1, queued_s=None).asleep_s == 2
    assert Spent(wall_s=3, cpu_s=1, queued_s=0.5).asleep_s == 1.5
