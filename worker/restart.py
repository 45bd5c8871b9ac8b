"""Restarts a running worker with other flags, in the same process and without losing a task.

It stops fetching, waits for the running tasks while the worker still answers remote control, shuts
the worker down as SIGTERM does, and replaces the process with the new command line as it exits. It
does not know the remote-control commands.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery.bootsteps import RUN  # type: ignore[attr-defined]  # missing in the stub
from celery.signals import worker_ready, worker_shutting_down
from celery.utils.log import worker_logger
from celery.worker import state as held

from tasks.errors import UsageError
from worker.pools import Pool, pool_of_implementation
from worker.rewriting import (
    PoolChange,
    check_line,
    rewritten,
    with_full_path,
    without_replaced_variables,
)

#: Seconds between two checks whether all tasks have finished.
LOOK_S: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Restart:
    """A restart in progress, and its new pool."""

    pool: Pool
    concurrency: int
    deadline: float  # of the monotonic clock, in seconds
    consumer: Any
    look: Any = None  # the timer entry of `_look`
    argv: tuple[str, ...] = ()  # set once the worker shuts down to restart
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Return the new pool and concurrency, for messages."""
        return f"{self.pool.name} ×{self.concurrency}"


class ThisWorker:
    """State of the worker in this process; there is only one."""

    start = uuid4().hex
    pid = os.getpid()
    ready = False
    queues: frozenset[str] = frozenset()  # as the command line named them
    restart: Restart | None = None
    gave_up = ""


@worker_ready.connect(dispatch_uid="poolwise-ready")
def _note_ready(sender: Any, **_: Any) -> None:
    if not ThisWorker.ready:
        ThisWorker.queues = frozenset(sender.app.amqp.queues.consume_from)
    ThisWorker.ready = True


@worker_shutting_down.connect(dispatch_uid="poolwise-ended")
def _forget(**_: Any) -> None:
    """Cancel a restart: a signal that stops the worker takes precedence."""
    ThisWorker.restart = None


def _change(worker: Any, pool: Pool, concurrency: int) -> PoolChange:
    """Describe the change; name the queues only if remote control has changed them."""
    queues = tuple(sorted(worker.app.amqp.queues.consume_from))
    return PoolChange(
        old=pool_of_implementation(worker.pool_cls.__module__),
        new=pool,
        spelling=pool.name_despite(worker.app.conf.worker_pool),
        concurrency=concurrency,
        queues=() if frozenset(queues) == ThisWorker.queues else queues,
    )


def next_command(
    worker: Any, pool: Pool, concurrency: int
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the new command line and environment; raise UsageError if there is none."""
    change = _change(worker, pool, concurrency)
    # Python makes this path absolute. Under `python -m celery`, it is not that of the script.
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    argv = rewritten(with_full_path(sys.orig_argv, script), change, str(Path.cwd()))
    return (sys.executable, *argv[1:]), without_replaced_variables(os.environ, change)


@cache
def cannot_restart() -> str:
    """Return why this process cannot start again with other flags; empty if it can."""
    if not sys.executable:
        return (
            "this worker cannot restart: Python does not know the path of its own executable "
            "(sys.executable is empty)"
        )
    try:
        check_line(sys.orig_argv)
    except UsageError as error:
        return f"{error}; start it with the celery command"
    return ""


def begin_restart(restart: Restart) -> None:
    """Stop fetching, and check at intervals whether all tasks have finished."""
    ThisWorker.restart = restart
    worker_logger.warning("switching to %s: waiting for running tasks to finish", restart.target)
    ThisWorker.gave_up = ""
    _hurry(restart.consumer.connection)
    _stop_fetching(restart.consumer)
    restart.look = restart.consumer.timer.call_repeatedly(LOOK_S, _look)


def _look() -> None:
    """Shut down once all tasks have finished; after the deadline, resume fetching."""
    restart = ThisWorker.restart
    if restart is None or restart.argv:
        return
    if restart.consumer.controller.blueprint.state != RUN:
        # Remote control's `shutdown` sends no signal, and timers run until the tasks have ended.
        worker_logger.warning("switch to %s cancelled: the worker shuts down", restart.target)
        ThisWorker.restart = None
        return
    running = len(held.reserved_requests)
    if not running and not _fetches(restart.consumer):
        # Built only now, because remote control could add or cancel a queue until now.
        restart.argv, restart.environ = next_command(
            restart.consumer.controller, restart.pool, restart.concurrency
        )
        setattr(held, "should_stop", os.EX_OK)  # noqa: B010 - Celery's stub says it is None
    elif running and time.monotonic() > restart.deadline:
        _give_up(restart, running)
    else:
        # Repeated, because the worker resumes fetching after a reconnection.
        _stop_fetching(restart.consumer)


def _hurry(connection: Any) -> None:
    """Shorten the 2 s turns of Celery's loop for pools without an event loop.

    The loop needs three turns to stop fetching, to notice the shutdown, and to end.
    """
    drain = connection.drain_events

    def drain_shortly(timeout: float | None = None, **options: Any) -> Any:
        return drain(timeout=LOOK_S if timeout is None else min(timeout, LOOK_S), **options)

    connection.drain_events = drain_shortly


def _stop_fetching(consumer: Any) -> None:
    """Stop fetching from the worker's own loop: only that may use the connection."""
    if (tasks := consumer.task_consumer) is not None:
        consumer.call_soon(tasks.cancel)


def _fetches(consumer: Any) -> bool:
    """Return whether a task may still arrive; while the connection is lost, it may."""
    tasks = consumer.task_consumer
    return tasks is None or any(tasks.consuming_from(queue) for queue in tasks.queues)


def _give_up(restart: Restart, running: int) -> None:
    tasks = "1 task was" if running == 1 else f"{running} tasks were"
    ThisWorker.gave_up = f"{tasks} still running"
    ThisWorker.restart = None
    worker_logger.warning("switch to %s cancelled: %s", restart.target, ThisWorker.gave_up)
    vars(restart.consumer.connection).pop("drain_events", None)
    restart.consumer.call_soon(restart.consumer.task_consumer.consume)
    # Must come last: under gevent the timer entry is the greenlet that runs this function.
    restart.look.cancel()


@atexit.register
def _exec() -> None:
    """Replace this process with the new worker.

    Registered before the worker is built, so it runs after everything that the worker registers:
    by then sockets are closed, child processes are gone and the state is saved. The kernel closes
    the files that are still open, because Python opens them close-on-exec.
    """
    restart = ThisWorker.restart
    if restart is None or not restart.argv or os.getpid() != ThisWorker.pid:
        return
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os.execve(restart.argv[0], restart.argv, restart.environ)  # noqa: S606 - our own command line
