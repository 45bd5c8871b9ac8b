"""Takes a running worker to its end and makes it another one, in the same process.

It stops fetching, waits for the tasks while the worker still answers remote control, and shuts it
down as SIGTERM does; the very end of the process replaces it by itself with another command line.
It knows nothing of who asked, nor how.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery.signals import worker_ready, worker_shutting_down
from celery.utils.log import worker_logger
from celery.worker import state as held

from worker.pools import Pool, pool_of_implementation
from worker.rewriting import Change, rewritten, without_twins

#: Seconds between two looks at whether all tasks have ended.
LOOK_S: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Restart:
    """A way out under way, and where it leads."""

    pool: Pool
    concurrency: int
    deadline: float
    consumer: Any
    look: Any = None  # the timer's entry
    argv: tuple[str, ...] = ()  # once the worker is shutting down for our sake
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Name the goal for people."""
        return f"{self.pool.name} ×{self.concurrency}"


class ThisWorker:
    """What is remembered of the worker; there is one in a process."""

    start = uuid4().hex
    pid = os.getpid()
    ready = False
    queues: frozenset[str] = frozenset()  # those that the command line meant
    restart: Restart | None = None
    gave_up = ""


@worker_ready.connect(dispatch_uid="poolwise-ready")
def _note_ready(sender: Any, **_: Any) -> None:
    if not ThisWorker.ready:
        ThisWorker.queues = frozenset(sender.app.amqp.queues.consume_from)
    ThisWorker.ready = True


@worker_shutting_down.connect(dispatch_uid="poolwise-ended")
def _forget(**_: Any) -> None:
    """End for good: somebody sent a signal, which counts more than a switch."""
    ThisWorker.restart = None


def _change(worker: Any, pool: Pool, concurrency: int) -> Change:
    """Name the queues only where remote control has changed them since the start.

    Celery takes a typed default for no choice at all and lets the setting `worker_pool` decide;
    another name of the same pool is a choice.
    """
    queues = tuple(sorted(worker.app.amqp.queues.consume_from))
    names = {pool.name, *pool.aliases}
    overruled = worker.app.conf.worker_pool not in names
    return Change(
        old=pool_of_implementation(worker.pool_cls.__module__),
        new=pool,
        spelling=pool.aliases[0] if overruled and pool.aliases else pool.name,
        concurrency=concurrency,
        queues=() if frozenset(queues) == ThisWorker.queues else queues,
    )


def next_command(
    worker: Any, pool: Pool, concurrency: int
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the command line and the environment to go on with; raise UsageError for none."""
    change = _change(worker, pool, concurrency)
    argv = rewritten(sys.orig_argv, change, str(Path.cwd()))
    return (sys.executable, *argv[1:]), without_twins(os.environ, change)


def begin_restart(restart: Restart) -> None:
    """Stop fetching, and look from now on whether all tasks have ended."""
    ThisWorker.restart = restart
    worker_logger.warning("switch to %s: waiting for the running tasks", restart.target)
    ThisWorker.gave_up = ""
    _hurry(restart.consumer.connection)
    _stop_fetching(restart.consumer)
    restart.look = restart.consumer.timer.call_repeatedly(LOOK_S, _look)


def _look() -> None:
    """Shut down once every task has ended; when time is up, fetch again as before."""
    restart = ThisWorker.restart
    if restart is None or restart.argv:
        return
    running = len(held.reserved_requests)
    if not running and not _fetches(restart.consumer):
        # Read as late as this: until now remote control may have added or taken a queue.
        restart.argv, restart.environ = next_command(
            restart.consumer.controller, restart.pool, restart.concurrency
        )
        setattr(held, "should_stop", os.EX_OK)  # noqa: B010 - Celery's stub says it is None
    elif running and time.monotonic() > restart.deadline:
        _give_up(restart, running)
    else:
        # Again and again: after a lost connection the worker has begun to fetch anew.
        _stop_fetching(restart.consumer)


def _hurry(connection: Any) -> None:
    """Have Celery's loop for pools without an event loop turn more often than every 2 s.

    It would need three turns to stop fetching, to see that it shall end, and to end.
    """
    drain = connection.drain_events

    def drain_shortly(timeout: float | None = None, **options: Any) -> Any:
        return drain(timeout=LOOK_S if timeout is None else min(timeout, LOOK_S), **options)

    connection.drain_events = drain_shortly


def _stop_fetching(consumer: Any) -> None:
    """Have the worker's own loop do it, which alone may use the connection."""
    if (tasks := consumer.task_consumer) is not None:
        consumer.call_soon(tasks.cancel)


def _fetches(consumer: Any) -> bool:
    """Say whether a task may still arrive; while the connection is lost, one may."""
    tasks = consumer.task_consumer
    return tasks is None or any(tasks.consuming_from(queue) for queue in tasks.queues)


def _give_up(restart: Restart, running: int) -> None:
    ThisWorker.gave_up = f"{running} of its tasks were still running"
    ThisWorker.restart = None
    worker_logger.warning("no switch to %s: %s", restart.target, ThisWorker.gave_up)
    vars(restart.consumer.connection).pop("drain_events", None)
    restart.consumer.call_soon(restart.consumer.task_consumer.consume)
    # Last of all: under gevent the timer's entry is the greenlet that runs this, and ends here.
    restart.look.cancel()


@atexit.register
def _go_on() -> None:
    """Become the new worker.

    Registered before the worker is built, so it is called after all that the worker registers has
    been called: sockets are closed, children waited for, the state saved. What is still open is
    closed by the kernel, for Python opens files so.
    """
    restart = ThisWorker.restart
    if restart is None or not restart.argv or os.getpid() != ThisWorker.pid:
        return
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os.execve(restart.argv[0], restart.argv, restart.environ)  # noqa: S606 - our own line
