"""Explains what became of bad messages: why, and what helps.

Each reason has been checked in the source of Celery and kombu, as those in `lab/chaos/reasons.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lab.chaos.faults.fault import Target
from lab.chaos.reasons import Reason
from lab.results.chaos import BadMessages, ChaosCell
from worker.delivery.limits import DEATHS_VARIABLE

_MESSAGE: Final[frozenset[Target]] = frozenset({"message"})

_KEEP: Final = (
    "Start your workers with -I worker.startup, which keeps such messages as dead letters "
    "(poolwise dead list)."
)
_GIVE_UP: Final = (
    "Start your workers with -I worker.startup, which makes a message a dead letter after several "
    f"deaths ({DEATHS_VARIABLE}). Celery has no setting for this."
)


def _in(names: str, count: Callable[[BadMessages], int]) -> Callable[[ChaosCell], int]:
    """Return what counts something, but only in cells of these faults."""
    faults = frozenset(names.split())

    def counted(cell: ChaosCell) -> int:
        return count(cell.messages) if cell.messages and cell.fault in faults else 0

    return counted


def _others_lost(cell: ChaosCell) -> int:
    return cell.account.lost - cell.messages.account.lost if cell.messages else 0


def _others_twice(cell: ChaosCell) -> int:
    """Return how many tasks of the load ran twice, because kombu could not read a message."""
    if not cell.messages or cell.fault not in {"not-json", "other-json"}:
        return 0
    bad = cell.messages.account
    whole = cell.account
    return whole.twice_by_fault + whole.twice_otherwise - bad.twice_by_fault - bad.twice_otherwise


BAD_REASONS: Final = (
    Reason(
        count=_in("not-json other-json", lambda bad: bad.account.lost),
        early=None,
        targets=_MESSAGE,
        what="lost",
        why="kombu takes a message out of its queue before it reads it. A message that is not JSON "
        "ends the worker, or leaves it hanging; JSON without kombu's envelope makes Celery connect "
        "again, as after a lost connection. Either way, the message is gone.",
        cure=_KEEP,
    ),
    Reason(
        count=_others_twice,
        early=None,
        targets=_MESSAGE,
        what="run twice among the other tasks",
        why="A worker that cannot read a message connects again or ends. It puts back the "
        "messages that it had fetched, although some of their tasks are still running.",
        cure=_KEEP,
    ),
    Reason(
        count=_in("not-a-task broken-body unknown-task", lambda bad: bad.account.refused),
        early=None,
        targets=_MESSAGE,
        what="refused",
        why="Celery logs a message that it cannot run, then removes it.",
        cure=_KEEP,
    ),
    Reason(
        count=_in("killer", lambda bad: bad.account.held if bad.deliveries > 1 else 0),
        early=False,
        targets=_MESSAGE,
        what="delivered again and again",
        why="task_reject_on_worker_lost returns a task to its queue whenever its process dies, and "
        "does not count how often.",
        cure=_GIVE_UP,
    ),
    Reason(
        count=_in("killer", lambda bad: bad.account.held if bad.deliveries <= 1 else 0),
        early=None,
        targets=_MESSAGE,
        what="held",
        why="The task ended its worker before the message was acknowledged. After the visibility "
        "timeout, it ends the next one.",
        cure=_GIVE_UP,
    ),
    Reason(
        count=_others_lost,
        early=True,
        targets=_MESSAGE,
        what="lost among the other tasks",
        why="They ran in the process that the bad message ended, and Celery had acknowledged them "
        "when they started.",
        cure="Set task_acks_late, if tasks may run twice.",
    ),
    Reason(
        count=_others_lost,
        early=False,
        targets=_MESSAGE,
        what="lost among the other tasks",
        why="The bad message ended a worker after it had taken these tasks out of the queue "
        "(BRPOP), but before it had noted that it held them.",
        cure="No setting closes this gap. The lease transport (docs/transport.md) does: it takes a "
        "message and notes it in one step.",
        stock=True,
    ),
    Reason(
        count=_in(
            "long-task late-eta",
            lambda bad: bad.account.twice_by_fault + bad.account.twice_otherwise,
        ),
        early=None,
        targets=_MESSAGE,
        what="run several times",
        why="A task that is not acknowledged within the visibility timeout is delivered again, "
        "while its worker still runs it or waits for its ETA.",
        cure="Set visibility_timeout to more than your longest task takes, and to more than the "
        "longest wait for an ETA.",
        stock=True,
    ),
    Reason(
        count=_in("many-etas", lambda bad: bad.account.held),
        early=None,
        targets=_MESSAGE,
        what="held in the workers' memory",
        why="Workers fetch tasks with an ETA immediately, beyond their prefetch limit, and keep "
        "them until they are due.",
        cure="Set worker_eta_task_limit, or keep far ETAs in a database.",
    ),
    Reason(
        count=_in("ignored-result", lambda bad: bad.account.finished if bad.callers else 0),
        early=None,
        targets=_MESSAGE,
        what="finished without telling the caller",
        why="A task with ignore_result stores nothing, so a caller waits for ever.",
        cure="Store the result of tasks whose callers wait, and give get() a timeout.",
    ),
)
