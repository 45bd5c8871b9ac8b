"""The lesson `submit` reports callbacks that ran in the wrong place or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import TaskRun
from lab.learn.lessons.submit.judge import judge
from lab.learn.lessons.submit.method_run import (
    BODY,
    CALLBACK,
    CHORD,
    COLLECT_LATER,
    ERRBACK,
    GROUP,
    LINK,
    LINK_ERROR,
    ONE_BY_ONE,
    ErrbackMark,
    LocalCallback,
    MethodRun,
    SubmitObservations,
    SubmitSetup,
)
from lab.session.protocols import Worker
from producer.ledger import Ledger
from tests.unit.lab.learn.lessons.made import ran, task
from worker.probe import Clock

TASKS = 4
NODE = "threads@here"


class NamedWorker:
    """A worker of which only the name is used."""

    def __init__(self, node: str) -> None:
        self.node = node


def named(node: str) -> Worker:
    worker: Worker = NamedWorker(node)  # type: ignore[assignment]
    return worker


def run(name: str, *tasks: TaskRun, submitted_s: float = 0.01, last_s: float = 0.4) -> MethodRun:
    scene = OpenScene(title=name, ledger=Ledger("run.1"), clock=Clock(0.0, 0.0))
    made = MethodRun(name=name, scene=scene, submitted_s=submitted_s, result_at_s=[0.2, last_s])
    made.values = list(range(TASKS))
    made.ran = ran(*tasks)
    return made


def called(label: str, number: int, value: object) -> TaskRun:
    return task(label, 1, 2, value, task_id=f"{label} {number}", node=NODE, slot="11/12")


def callbacks(numbers: range) -> list[TaskRun]:
    return [called(CALLBACK, n, [n, "elsewhere", 11]) for n in numbers]


def observed() -> SubmitObservations:
    """Return what four tasks on four slots should show; of link_error's tasks, two fail."""
    works = [task(f"work {n}", n, n + 1) for n in range(TASKS)]
    waiting = run(ONE_BY_ONE, *works, submitted_s=1.5, last_s=2.0)
    waiting.scene.lab.note("blocked", "get 1", 0.0, 1.9)
    failed = [task(f"work {n}", 0, 1, slot="7", error="failed: so") for n in (1, 3)]
    errbacks = [called(ERRBACK, n, [one.task_id, "", 0]) for n, one in enumerate(failed)]
    failing = run(LINK_ERROR, *failed, *errbacks, *callbacks(range(2)))
    failing.marks = [
        ErrbackMark(task_id=one.task_id, host="here", pid=7, thread=1, at_s=1.0) for one in failed
    ]
    runs = (
        waiting,
        run(COLLECT_LATER),
        run(LINK, *callbacks(range(TASKS))),
        failing,
        run(GROUP),
        run(CHORD, called(BODY, 1, [list(range(TASKS)), "elsewhere", 11])),
    )
    return SubmitObservations(
        setup=SubmitSetup(
            tasks=TASKS, pause_s=0.2, worker=named("prefork@here"), callback_worker=named(NODE)
        ),
        runs={one.name: one for one in runs},
        slots=4,
        local=LocalCallback(work_pid=1, callback_pid=os.getpid()),
    )


def failed_claims(observations: SubmitObservations) -> list[str]:
    return [claim.says for claim in judge(observations).claims if not claim.holds]


def test_every_claim_holds_for_the_expected_observations() -> None:
    found = judge(observed())
    assert failed_claims(observed()) == []
    assert [len(table.rows) for table in found.tables] == [6, 5]
    assert f"4 of 4 callbacks ran in {NODE}" in found.verdict


def a_callback_in_the_submitters_node(runs: dict[str, MethodRun]) -> None:
    away = task(CALLBACK, 1, 2, [0, "elsewhere", 11], node="lab@here")
    runs[LINK].ran = ran(away, *callbacks(range(1, TASKS)))


def an_errback_elsewhere(runs: dict[str, MethodRun]) -> None:
    runs[LINK_ERROR].marks = runs[LINK_ERROR].marks[:1]


def an_errback_too_few(runs: dict[str, MethodRun]) -> None:
    tasks = runs[LINK_ERROR].ran.tasks
    first = next(one for one in tasks if one.label == ERRBACK)
    runs[LINK_ERROR].ran = ran(*(one for one in tasks if one is not first))


def a_group_out_of_order(runs: dict[str, MethodRun]) -> None:
    runs[GROUP].values = [1, 0, 2, 3]


def a_chord_without_a_body(runs: dict[str, MethodRun]) -> None:
    runs[CHORD].ran = ran()


@pytest.mark.parametrize(
    ("spoil", "claim"),
    [
        (a_callback_in_the_submitters_node, "every link callback runs in a worker's slot"),
        (an_errback_elsewhere, "an errback that takes the exception is called in the slot"),
        (an_errback_too_few, "only tasks that fail call link_error"),
        (a_group_out_of_order, "a group returns all results together"),
        (a_chord_without_a_body, "a chord's body runs once"),
    ],
)
def test_a_claim_fails_if_a_method_shows_otherwise(
    spoil: Callable[[dict[str, MethodRun]], None], claim: str
) -> None:
    observations = observed()
    runs = dict(observations.runs)
    spoil(runs)
    [says] = failed_claims(observations)
    assert says.startswith(claim)
