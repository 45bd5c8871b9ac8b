"""Reads worker options from a starting worker, including its app's settings and tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from billiard import cpu_count
from kombu.utils.compat import detect_environment

from tasks.errors import UsageError
from worker.celery_cli import parse_line
from worker.command_line import module_missing
from worker.delivery_settings import delivery_from
from worker.options import Delivery, Recycling, TimeLimits, WorkerOptions
from worker.pools import pool_of_implementation


def options_from_worker(worker: Any, *, argv: Sequence[str] = ()) -> WorkerOptions:
    """Read a `WorkController`; its command line `argv` shows whether a pool was typed."""
    module = worker.pool_cls.__module__
    pool = pool_of_implementation(module)
    cores = cpu_count()
    return WorkerOptions(
        pool=pool,
        pool_name=module if pool is None else pool.name,
        pool_flag=_typed_pool(argv),
        monkey_patched=pool is None
        or not pool.needs_monkey_patching
        or detect_environment() == pool.name,
        module_missing=module_missing(pool),
        cores=cores,
        concurrency=worker.concurrency,
        # Celery does not record whether a concurrency equal to the cores was chosen.
        concurrency_chosen=bool(worker.app.conf.worker_concurrency) or worker.concurrency != cores,
        autoscale_max=worker.max_concurrency,
        beat=worker.beat is not None,
        remote_control=bool(worker.app.conf.worker_enable_remote_control),
        limits=_limits(worker),
        recycling=_recycling(worker),
        delivery=_delivery(worker),
    )


def _typed_pool(argv: Sequence[str]) -> str:
    """Return the name after -P; empty if there is none or this is not a `celery worker` line."""
    try:
        line = parse_line(argv)
    except UsageError:
        return ""
    return str(line.options["pool"]) if "pool" in line.typed else ""


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
    requeued = all(task.reject_on_worker_lost or task.retry_on_worker_lost for task in late)
    return delivery_from(
        {**settings, "task_reject_on_worker_lost": requeued},
        redis=connection.transport.driver_type == "redis",
        acks_late=bool(late),
    )
