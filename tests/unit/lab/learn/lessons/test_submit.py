"""How many tasks ran at once, and whether an errback ran where its task had failed."""

from __future__ import annotations

from lab.learn.engine.open_scene import OpenScene
from lab.learn.lessons.submit.method_run import ERRBACK, ErrbackMark, MethodRun, most_at_once
from producer.ledger import Ledger
from tests.unit.lab.learn.lessons.made import ran, task
from worker.probe import Clock


def method_run(*marks: ErrbackMark) -> MethodRun:
    scene = OpenScene(title="a method", ledger=Ledger("run.1"), clock=Clock(0.0, 0.0))
    made = MethodRun(name="a method", scene=scene, marks=list(marks))
    made.ran = ran(
        task("work 1", 0, 1, slot="7", error="failed: so"), task(ERRBACK, 1, 2, slot="11/12")
    )
    return made


def mark(pid: int, thread: int = 1, task: str = "work 1") -> ErrbackMark:
    return ErrbackMark(task_id=f"id of {task}", host="here", pid=pid, thread=thread, at_s=1.0)


def test_tasks_one_after_the_other_never_run_at_once() -> None:
    assert most_at_once([task("a", 0, 1), task("b", 1, 2), task("c", 2.5, 3)]) == 1


def test_tasks_that_overlap_are_counted_together() -> None:
    assert most_at_once([task("a", 0, 3), task("b", 1, 2), task("c", 1.5, 4), task("d", 5, 6)]) == 3
    assert most_at_once([]) == 0


def test_an_errback_in_the_process_or_thread_of_the_failed_task_counts() -> None:
    assert method_run(mark(pid=7)).errbacks_in_failed_slot == 1
    assert method_run(mark(pid=8)).errbacks_in_failed_slot == 0
    assert method_run(mark(pid=7, task="another")).errbacks_in_failed_slot == 0
    assert method_run(mark(pid=11, thread=12, task=ERRBACK)).errbacks_in_failed_slot == 1
    assert method_run(mark(pid=11, thread=13, task=ERRBACK)).errbacks_in_failed_slot == 0


def test_the_blocked_time_is_the_sum_of_the_blocked_notes() -> None:
    made = method_run()
    made.scene.lab.note("blocked", "get 1", 0.0, 0.5)
    made.scene.lab.note("computes", "own work", 0.5, 0.9)
    made.scene.lab.note("blocked", "get 2", 1.0, 1.25)
    assert made.blocked_s == 0.75
    assert [one.label for one in made.labelled(ERRBACK)] == [ERRBACK]
