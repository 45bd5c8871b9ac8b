"""The memory of a candidate follows from what the process of a single worker has loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.project.candidates import LIGHT_SLOT_BYTES, Candidate, Room, families, needed_bytes
from tests.unit.lab.advise.test_search import COMPUTES
from worker.pools import POOLS

MB = 10**6
#: The worker takes 30 MB, and its process 330 MB, because the task has loaded a model there.
LOADS = replace(COMPUTES, worker_bytes=360 * MB, process_bytes=330 * MB, slot_bytes=10 * MB)


@pytest.mark.parametrize(
    ("pool", "slots", "known", "needed_mb"),
    [
        ("prefork", 1, True, 30 + 340),
        ("prefork", 4, True, 30 + 4 * 340),
        ("prefork", 4, False, 180 + 4 * 190),  # half of the worker, for each
        ("threads", 4, True, 330 + 4 * (10 + LIGHT_SLOT_BYTES / MB)),
    ],
)
def test_each_process_takes_what_that_of_a_single_worker_takes(
    pool: str, slots: int, known: bool, needed_mb: float
) -> None:
    profile = LOADS if known else replace(LOADS, process_bytes=None)
    needed = needed_bytes(Candidate(pool=POOLS[pool], concurrency=slots), profile)
    assert needed == needed_mb * MB


def test_no_more_processes_are_tried_than_can_load_what_the_task_needs() -> None:
    room = Room(cores=4, memory_bytes=1_600 * MB, processes=10_000)
    [family] = families(LOADS, room, [POOLS["prefork"]])
    assert family.most * 340 <= 0.9 * 1_600
