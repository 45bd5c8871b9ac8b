"""The reasons why tasks are lost, held, failed or run twice, and what helps.

Each has been checked in the source of Celery and kombu at the versions that Poolwise requires;
`docs/reliability.md` names the places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lab.chaos.faults.fault import Target
from lab.chaos.trial.delivery import DELIVERIES
from lab.results.chaos import ChaosCell
from tasks.transport_options import TRANSPORTS

#: Settings under which a task is acknowledged when it starts.
EARLY: Final = frozenset({"defaults"})
#: Settings with Poolwise's worker code, and those that reject a task whose process dies.
_WORKER_CODE: Final = frozenset({"poolwise"})
_REJECTING: Final = frozenset({"reject-on-lost", "poolwise"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason, and the cells that it explains."""

    count: Callable[[ChaosCell], int]  # the tasks in a cell that it explains
    early: bool | None  # only early, or only late acknowledgement; None: both
    targets: frozenset[Target]
    what: str  # what happened to the tasks
    why: str
    cure: str
    #: The faults that it explains; none: any. The same for the pool.
    faults: frozenset[str] = frozenset()
    pool: str = ""
    cured: frozenset[str] = frozenset()  # settings that already have the cure
    stock: bool = False  # whether it explains only cells on kombu's own transport


_MEMORY_ERROR: Final = frozenset({"memory-error"})
_CLOCK: Final = frozenset({"clock-ahead", "clock-behind"})
_MEMORY_ERROR_WHY: Final = (
    "Celery raises a task's MemoryError a second time, in the process that acknowledges messages. "
    "Under prefork, that is the worker's main process: it ends, or hangs without running tasks."
)
_LOWER: Final = (
    "Lower visibility_timeout in broker_transport_options, but keep it above the longest time for "
    "which a worker holds a message: its wait for a slot or an ETA, and its run time"
)
_WORKER: Final[frozenset[Target]] = frozenset({"worker"})
_BROKER: Final[frozenset[Target]] = frozenset({"broker", "network"})


def _taken_over(cell: ChaosCell) -> int:
    """Count what ran twice, if workers take over the messages of others that seem dead."""
    delivery = DELIVERIES.get(cell.settings)
    takes_over = cell.transport != TRANSPORTS[0] or (delivery and delivery.returns_s is not None)
    return cell.account.twice_by_fault if takes_over else 0


#: The first that fits explains a cell's tasks of one kind, so special ones come first.
REASONS: Final = (
    Reason(
        count=lambda cell: cell.account.lost,
        early=False,
        targets=_WORKER,
        what="lost",
        why="On SIGQUIT, Celery ends the greenlets of a gevent worker and acknowledges their "
        "tasks, even with task_acks_late.",
        cure="Stop gevent workers with SIGTERM, and give them enough time. Or use Poolwise's "
        "worker code (-I worker.startup), which does not acknowledge these tasks.",
        faults=frozenset({"cold-shutdown"}),
        pool="gevent",
        cured=_WORKER_CODE,
    ),
    Reason(
        count=lambda cell: cell.account.failed,
        early=None,
        targets=_WORKER,
        what="failed",
        why="On SIGQUIT, Celery stores the running task of a solo worker as a failure and "
        "acknowledges it, even with task_acks_late.",
        cure="Stop solo workers with SIGTERM, and give them enough time.",
        faults=frozenset({"cold-shutdown"}),
        pool="solo",
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
            cure="Catch MemoryError in the task. Or use Poolwise's worker code (-I "
            "worker.startup), which puts such a message back into its queue if task_acks_late and "
            "task_reject_on_worker_lost are set.",
            faults=_MEMORY_ERROR,
            cured=_WORKER_CODE,
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
        what="started before the ETA",
        why="A worker compares the ETA with the wall clock of its own machine, which was ahead.",
        cure="Synchronise the clocks of all machines.",
        faults=_CLOCK,
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=True,
        targets=_WORKER,
        what="lost",
        why="Celery acknowledges a task when it starts, so Redis no longer has the tasks that were "
        "running when a worker died.",
        cure="Set task_acks_late, if the task may run twice.",
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=False,
        targets=_WORKER,
        what="lost",
        why="kombu takes a message from its queue with BRPOP, and only then notes it as "
        "unacknowledged. A message whose worker dies in between is in neither place.",
        cure="No setting closes this gap. The lease transport (docs/transport.md) does: it takes a "
        "message and notes it in one step.",
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=None,
        targets=_BROKER,
        what="lost",
        why="A message was on its way to a worker when the connection broke: Redis had removed it "
        "from its queue (BRPOP), and the worker had not noted it as unacknowledged. After a kill, "
        "Redis also loses what it had not written to disk.",
        cure="For messages on their way, neither a setting nor Poolwise's worker code helps, but "
        "the lease transport (docs/transport.md) does: it takes a message and notes it in one "
        "step. For the disk, set appendfsync to always.",
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.lost,
        early=None,
        targets=_BROKER,
        what="lost",
        why="Redis was killed before it had written the messages to its disk.",
        cure="Set appendfsync to always.",
        faults=frozenset({"redis-kill"}),
    ),
    Reason(
        count=lambda cell: cell.account.held,
        early=None,
        targets=_BROKER,
        what="held",
        why="A worker had fetched the messages, and could not put them back when its connection "
        "broke, or ended because of that: they stay in Redis as unacknowledged until the "
        "visibility timeout.",
        cure=f"{_LOWER}. Or use the lease transport (docs/transport.md) or Poolwise's worker code "
        "(celery worker -I worker.startup): such workers keep these messages or take them over.",
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.held,
        early=None,
        targets=_WORKER,
        what="held",
        why="The messages that a dead worker had fetched stay in Redis as unacknowledged. Other "
        "workers take them after the visibility timeout, an hour by default.",
        cure=f"{_LOWER}. Or use the lease transport (docs/transport.md) or Poolwise's worker code "
        "(celery worker -I worker.startup): such workers take over the messages of a dead one "
        "sooner.",
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.failed,
        early=None,
        targets=_WORKER,
        what="failed",
        why="The process of a slot died. Celery stores the failure (WorkerLostError) and does not "
        "run the task again.",
        cure="Set task_acks_late and task_reject_on_worker_lost, if the task may run twice.",
        cured=_REJECTING,
    ),
    Reason(
        count=_taken_over,
        early=None,
        targets=_WORKER | _BROKER,
        what="run twice",
        why="The worker was away for so long that others took over its messages. It still ran the "
        "tasks that it held.",
        cure="Make tasks idempotent: a worker that is away looks the same as a dead one.",
        faults=frozenset({"stall", "net-cut", "net-half-open", "net-forgotten"}),
    ),
    Reason(
        count=lambda cell: cell.account.twice_by_fault,
        early=None,
        targets=_WORKER,
        what="run twice",
        why="A process of the pool had received the task, but had not yet reported its start. "
        "Celery forgets such tasks when the worker shuts down (AsynPool.flush), and their messages "
        "go back to the queue, although the process runs them.",
        cure="Start your workers with Poolwise's worker code (-I worker.startup), which waits for "
        "these tasks.",
        faults=frozenset({"warm-shutdown"}),
        pool="prefork",
        cured=_WORKER_CODE,
    ),
    Reason(
        count=lambda cell: cell.account.twice_by_fault,
        early=None,
        targets=_BROKER,
        what="run twice",
        why="When its connection breaks, a worker puts the messages that it has fetched and not "
        "acknowledged back into the queue, but still runs their tasks.",
        cure="Make tasks idempotent. Setting worker_cancel_long_running_tasks_on_connection_loss "
        "makes prefork and gevent workers end running tasks instead.",
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.twice_by_fault,
        early=None,
        targets=_WORKER,
        what="run twice",
        why="The task had ended, but its acknowledgement did not reach Redis before the fault, so "
        "another worker ran it again.",
        cure="This cannot be prevented without risking lost tasks: make tasks idempotent.",
    ),
    Reason(
        count=lambda cell: cell.account.twice_otherwise,
        early=None,
        targets=_BROKER,
        what="run twice without a fault in between",
        why="The message went back to the queue while its task still ran. A worker does that "
        "whenever it reconnects, and it may reconnect some time after a fault.",
        cure="Make tasks idempotent.",
        cured=_WORKER_CODE,
        stock=True,
    ),
    Reason(
        count=lambda cell: cell.account.twice_otherwise,
        early=None,
        targets=_WORKER,
        what="run twice without a fault in between",
        why="The message was delivered again while its task still ran: the visibility timeout is "
        "shorter than the task.",
        cure="Raise visibility_timeout.",
        stock=True,
    ),
)
