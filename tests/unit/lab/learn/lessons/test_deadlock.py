"""Who takes which locks in which order, what the watching task saw, and when slots are stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.lessons.deadlock.judge import WATCH, WAYS, Way, judged, seeing
from lab.learn.lessons.deadlock.subtasks import SAME, Family, knot
from lab.learn.lessons.deadlock.two_locks import Pace, errands_of
from lab.results.lesson import Wait

PACE = Pace(pause_s=0.2, patience_s=1.0)
CIRCLE = (
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


def orders(ring: int, way: Way) -> list[str]:
    return ["".join(errand.locks) for errand in errands_of(ring, way, "redis", "s", PACE)]


def test_in_opposite_order_the_locks_make_a_ring_and_one_task_shares_none() -> None:
    assert orders(2, "opposite order") == ["ab", "ba", "cd"]
    assert orders(4, "opposite order") == ["ab", "bc", "cd", "da", "ef"]


def test_in_one_order_nobody_goes_back() -> None:
    assert orders(2, "one order") == ["ab", "ab", "cd"]
    assert orders(4, "one order") == ["ab", "bc", "cd", "ad", "ef"]


@pytest.mark.parametrize("way", WAYS)
def test_every_task_works_equally_long_and_its_waits_have_a_bound(way: Way) -> None:
    for errand in errands_of(3, way, "worker", "s", PACE):
        held_s = errand.pause_s * (len(errand.locks) - 1) + errand.work_s
        assert held_s == pytest.approx(0.3)
        assert 0 < errand.patience_s <= 3.0
        assert bool(errand.back_off_s) == (way == "back-off")
        assert errand.party == 4


def ran() -> SceneRun:
    """Two who gave each other up, one who worked, and one who watched from 0.5 s on."""
    blocked = Note(doing="blocked", what="has a, wants b", started_s=0.7, finished_s=1.7)
    sights = [
        [0.0, {}, {}],
        [0.2, {"a": "task 1", "b": "task 2"}, {"task 1": "b", "task 2": "a"}],
        [1.2, {"b": "task 2"}, {}],
    ]
    return SceneRun(
        title="t",
        tasks=(
            task(WATCH, sights, 0.5, 2.0),
            task("task 1", {"done": False, "retries": 0}, 0.5, 1.7, blocked),
            task("task 2", {"done": True, "retries": 2}, 0.5, 1.9, blocked),
            task("task 3", {"done": True, "retries": 0}, 0.5, 0.8),
        ),
    )


def test_what_was_seen_is_put_on_the_scene_s_time_axis() -> None:
    outcome = judged("worker", "opposite order", ran(), 0.3)
    [stall] = outcome.found
    assert stall.waits == CIRCLE
    assert (stall.from_s, stall.to_s) == pytest.approx((0.7, 1.7))
    assert outcome.stalled_s == pytest.approx(1.0)
    assert (outcome.tasks, outcome.worked, outcome.retries) == (3, 2, 2)
    assert outcome.gave_up_s == 1.7
    assert outcome.had_to_wait == 2


def test_nobody_who_gave_up_is_at_no_time() -> None:
    [watch, _, *others] = ran().tasks
    outcome = judged(
        "redis", "one order", replace(ran(), tasks=(replace(watch, value=[]), *others)), 0.3
    )
    assert outcome.gave_up_s == float("inf")
    assert outcome.row[4] is None


def test_the_watching_lane_shows_when_the_circle_was_there() -> None:
    outcome = judged("worker", "opposite order", ran(), 0.3)
    noted = seeing(ran().tasks[0], outcome.found).notes
    assert [note.what for note in noted] == ["sees no cycle", "sees the cycle", "sees no cycle"]
    assert [note.started_s for note in noted] == pytest.approx([0.5, 0.7, 1.7])
    assert noted[-1].finished_s == 2.0


def family(slots: int, child_at_s: float) -> Family:
    tasks = (
        task("parent 1", False, 0.0, 1.0),
        task("parent 2", False, 0.1, 1.1),
        task("child 1", True, child_at_s, child_at_s + 0.3),
    )
    return Family(how=SAME, slots=slots, ran=SceneRun(title="t", tasks=tasks))


def test_slots_are_stuck_where_parents_have_all_and_no_child_has_begun() -> None:
    assert [wait.what for wait in knot(family(2, 1.01))] == ["a result", "a slot"]


@pytest.mark.parametrize(("slots", "child_at_s"), [(3, 1.01), (2, 0.5)])
def test_slots_are_not_stuck_where_one_is_free_or_a_child_has_begun(
    slots: int, child_at_s: float
) -> None:
    assert knot(family(slots, child_at_s)) == ()
