"""The order of locks, what the watcher saw, and when parents deadlock a worker's slots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.lessons.deadlock.lock_run import (
    STRATEGIES,
    WATCHER,
    LockStrategy,
    lock_run,
    with_sightings,
)
from lab.learn.lessons.deadlock.subtask_run import SAME_QUEUE, SubtaskRun
from lab.learn.lessons.deadlock.tables import lock_row
from lab.learn.lessons.deadlock.two_locks import Pace, jobs_of
from lab.results.lesson import Wait

PACE = Pace(pause_s=0.2, patience_s=1.0)
CYCLE = (
    Wait(who="task 1", what="b", holder="task 2"),
    Wait(who="task 2", what="a", holder="task 1"),
)


def task(label: str, value: object, started_s: float, finished_s: float, *notes: Note) -> TaskRun:
    return TaskRun(
        task_id=label,
        label=label,
        node="threads@here",
        slot="1/2",
        received_s=started_s,
        started_s=started_s,
        finished_s=finished_s,
        value=value,
        notes=notes,
    )


def orders(ring: int, strategy: LockStrategy) -> list[str]:
    return ["".join(job.locks) for job in jobs_of(ring, strategy, "redis", "s", PACE)]


def test_in_opposite_order_the_tasks_form_a_ring_and_one_task_shares_no_lock() -> None:
    assert orders(2, "opposite order") == ["ab", "ba", "cd"]
    assert orders(4, "opposite order") == ["ab", "bc", "cd", "da", "ef"]


def test_in_the_same_order_every_task_takes_its_locks_alphabetically() -> None:
    assert orders(2, "same order") == ["ab", "ab", "cd"]
    assert orders(4, "same order") == ["ab", "bc", "cd", "ad", "ef"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_task_works_equally_long_and_its_waits_have_a_timeout(strategy: LockStrategy) -> None:
    for job in jobs_of(3, strategy, "worker", "s", PACE):
        held_s = job.pause_s * (len(job.locks) - 1) + job.work_s
        assert held_s == pytest.approx(0.3)
        assert 0 < job.timeout_s <= 3.0
        assert bool(job.back_off_s) == (strategy == "back-off")
        assert job.parties == 4


def ran() -> SceneRun:
    """Return two tasks that were deadlocked, one that was not, and their watcher."""
    blocked = Note(doing="blocked", what="holds a, wants b", started_s=0.7, finished_s=1.7)
    seen = [
        [0.0, {}, {}],
        [0.2, {"a": "task 1", "b": "task 2"}, {"task 1": "b", "task 2": "a"}],
        [1.2, {"b": "task 2"}, {}],
    ]
    return SceneRun(
        title="t",
        tasks=(
            task(WATCHER, seen, 0.5, 2.0),
            task("task 1", {"done": False, "retries": 0}, 0.5, 1.7, blocked),
            task("task 2", {"done": True, "retries": 2}, 0.5, 1.9, blocked),
            task("task 3", {"done": True, "retries": 0}, 0.5, 0.8),
        ),
    )


def test_a_deadlock_is_placed_on_the_time_axis_of_the_scene() -> None:
    run = lock_run("worker", "opposite order", ran(), 0.3)
    [deadlock] = run.deadlocks
    assert deadlock.waits == CYCLE
    assert (deadlock.from_s, deadlock.to_s) == pytest.approx((0.7, 1.7))
    assert run.deadlocked_s == pytest.approx(1.0)
    assert (run.tasks, run.done, run.retries) == (3, 2, 2)
    assert run.gave_up_s == 1.7
    assert run.had_to_wait == 2


def test_without_a_task_that_gave_up_there_is_no_time_of_giving_up() -> None:
    [watcher, _, *others] = ran().tasks
    run = lock_run(
        "redis", "same order", replace(ran(), tasks=(replace(watcher, value=[]), *others)), 0.3
    )
    assert run.gave_up_s == float("inf")
    assert lock_row(run)[4] is None


def test_the_watchers_lane_shows_when_it_saw_the_cycle() -> None:
    run = lock_run("worker", "opposite order", ran(), 0.3)
    noted = with_sightings(ran().tasks[0], run.deadlocks).notes
    assert [note.what for note in noted] == ["sees no cycle", "sees the cycle", "sees no cycle"]
    assert [note.started_s for note in noted] == pytest.approx([0.5, 0.7, 1.7])
    assert noted[-1].finished_s == 2.0


def subtask_run(slots: int, child_at_s: float) -> SubtaskRun:
    tasks = (
        task("parent 1", False, 0.0, 1.0),
        task("parent 2", False, 0.1, 1.1),
        task("child 1", True, child_at_s, child_at_s + 0.3),
    )
    return SubtaskRun(method=SAME_QUEUE, slots=slots, ran=SceneRun(title="t", tasks=tasks))


def test_slots_are_deadlocked_if_parents_hold_all_and_no_child_has_started() -> None:
    assert [wait.what for wait in subtask_run(2, 1.01).deadlock] == ["a result", "a slot"]


@pytest.mark.parametrize(("slots", "child_at_s"), [(3, 1.01), (2, 0.5)])
def test_slots_are_not_deadlocked_if_one_is_free_or_a_child_has_started(
    slots: int, child_at_s: float
) -> None:
    assert subtask_run(slots, child_at_s).deadlock == ()
