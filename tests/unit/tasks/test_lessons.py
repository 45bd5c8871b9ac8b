"""The tasks of the lessons, run in a plain process without a worker."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tasks.lessons import hybrid
from tasks.lessons.free_threading.tasks import count_down, slices
from tasks.lessons.free_threading.thread_time import ThreadTime, thread_clocks
from tasks.lessons.hybrid import several


def test_jobs_are_shared_out_over_the_requested_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = Barrier(3, timeout=30)  # passes only if three jobs wait at the same time
    monkeypatch.setattr(hybrid, "sleep", lambda _s: together.wait())
    done = several.run(6, 3, 0, 5, 1_000)
    assert done["value"] == 6
    assert {what for _, what, _, _ in done["notes"]} == {"thread 0", "thread 1", "thread 2"}


@pytest.mark.parametrize("threads", [0, 201])
def test_a_task_rejects_zero_threads_and_too_many(threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be from 1 to 200"):
        several.run(1, threads, 0, 0, 1_000)


@pytest.mark.parametrize("numbers", ["own", "shared"])
def test_slices_report_their_cpu_time_and_the_gil(numbers: str) -> None:
    done = slices.run(50_000, 5, numbers)
    assert done["value"]["gil"]  # the tests run on a Python with a GIL
    assert done["value"]["cpu_s"] > 0
    assert done["notes"][-1][0] == "computes"


@pytest.mark.parametrize("guarded", [True, False])
def test_all_counting_tasks_return_the_same_final_value(guarded: bool) -> None:
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: count_down.run(f"{guarded}", 1_000, 2, guarded), range(2)))
    assert len({count["reads"] for count in counts}) == 1
    assert not guarded or counts[0]["reads"] == 0


def test_sleeping_counts_neither_as_computing_nor_as_waiting_for_a_core() -> None:
    with thread_clocks() as clocks:
        before = clocks.so_far()
        time.sleep(0.02)  # what is measured
        asleep = clocks.so_far().since(before)
    assert asleep.asleep_s > 0.015
    assert asleep.cpu_s < 0.01


def test_an_unknown_wait_for_cores_counts_as_asleep() -> None:
    assert ThreadTime(wall_s=3, cpu_s=1, queued_s=None).asleep_s == 2
    assert ThreadTime(wall_s=3, cpu_s=1, queued_s=0.5).asleep_s == 1.5
