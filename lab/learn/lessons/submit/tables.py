"""The tables of the lesson `submit`: how long each method took, and where callbacks ran; pure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from lab.format import words
from lab.learn.engine.scene_run import TaskRun
from lab.learn.lessons.submit.method_run import (
    BODY,
    CALLBACK,
    CHORD,
    ERRBACK,
    LINK_ERROR,
    MethodRun,
    SubmitObservations,
)
from lab.results.lesson import Cell, Column, Table

TIME_COLUMNS: Final = (
    Column(heading="method"),
    Column(heading="time to submit", unit="seconds"),
    Column(heading="first result", unit="seconds"),
    Column(heading="last result", unit="seconds"),
    Column(heading="client blocked", unit="seconds"),
    Column(heading="results handled in"),
)
CALLBACK_COLUMNS: Final = (
    Column(heading="callback"),
    Column(heading="times", unit="count"),
    Column(heading="how it is called"),
    Column(heading="runs in"),
)


def tables(observed: SubmitObservations) -> tuple[Table, ...]:
    """Return the times of all methods, and where each kind of callback ran."""
    return (_times(observed), _callbacks(observed))


def _times(observed: SubmitObservations) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            run.name,
            run.submitted_s,
            min(run.result_at_s),
            run.last_result_s,
            run.blocked_s,
            _handled_in(observed, run),
        )
        for run in observed.runs.values()
    ]
    setup = observed.setup
    title = (
        f"{setup.tasks} tasks of {words.duration(setup.pause_s)} on {setup.worker.node}, "
        f"{observed.slots} slots"
    )
    return Table(title=title, columns=TIME_COLUMNS, rows=tuple(rows))


def _handled_in(observed: SubmitObservations, run: MethodRun) -> str:
    node = observed.setup.callback_worker.node
    if run.name == CHORD:
        return f"{node}, then client"
    return node if run.labelled(CALLBACK) else "client"


def _callbacks(observed: SubmitObservations) -> Table:
    linked = observed.linked
    failing = observed.runs[LINK_ERROR]
    errbacks = failing.labelled(ERRBACK)
    bodies = observed.runs[CHORD].labelled(BODY)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("link", len(linked), "sent as a task when the task succeeds", _slots_used(linked)),
        (
            "link_error(task_id)",
            len(errbacks),
            "sent as a task when the task fails",
            _slots_used(errbacks),
        ),
        (
            "link_error(request, exc, traceback)",
            len(failing.marks),
            "called in the slot whose task failed",
            observed.setup.worker.node,
        ),
        (
            "chord body",
            len(bodies),
            "sent as a task by the last task of the group to finish",
            _slots_used(bodies),
        ),
        (
            "add_done_callback",
            1,
            "called by concurrent.futures",
            f"client, pid {observed.local.callback_pid}",
        ),
    )
    title = f"Which callbacks ran, and where (the client is pid {os.getpid()})"
    return Table(title=title, columns=CALLBACK_COLUMNS, rows=rows)


def _slots_used(called: Sequence[TaskRun]) -> str:
    """Write, for each worker, how many of its slots ran the tasks."""
    used: dict[str, set[str]] = {}
    for task in called:
        used.setdefault(task.node, set()).add(task.slot)
    each = (f"{node} ({len(own)} slot{'s' * (len(own) > 1)})" for node, own in used.items())
    return ", ".join(each) or "nowhere"
