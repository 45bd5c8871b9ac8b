"""Remote-control commands that change the pool of a running worker and report the progress.

Loaded into the worker by `-I worker.startup`, or alone by `-I worker.switch`. It checks the request
and works out the new options; `worker.restart` carries it out.
"""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import asdict, replace
from typing import Any, Final

from celery.worker import state as held
from celery.worker.control import control_command, inspect_command

from tasks.errors import PoolwiseError, UsageError
from worker import preflight
from worker.concurrency_limit import checked_concurrency
from worker.control import SWITCH, WORKER_INFO, SwitchReply, WorkerInfo, place
from worker.controller import options_from_worker
from worker.modules import module_missing
from worker.options import WorkerOptions
from worker.pools import Nature, Pool, pool_named, pool_of_implementation
from worker.restart import (
    Restart,
    ThisWorker,
    begin_restart,
    cannot_restart,
    next_command,
)
from worker.rewriting import without_addresses

#: Longest time that a worker waits for its tasks, in seconds.
LONGEST_WAIT_S: Final = 3_600.0


@inspect_command(name=WORKER_INFO)
def worker_info(state: Any, **_: Any) -> dict[str, Any]:
    """Report what this worker runs and the progress of a switch."""
    return asdict(_info(state.consumer))


@control_command(
    name=SWITCH,
    args=[("pool", str), ("concurrency", int), ("wait_s", float)],
    signature="<pool> [concurrency] [wait_s]",
)
def switch(
    state: Any, pool: str, concurrency: int | None = None, wait_s: float = 60.0, **_: Any
) -> dict[str, Any]:
    """Finish the running tasks, then restart with another pool in the same process."""
    try:
        return {"ok": asdict(_accept(state.consumer, pool, concurrency, wait_s))}
    except PoolwiseError as refused:
        return {"error": str(refused)}


def _info(consumer: Any) -> WorkerInfo:
    module = type(consumer.pool).__module__
    pool = pool_of_implementation(module)
    restart = ThisWorker.restart
    return WorkerInfo(
        start=ThisWorker.start,
        ready=ThisWorker.ready,
        pid=os.getpid(),
        pool=pool.name if pool else module,
        concurrency=consumer.pool.num_processes or consumer.pool.limit,
        host=os.uname().nodename,
        place=place(),
        switching=restart is not None,
        running=len(held.reserved_requests) if restart else 0,
        gave_up=ThisWorker.gave_up,
        cannot_switch=cannot_restart(),
    )


def _accept(consumer: Any, name: str, concurrency: int | None, wait_s: float) -> SwitchReply:
    """Check the request and start the restart; raise UsageError if it is impossible."""
    if ThisWorker.restart is not None:
        raise UsageError(
            f"a switch to {ThisWorker.restart.target} is in progress; wait until it has finished"
        )
    if reason := cannot_restart():
        raise UsageError(reason)
    worker = consumer.controller
    pool = pool_named(name)
    options = switched_options(options_from_worker(worker), pool, concurrency)
    before = _info(consumer)
    accepted = SwitchReply(before=before, pool=pool.name, concurrency=options.concurrency)
    if (before.pool, before.concurrency) == (pool.name, options.concurrency):
        return replace(accepted, already=True)
    if options.beat and not pool.embeds_beat:
        raise UsageError(
            f"this worker runs the scheduler (-B), which Celery does not allow under {pool.name}; "
            "run celery beat as a separate process first"
        )
    argv, _ = next_command(worker, pool, options.concurrency)
    begin_restart(
        Restart(
            pool=pool,
            concurrency=options.concurrency,
            deadline=time.monotonic() + min(wait_s, LONGEST_WAIT_S),
            consumer=consumer,
        )
    )
    return replace(
        accepted,
        command=shlex.join(without_addresses(argv)),
        warnings=tuple(preflight.lines(preflight.warnings_of(preflight.check(options)))),
    )


def switched_options(now: WorkerOptions, pool: Pool, concurrency: int | None) -> WorkerOptions:
    """Return the options of the switched worker; raise UsageError if it cannot have them."""
    if module_missing(pool):
        raise UsageError(
            f"{pool.name} needs the module {pool.needs_module}: install it in the worker's "
            "environment, then switch again"
        )
    nature: Nature = "cpu" if pool.parallel_python else "io"
    slots = concurrency or pool.default_concurrency(nature, now.cores)
    return replace(
        now,
        pool=pool,
        pool_name=pool.name,
        pool_flag=pool.name,
        monkey_patched=True,
        concurrency=checked_concurrency(pool, slots if concurrency is None else concurrency),
        concurrency_chosen=True,
        autoscale_max=None,
        delivery=replace(now.delivery, prefetch_multiplier=pool.prefetch_multiplier),
    )
