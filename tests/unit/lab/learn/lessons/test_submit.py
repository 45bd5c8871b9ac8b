"""How many tasks were at work at once, and whether an errback ran where its task had failed."""

from __future__ import annotations

from lab.learn.engine.open_scene import OpenScene
from lab.learn.lessons.submit.submitted import (
    ERRBACK,
    Mark,
    Way,
    in_slot_of_failed,
    most_at_once,
    tasks_of,
)
from producer.ledger import Ledger
from tests.unit.lab.learn.lessons.made import ran, task
from worker.probe import Clock


def way(*marks: Mark) -> Way:
    scene = OpenScene(title="a way", ledger=Ledger("run.1"), clock=Clock(0.0, 0.0))
    made = Way(name="a way", scene=scene, marks=list(marks))
    made.ran = ran(
        task("work 1", 0, 1, slot="7", error="failed: so"), task(ERRBACK, 1, 2, slot="11/12")
    )
    return made


def mark(pid: int, thread: int = 1, task: str = "work 1") -> Mark:
    return Mark(task_id=f"id of {task}", host="here", pid=pid, thread=thread, at_s=1.0)


def test_tasks_one_after_the_other_are_never_two() -> None:
    assert most_at_once([task("a", 0, 1), task("b", 1, 2), task("c", 2.5, 3)]) == 1


def test_tasks_side_by_side_are_counted_where_they_overlap() -> None:
    assert most_at_once([task("a", 0, 3), task("b", 1, 2), task("c", 1.5, 4), task("d", 5, 6)]) == 3
    assert most_at_once([]) == 0


def test_an_errback_in_the_process_or_thread_of_the_failed_task_counts() -> None:
    assert in_slot_of_failed(way(mark(pid=7))) == 1
    assert in_slot_of_failed(way(mark(pid=8))) == 0
    assert in_slot_of_failed(way(mark(pid=7, task="another"))) == 0
    assert in_slot_of_failed(way(mark(pid=11, thread=12, task=ERRBACK))) == 1
    assert in_slot_of_failed(way(mark(pid=11, thread=13, task=ERRBACK))) == 0


def test_how_long_the_submitter_stood_still_is_the_sum_of_what_it_noted() -> None:
    made = way()
    made.scene.lab.note("blocked", "get 1", 0.0, 0.5)
    made.scene.lab.note("computes", "own work", 0.5, 0.9)
    made.scene.lab.note("blocked", "get 2", 1.0, 1.25)
    assert made.blocked_s == 0.75
    assert [one.label for one in tasks_of(made, ERRBACK)] == [ERRBACK]
