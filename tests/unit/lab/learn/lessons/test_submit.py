"""How many tasks were at work at once, and whether an errback ran where its task had failed."""

from __future__ import annotations

from lab.learn.engine.under_way import UnderWay
from lab.learn.lessons.submit.submitted import (
    ERRBACK,
    Mark,
    Way,
    acts,
    in_slot_of_failed,
    most_at_once,
)
from producer.ledger import Ledger
from tests.unit.lab.learn.lessons.made import act, played
from worker.probe import Clock


def way(*marks: Mark) -> Way:
    scene = UnderWay(title="a way", ledger=Ledger("run.1"), clock=Clock(0.0, 0.0))
    made = Way(name="a way", scene=scene, marks=list(marks))
    made.played = played(
        act("work 1", 0, 1, slot="7", error="failed: so"), act(ERRBACK, 1, 2, slot="11/12")
    )
    return made


def mark(pid: int, thread: int = 1, task: str = "work 1") -> Mark:
    return Mark(task_id=f"id of {task}", host="here", pid=pid, thread=thread, at_s=1.0)


def test_tasks_one_after_the_other_are_never_two() -> None:
    assert most_at_once([act("a", 0, 1), act("b", 1, 2), act("c", 2.5, 3)]) == 1


def test_tasks_side_by_side_are_counted_where_they_overlap() -> None:
    assert most_at_once([act("a", 0, 3), act("b", 1, 2), act("c", 1.5, 4), act("d", 5, 6)]) == 3
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
    assert [one.label for one in acts(made, ERRBACK)] == [ERRBACK]
