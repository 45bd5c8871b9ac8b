"""The tables of the lesson `deadlock`; pure."""

from __future__ import annotations

from typing import Final

from lab.learn.lessons.deadlock.lock_run import PLACES, LockRun
from lab.learn.lessons.deadlock.observations import DeadlockObservations
from lab.learn.lessons.deadlock.subtask_run import SubtaskRuns
from lab.results.lesson import Cell, Column, Table

LOCK_COLUMNS: Final = (
    Column(heading="locks in"),
    Column(heading="strategy"),
    Column(heading="got their locks"),
    Column(heading="retries", unit="count"),
    Column(heading="deadlocked", unit="seconds"),
    Column(heading="waited for locks", unit="seconds"),
    Column(heading="time", unit="seconds"),
)
SUBTASK_COLUMNS: Final = (
    Column(heading="a parent"),
    Column(heading="slots", unit="count"),
    Column(heading="results"),
    Column(heading="gave up", unit="count"),
    Column(heading="slot time spent waiting", unit="seconds"),
    Column(heading="time", unit="seconds"),
)


def tables(observed: DeadlockObservations) -> tuple[Table, ...]:
    """Return what became of tasks that need two locks, and of tasks that wait for tasks."""
    locks = tuple(lock_row(run) for run in observed.locks.values())
    return (
        Table(title="Tasks that need two locks each", columns=LOCK_COLUMNS, rows=locks),
        Table(
            title="Tasks that wait for tasks",
            columns=SUBTASK_COLUMNS,
            rows=_subtask_rows(observed.subtasks),
        ),
    )


def lock_row(run: LockRun) -> tuple[Cell, ...]:
    """Return a row with LOCK_COLUMNS."""
    return (
        PLACES[run.place],
        run.strategy,
        run.done_of_all,
        run.retries,
        run.deadlocked_s or None,
        sum(run.waited_s),
        run.ran.makespan_s,
    )


def _subtask_rows(runs: SubtaskRuns) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (
            run.method,
            run.slots,
            run.results_of_all,
            run.gave_up,
            run.waiting_s,
            run.ran.makespan_s,
        )
        for run in (runs.same_queue, runs.chain, runs.other_queue)
    )
