"""Changes the pool of a running worker: it finishes what it holds, then runs on with new flags.

Loaded into the worker by `-I worker.startup`, or alone by `-I worker.switch`. On the remote-control
command `poolwise_switch` the worker stops fetching, waits for its tasks while it still answers, and
shuts down as on SIGTERM; the very end of the process replaces it by itself with another command
line, in the same pid. It knows nothing of who asked.
"""

from __future__ import annotations

import atexit
import os
import shlex
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery.signals import worker_ready, worker_shutting_down
from celery.utils.log import worker_logger
from celery.worker import state as held
from celery.worker.control import control_command, inspect_command

from tasks.errors import PoolwiseError, UsageError
from worker import preflight
from worker.asked import module_missing
from worker.control import ABOUT, SWITCH, About, Accepted, place
from worker.live import options_from_worker
from worker.options import WorkerOptions
from worker.pools import Nature, Pool, pool_named, pool_of_implementation
from worker.rewriting import Change, rewritten, without_twins
from worker.room import checked

#: Seconds between two looks at whether all tasks have ended.
LOOK_S: Final = 0.1
#: Seconds that a worker waits for its tasks at most, whatever was asked.
LONGEST_WAIT_S: Final = 3_600.0


@dataclass(slots=True, kw_only=True)
class _Switch:
    """A switch under way."""

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


class _Worker:
    """What this module remembers; one worker in one process."""

    start = uuid4().hex
    pid = os.getpid()
    ready = False
    queues: frozenset[str] = frozenset()  # those that the command line meant
    switch: _Switch | None = None
    gave_up = ""


@worker_ready.connect(dispatch_uid="poolwise-switch-ready")
def _note_ready(sender: Any, **_: Any) -> None:
    if not _Worker.ready:
        _Worker.queues = frozenset(sender.app.amqp.queues.consume_from)
    _Worker.ready = True


@worker_shutting_down.connect(dispatch_uid="poolwise-switch-ended")
def _forget(**_: Any) -> None:
    """End for good: somebody sent a signal, which counts more than a switch."""
    _Worker.switch = None


@inspect_command(name=ABOUT)
def about(state: Any, **_: Any) -> dict[str, Any]:
    """Tell what this worker is, and how far a switch has come."""
    return asdict(_about(state.consumer))


@control_command(
    name=SWITCH,
    args=[("pool", str), ("concurrency", int), ("wait_s", float)],
    signature="<pool> [concurrency] [wait_s]",
)
def switch(
    state: Any, pool: str, concurrency: int | None = None, wait_s: float = 60.0, **_: Any
) -> dict[str, Any]:
    """Finish what is running, then run on with another pool, in the same process."""
    try:
        return {"ok": asdict(_accept(state.consumer, pool, concurrency, wait_s))}
    except PoolwiseError as refused:
        return {"error": str(refused)}


def _about(consumer: Any) -> About:
    module = type(consumer.pool).__module__
    pool = pool_of_implementation(module)
    under_way = _Worker.switch
    return About(
        start=_Worker.start,
        ready=_Worker.ready,
        pid=os.getpid(),
        pool=pool.name if pool else module,
        concurrency=consumer.pool.num_processes or consumer.pool.limit,
        host=os.uname().nodename,
        place=place(),
        switching=under_way is not None,
        running=len(held.reserved_requests) if under_way else 0,
        gave_up=_Worker.gave_up,
    )


def _accept(consumer: Any, name: str, concurrency: int | None, wait_s: float) -> Accepted:
    """Check everything that can be checked, then begin; raise UsageError where it cannot be."""
    if _Worker.switch is not None:
        raise UsageError(f"a switch to {_Worker.switch.target} is under way; wait for its end")
    worker = consumer.controller
    pool = pool_named(name)
    asked = as_wanted(options_from_worker(worker), pool, concurrency)
    before = _about(consumer)
    accepted = Accepted(before=before, pool=pool.name, concurrency=asked.concurrency)
    if (before.pool, before.concurrency) == (pool.name, asked.concurrency):
        return replace(accepted, already=True)
    if asked.beat and not pool.embeds_beat:
        raise UsageError(
            f"this worker runs the scheduler (-B), which Celery refuses under {pool.name}; "
            "run celery beat as a process of its own first"
        )
    if not sys.executable:
        raise UsageError("this worker's Python does not know its own program: it cannot go on")
    argv, _ = _next_start(worker, pool, asked.concurrency)
    _Worker.switch = _Switch(
        pool=pool,
        concurrency=asked.concurrency,
        deadline=time.monotonic() + min(wait_s, LONGEST_WAIT_S),
        consumer=consumer,
    )
    _begin(_Worker.switch)
    return replace(
        accepted,
        command=shlex.join(argv),
        warnings=tuple(preflight.lines(preflight.warnings_of(preflight.check(asked)))),
    )


def as_wanted(now: WorkerOptions, pool: Pool, concurrency: int | None) -> WorkerOptions:
    """Return the options of the worker as it shall be; raise UsageError where it cannot be."""
    if module_missing(pool):
        raise UsageError(f"{pool.name} needs the module {pool.needs_module}, which is missing here")
    nature: Nature = "cpu" if pool.parallel_python else "io"
    slots = concurrency or pool.default_concurrency(nature, now.cores)
    return replace(
        now,
        pool=pool,
        pool_asked=pool.name,
        pool_flag=pool.name,
        monkey_patched=True,
        concurrency=checked(pool, slots if concurrency is None else concurrency),
        concurrency_chosen=True,
        autoscale_max=None,
        delivery=replace(now.delivery, prefetch_multiplier=pool.prefetch_multiplier),
    )


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
        queues=() if frozenset(queues) == _Worker.queues else queues,
    )


def _next_start(
    worker: Any, pool: Pool, concurrency: int
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the command line and the environment to go on with; raise UsageError for none."""
    change = _change(worker, pool, concurrency)
    argv = rewritten(sys.orig_argv, change, str(Path.cwd()))
    return (sys.executable, *argv[1:]), without_twins(os.environ, change)


def _begin(under_way: _Switch) -> None:
    """Stop fetching, and look from now on whether all tasks have ended."""
    worker_logger.warning("switch to %s: waiting for the running tasks", under_way.target)
    _Worker.gave_up = ""
    _hurry(under_way.consumer.connection)
    _stop_fetching(under_way.consumer)
    under_way.look = under_way.consumer.timer.call_repeatedly(LOOK_S, _look)


def _look() -> None:
    """Shut down once every task has ended; when time is up, fetch again as before."""
    under_way = _Worker.switch
    if under_way is None or under_way.argv:
        return
    running = len(held.reserved_requests)
    if not running and not _fetches(under_way.consumer):
        # Read as late as this: until now remote control may have added or taken a queue.
        under_way.argv, under_way.environ = _next_start(
            under_way.consumer.controller, under_way.pool, under_way.concurrency
        )
        setattr(held, "should_stop", os.EX_OK)  # noqa: B010 - Celery's stub says it is None
    elif running and time.monotonic() > under_way.deadline:
        _give_up(under_way, running)
    else:
        # Again and again: after a lost connection the worker has begun to fetch anew.
        _stop_fetching(under_way.consumer)


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


def _give_up(under_way: _Switch, running: int) -> None:
    _Worker.gave_up = f"{running} of its tasks were still running"
    _Worker.switch = None
    worker_logger.warning("no switch to %s: %s", under_way.target, _Worker.gave_up)
    vars(under_way.consumer.connection).pop("drain_events", None)
    under_way.consumer.call_soon(under_way.consumer.task_consumer.consume)
    # Last of all: under gevent the timer's entry is the greenlet that runs this, and ends here.
    under_way.look.cancel()


@atexit.register
def _go_on() -> None:
    """Become the new worker.

    Registered before the worker is built, so it is called after all that the worker registers has
    been called: sockets are closed, children waited for, the state saved. What is still open is
    closed by the kernel, for Python opens files so.
    """
    under_way = _Worker.switch
    if under_way is None or not under_way.argv or os.getpid() != _Worker.pid:
        return
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os.execve(under_way.argv[0], under_way.argv, under_way.environ)  # noqa: S606 - our own line
