"""What a pool would silently take away from the user's app, given the app's own settings."""

from __future__ import annotations

from collections.abc import Sequence

from lab.project.candidates import Candidate
from lab.project.description import Description, TaskDescription
from worker import preflight
from worker.cores import usable_cores
from worker.options import Delivery, Recycling, TimeLimits, WorkerOptions
from worker.pools import Pool


def losses(candidate: Candidate, described: Description, tasks: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each warning of preflight, with its fix.

    Another one explains the name of the pool in the command line, if that is not the usual one.
    """
    options = _options(candidate, described, {name: described.task(name) for name in tasks})
    warnings = tuple(
        f"about your project: {finding.message} [{finding.code}]: {finding.fix}"
        for finding in preflight.warnings_of(preflight.check(options))
    )
    return (*_named(candidate.pool, described.settings.get("worker_pool")), *warnings)


def _named(pool: Pool, setting: object) -> tuple[str, ...]:
    name = pool.name_despite(setting)
    if name == pool.name:
        return ()
    return (
        f"about your project: its setting worker_pool overrides --pool {pool.name}, so the command "
        f"says --pool {name}, another name for {pool.name} that the setting does not override",
    )


def _options(
    candidate: Candidate, described: Description, tasks: dict[str, TaskDescription]
) -> WorkerOptions:
    settings = described.settings
    return WorkerOptions(
        pool=candidate.pool,
        pool_name=candidate.pool.name,
        pool_flag=candidate.pool.name,
        cores=usable_cores(),
        usable_cores=usable_cores(),
        concurrency=candidate.concurrency,
        concurrency_chosen=True,
        limits=TimeLimits(
            hard_s=_number(settings.get("task_time_limit")),
            soft_s=_number(settings.get("task_soft_time_limit")),
            hard_tasks=_with(tasks, "time_limit"),
            soft_tasks=_with(tasks, "soft_time_limit"),
        ),
        recycling=Recycling(
            max_tasks_per_child=_whole(settings.get("worker_max_tasks_per_child")),
            max_memory_per_child_kib=_whole(settings.get("worker_max_memory_per_child")),
        ),
        delivery=Delivery(
            acks_late=any(bool(task.options.get("acks_late")) for task in tasks.values()),
            rejects_lost=bool(settings.get("task_reject_on_worker_lost")),
            prefetch_multiplier=candidate.pool.prefetch_multiplier,
            prefetch_disabled=bool(settings.get("worker_disable_prefetch")),
        ),
    )


def _with(tasks: dict[str, TaskDescription], option: str) -> tuple[str, ...]:
    return tuple(name for name, task in tasks.items() if task.options.get(option))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
