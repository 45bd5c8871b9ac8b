"""Reads worker options from a starting worker, including its app's settings and tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from billiard import cpu_count
from billiard.common import REMAP_SIGTERM
from kombu.utils.compat import detect_environment

from tasks.errors import UsageError
from worker.celery_cli import ParsedLine, parse_line
from worker.cores import usable_cores
from worker.delivery import is_installed, is_lease
from worker.delivery.stopped import returns_stopped
from worker.delivery_settings import delivery_from
from worker.modules import module_missing
from worker.options import Delivery, Recycling, Shutdown, TimeLimits, WorkerOptions
from worker.pools import pool_of_implementation


def options_from_worker(worker: Any, *, argv: Sequence[str] = ()) -> WorkerOptions:
    """Read a `WorkController`; its command line `argv` shows whether a pool was typed."""
    module = worker.pool_cls.__module__
    pool = pool_of_implementation(module)
    cores = cpu_count()
    line = _typed_line(argv)
    return WorkerOptions(
        pool=pool,
        pool_name=module if pool is None else pool.name,
        pool_flag=str(line.options["pool"]) if line and "pool" in line.typed else "",
        monkey_patched=pool is None
        or not pool.needs_monkey_patching
        or detect_environment() == pool.name,
        module_missing=module_missing(pool),
        cores=cores,
        usable_cores=usable_cores(),
        concurrency=worker.concurrency,
        concurrency_chosen=bool(
            worker.app.conf.worker_concurrency
            or worker.concurrency != cores
            or (line and line.options.get("concurrency"))
        ),
        autoscale_max=worker.max_concurrency,
        beat=worker.beat is not None,
        remote_control=bool(worker.app.conf.worker_enable_remote_control),
        limits=_limits(worker),
        recycling=_recycling(worker),
        delivery=_delivery(worker),
        shutdown=Shutdown(
            cold_on_term=REMAP_SIGTERM == "SIGQUIT",
            soft_timeout_s=worker.app.conf.worker_soft_shutdown_timeout or 0,
            returns_stopped=returns_stopped(worker.app),
        ),
    )


def _typed_line(argv: Sequence[str]) -> ParsedLine | None:
    """Parse the worker's command line; None if it is not that of `celery worker`."""
    try:
        return parse_line(argv)
    except UsageError:
        return None


def _own_tasks(app: Any) -> list[Any]:
    return [task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")]


def _names(tasks: Iterable[Any], attribute: str) -> tuple[str, ...]:
    return tuple(task.name for task in tasks if getattr(task, attribute))


def _limits(worker: Any) -> TimeLimits:
    tasks = _own_tasks(worker.app)
    return TimeLimits(
        hard_s=worker.time_limit or None,
        soft_s=worker.soft_time_limit or None,
        hard_tasks=_names(tasks, "time_limit"),
        soft_tasks=_names(tasks, "soft_time_limit"),
    )


def _recycling(worker: Any) -> Recycling:
    return Recycling(
        max_tasks_per_child=worker.max_tasks_per_child,
        max_memory_per_child_kib=worker.max_memory_per_child,
        start_method=worker.pool_start_method,
    )


def _delivery(worker: Any) -> Delivery:
    connection = worker.app.connection_for_read()
    settings = {
        **worker.app.conf,
        # Options in the broker's URL are known only to the connection.
        "broker_transport_options": connection.transport_options,
        "worker_prefetch_multiplier": worker.prefetch_multiplier,
    }
    late = [task for task in _own_tasks(worker.app) if task.acks_late]
    requeued = {
        "task_reject_on_worker_lost": bool(late)
        and all(task.reject_on_worker_lost or task.retry_on_worker_lost for task in late),
        "task_retry_on_worker_lost": bool(late) and all(task.retry_on_worker_lost for task in late),
    }
    return delivery_from(
        {**settings, **requeued},
        redis=connection.transport.driver_type == "redis",
        lease=is_lease(connection.transport),
        acks_late=bool(late),
        watched=is_installed(),
    )
