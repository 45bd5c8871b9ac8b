"""What a scene's tasks did comes out of their records and results whole."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun, task
from producer.records import Record

RECORD = Record(
    run="r",
    task_id="t1",
    task="lessons.gil.take",
    node="threads@here",
    pool="threads",
    slot="11/12",
    due=100.0,
    sent=100.0,
    received=100.5,
    started=101.0,
    finished=103.0,
    outcome="succeeded",
    redelivered=False,
    runtime=2.0,
)


def one(task_id: str, slot: str, started_s: float, finished_s: float, node: str = "a@b") -> TaskRun:
    return TaskRun(
        task_id=task_id,
        label=task_id,
        node=node,
        slot=slot,
        received_s=started_s,
        started_s=started_s,
        finished_s=finished_s,
        value=None,
        notes=(),
    )


def test_notes_lie_on_the_scene_s_time_axis() -> None:
    meta = {"result": {"value": 7, "notes": [["blocked", "mutex", 0.25, 0.75]]}}
    made = task(RECORD, meta, "take 1", zero=100.0)
    assert (made.value, made.error, made.pid) == (7, "", 11)
    assert made.notes == (Note(doing="blocked", what="mutex", started_s=1.25, finished_s=1.75),)


def test_a_plain_result_is_the_value_and_has_no_notes() -> None:
    made = task(RECORD, {"result": 3}, "sleep", zero=100.0)
    assert (made.value, made.notes) == (3, ())


def test_a_failure_says_why_and_hands_in_nothing() -> None:
    made = task(replace(RECORD, outcome="failed"), {"result": ValueError("no")}, "x", zero=100.0)
    assert made.value is None
    assert made.error == "failed: no"


def test_a_task_that_never_reached_a_slot_starts_when_it_was_received() -> None:
    made = task(replace(RECORD, started=None, slot=None), {}, "x", zero=100.0)
    assert (made.started_s, made.slot) == (0.5, "?")


def test_greenlets_take_lanes_and_processes_keep_theirs() -> None:
    tasks = (one("t1", "9#1", 0.0, 1.0), one("t2", "9#2", 0.1, 0.9), one("t3", "9#3", 1.0, 2.0))
    scene = SceneRun(title="t", tasks=tasks, slots={"a@b": 2}).scene()
    assert [lane.slot for lane in scene.lanes] == ["lane 1", "lane 2"]
    own = tuple(one(f"p{n}", "77", float(n), n + 0.5) for n in range(3))
    assert [lane.slot for lane in SceneRun(title="t", tasks=own).scene().lanes] == ["77"]


def test_an_excerpt_keeps_the_first_tasks_of_each_worker() -> None:
    tasks = tuple(
        one(f"{node}{n}", f"{n}", n + shift, n + 1.0, node)
        for n in range(4)
        for node, shift in (("a", 0.0), ("b", 0.5))
    )
    kept = SceneRun(title="t", tasks=tasks).excerpt(2).tasks
    assert [task.task_id for task in kept] == ["a0", "b0", "a1", "b1"]


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.floats(0.001, 5), st.sampled_from("xyz")),
        min_size=1,
        max_size=30,
    )
)
def test_every_task_has_a_bar_in_a_lane_that_exists(
    drawn: list[tuple[float, float, str]],
) -> None:
    tasks = tuple(
        sorted(
            (
                one(f"t{n}", f"9#{n}", start, start + wide, node)
                for n, (start, wide, node) in enumerate(drawn)
            ),
            key=lambda task: task.started_s,
        )
    )
    scene = SceneRun(title="t", tasks=tasks, slots=dict.fromkeys("xyz", 2)).scene()
    assert {bar.who for bar in scene.bars} == {task.label for task in tasks}
    assert {bar.lane for bar in scene.bars} == set(range(len(scene.lanes)))
    by_label = {task.label: task.node for task in tasks}
    assert all(scene.lanes[bar.lane].node == by_label[bar.who] for bar in scene.bars)
