"""Explains the cells of a matrix: why tasks were lost, held or failed, and what helps.

Each reason has been checked in the source of Celery and kombu at the versions that Poolwise
requires; `docs/reliability.md` names the places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lab.chaos.fault import Target
from lab.chaos.faults import FAULTS
from lab.results.chaos import ChaosCell, Explanation

#: Settings under which a task is acknowledged when it starts.
EARLY: Final = frozenset({"defaults"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason, and the cells that it explains."""

    count: Callable[[ChaosCell], int]  # the tasks in a cell that it explains
    early: bool | None  # only early, or only late acknowledgement; None: both
    targets: frozenset[Target]
    what: str  # what happened to the tasks
    why: str
    cure: str
    #: The faults that it explains; none: all that have no reason of their own for this.
    faults: frozenset[str] = frozenset()


_MEMORY_ERROR: Final = frozenset({"memory-error"})
_CLOCK: Final = frozenset({"clock-ahead", "clock-behind"})
_MEMORY_ERROR_WHY: Final = (
    "Celery raises a task's MemoryError again where it would acknowledge the message: under "
    "prefork, that is the worker's main process, which ends, or hangs without running tasks."
)
_WORKER: Final[frozenset[Target]] = frozenset({"worker", "network"})
_BROKER: Final[frozenset[Target]] = frozenset({"broker"})

_REASONS: Final = (
    Reason(
        count=lambda cell: cell.account.lost,
        early=True,
        targets=_WORKER,
        what="lost",
        why="Celery acknowledges a task when it starts, so Redis no longer has the tasks that run "
        "when a worker dies.",
        cure="Set task_acks_late, if the task may run twice.",
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=False,
        targets=_WORKER,
        what="lost",
        why="kombu takes a message from its queue with BRPOP, and only then notes it as "
        "unacknowledged. A message whose worker dies in between is nowhere.",
        cure="No setting closes this gap: it needs a transport that does both in one step.",
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=None,
        targets=_BROKER,
        what="lost",
        why="Redis had confirmed the messages but not written them to disk yet, or had sent them "
        "to workers that did not receive them.",
        cure="Set appendfsync to always; for messages on the way to a worker, no setting helps.",
    ),
    Reason(
        count=lambda cell: cell.account.held,
        early=None,
        targets=_WORKER | _BROKER,
        what="held",
        why="The messages that a dead worker had fetched stay in Redis as unacknowledged. Other "
        "workers take them after the visibility timeout, an hour by default.",
        cure="Set visibility_timeout to slightly more than your longest task takes, or use workers "
        "that notice sooner that one has died.",
    ),
    Reason(
        count=lambda cell: cell.account.failed,
        early=None,
        targets=_WORKER,
        what="failed",
        why="The process of a slot died. Celery stores the failure (WorkerLostError) and does not "
        "run the task again.",
        cure="Set task_acks_late and task_reject_on_worker_lost, if the task may run twice.",
    ),
    Reason(
        count=lambda cell: cell.account.twice_by_fault,
        early=None,
        targets=_WORKER | _BROKER,
        what="run twice",
        why="The task had ended, but its acknowledgement did not reach Redis before the fault, so "
        "another worker ran it again.",
        cure="Nothing prevents this if no task may be lost: make tasks idempotent.",
    ),
    Reason(
        count=lambda cell: cell.account.twice_otherwise,
        early=None,
        targets=_WORKER | _BROKER,
        what="run twice without a fault in between",
        why="The message was delivered again while its task still ran: the visibility timeout is "
        "shorter than the task.",
        cure="Raise visibility_timeout.",
    ),
    Reason(
        count=lambda cell: cell.account.failed,
        early=None,
        targets=_WORKER,
        what="failed",
        why="Celery stores MemoryError as a failure like any other exception.",
        cure="Catch MemoryError in the task and retry it.",
        faults=_MEMORY_ERROR,
    ),
    *(
        Reason(
            count=count,
            early=None,
            targets=_WORKER,
            what=what,
            why=_MEMORY_ERROR_WHY,
            cure="Catch MemoryError in the task, or use workers that return such a message.",
            faults=_MEMORY_ERROR,
        )
        for what, count in (
            ("lost", lambda cell: cell.account.lost),
            ("held", lambda cell: cell.account.held),
        )
    ),
    Reason(
        count=lambda cell: cell.account.early,
        early=None,
        targets=_WORKER,
        what="run before their ETA",
        why="A worker compares the ETA with the wall clock of its own machine, which was ahead.",
        cure="Synchronise the clocks of all machines.",
        faults=_CLOCK,
    ),
)


def explanations(cells: Sequence[ChaosCell]) -> tuple[Explanation, ...]:
    """Return a reason for each group of cells of the same settings, those with most tasks first."""
    found = []
    for name in dict.fromkeys(one.settings for one in cells):
        own = [one for one in cells if one.settings == name and not one.skipped]
        for reason in _REASONS:
            hit = [one for one in own if _explains(reason, one)]
            if hit:
                found.append(_explanation(name, reason, hit))
    return tuple(found)


def _explains(reason: Reason, cell: ChaosCell) -> bool:
    fits = reason.early is None or reason.early == (cell.settings in EARLY)
    target = FAULTS[cell.fault].target if cell.fault in FAULTS else "worker"
    named = {fault for one in _REASONS if one.what == reason.what for fault in one.faults}
    meant = cell.fault in reason.faults if reason.faults else cell.fault not in named
    return fits and meant and reason.count(cell) > 0 and target in reason.targets


def _explanation(name: str, reason: Reason, cells: Sequence[ChaosCell]) -> Explanation:
    return Explanation(
        settings=name,
        what=reason.what,
        tasks=sum(map(reason.count, cells)),
        faults=tuple(dict.fromkeys(one.fault for one in cells)),
        pools=tuple(dict.fromkeys(one.pool for one in cells)),
        why=reason.why,
        cure=reason.cure,
    )
