"""Preflight rules about limits: when a task or a process is ended, and what that loses.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool
from worker.rule import Rule, pools_where


def _limit_text(limit_s: float | None, task_names: tuple[str, ...]) -> str:
    if limit_s:
        return f"of {limit_s:g} s"
    others = f" and {len(task_names) - 1} more" if len(task_names) > 1 else ""
    return f"of {task_names[0]}{others}" if task_names else ""


def time_limit_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery passes the limit to the pool, whose `on_apply` drops it."""
    which = _limit_text(options.limits.hard_s, options.limits.hard_tasks)
    if not which or pool.hard_time_limit:
        return None
    return warning(
        "time-limit-ignored",
        f"{pool.name} ignores the time limit {which}: a stuck task blocks its {pool.slot} forever",
        f"use --pool {pools_where(lambda p: p.hard_time_limit)} (gevent enforces a limit only when "
        "the task next waits), or timeouts inside the task",
    )


def soft_time_limit_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """The task never gets SoftTimeLimitExceeded, so it cannot clean up."""
    which = _limit_text(options.limits.soft_s, options.limits.soft_tasks)
    if not which or pool.soft_time_limit:
        return None
    return warning(
        "soft-time-limit-ignored",
        f"{pool.name} ignores the soft time limit {which}: "
        "SoftTimeLimitExceeded is never raised in the task",
        f"use --pool {pools_where(lambda p: p.soft_time_limit)}, or timeouts inside the task",
    )


def limits_swapped(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery compares the two only in `apply_async`, for a single task."""
    hard_s, soft_s = options.limits.hard_s, options.limits.soft_s
    if not hard_s or not soft_s or soft_s < hard_s:
        return None
    if not (pool.hard_time_limit and pool.soft_time_limit):
        return None
    return warning(
        "limits-swapped",
        f"the soft time limit of {soft_s:g} s is not below the hard one of {hard_s:g} s: tasks get "
        "no time to clean up, and the hard limit may take effect late",
        "set the soft limit some seconds below the hard one",
    )


#: What becomes of a running, late-acknowledged task at a cold shutdown.
_COLD: Final = {
    "waits": "cannot cancel running tasks: it waits for them, and sometimes does not acknowledge "
    "them",
    "fails": "marks the running task as failed and acknowledges it",
    "loses": "loses its running tasks, even with late acks",
}


def cold_shutdown(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery's cold shutdown cancels tasks and requeues them; only some pools can."""
    shutdown = options.shutdown
    if pool.cold_shutdown == "requeues" or not (shutdown.cold_on_term or shutdown.soft_timeout_s):
        return None
    if pool.cold_shutdown == "loses" and shutdown.returns_stopped:
        return None
    able = pools_where(lambda p: p.cold_shutdown == "requeues")
    cause = "REMAP_SIGTERM=SIGQUIT" if shutdown.cold_on_term else "worker_soft_shutdown_timeout"
    return warning(
        "cold-shutdown-unsupported",
        f"{cause}: on a cold shutdown, {pool.name} {_COLD[pool.cold_shutdown]}",
        f"use --pool {able}, or the default warm shutdown with enough time for your longest task",
    )


def max_tasks_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Only a pool of processes has child processes to replace."""
    limit = options.recycling.max_tasks_per_child
    if not limit or pool.max_tasks_per_child:
        return None
    return warning(
        "max-tasks-ignored",
        f"{pool.name} has no child processes: max-tasks-per-child {limit} has no effect",
        f"remove the limit, or use --pool {pools_where(lambda p: p.max_tasks_per_child)}",
    )


def max_memory_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """A leak that the limit should bound grows until the system kills the worker."""
    limit_kib = options.recycling.max_memory_per_child_kib
    if not limit_kib or pool.max_memory_per_child:
        return None
    return warning(
        "max-memory-ignored",
        f"{pool.name} has no child processes: max-memory-per-child {limit_kib} KiB has no effect",
        f"use --pool {pools_where(lambda p: p.max_memory_per_child)}, "
        "or limit the memory of the whole worker",
    )


def start_method_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """`fork` is the default; only `spawn` asks for something that other pools ignore."""
    method = options.recycling.start_method
    if pool.start_method or method in {None, "fork"}:
        return None
    return warning(
        "start-method-ignored",
        f"{pool.name} starts no processes: the start method {method} has no effect",
        f"use --pool {pools_where(lambda p: p.start_method)}, or remove the option",
    )


def time_limit_cooperative(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Without preemption, a task that computes runs to its end, blocks the others, then fails."""
    which = _limit_text(options.limits.hard_s, options.limits.hard_tasks)
    if not which or not pool.hard_time_limit or pool.preemptive:
        return None
    return note(
        "time-limit-cooperative",
        f"under {pool.name}, the time limit {which} takes effect only when the task next waits: "
        "a CPU-bound task runs to completion, blocks all others, and is then marked as failed",
        f"run CPU-bound tasks with --pool {pools_where(lambda p: p.preemptive)}",
    )


LIMIT_RULES: Final[tuple[Rule, ...]] = (
    time_limit_ignored,
    soft_time_limit_ignored,
    limits_swapped,
    cold_shutdown,
    max_tasks_ignored,
    max_memory_ignored,
    start_method_ignored,
    time_limit_cooperative,
)
