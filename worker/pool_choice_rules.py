"""Preflight rules about how a worker's pool was chosen and sized.

They read the pool table and the options; no rule names a pool.
"""

from __future__ import annotations

from typing import Final

from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool
from worker.rule import Rule

#: More processes per core than this are reported.
MANY_PROCESSES_PER_CORE: Final = 4


def not_monkey_patched(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery patches only for the first `-P NAME`, `--pool NAME` or `--pool=NAME` on the line."""
    if not pool.needs_monkey_patching or options.monkey_patched:
        return None
    return warning(
        "not-monkey-patched",
        f"Celery does not monkey-patch when {pool.name} is chosen this way: "
        "the worker takes messages, then hangs and runs none of them",
        f"choose it on the command line, once, as -P {pool.name} or --pool={pool.name}",
    )


def module_missing(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery imports the pool first and exits with a traceback."""
    if not options.module_missing:
        return None
    return warning(
        "pool-module-missing",
        f"the module {pool.needs_module} is not installed here: the worker will not start",
        f"install {pool.needs_module} in the same environment as Celery",
    )


def pool_overridden(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery cannot distinguish a typed `-P prefork` from its default, so the setting wins."""
    if not options.pool_flag or options.pool_flag in {pool.name, *pool.aliases}:
        return None
    return warning(
        "pool-overridden",
        f"the setting worker_pool overrides --pool {options.pool_flag} with {pool.name}",
        "remove worker_pool from the settings, or use --pool processes, another name for prefork "
        "that the setting does not override",
    )


def concurrency_fixed(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery fetches for the requested number of slots, although the pool has only one."""
    fixed = pool.fixed_concurrency
    if fixed is None or not options.concurrency_chosen or options.concurrency <= fixed:
        return None
    return warning(
        "concurrency-ignored",
        f"{pool.name} runs {fixed} task at a time: concurrency {options.concurrency} only makes it "
        "fetch more messages than it can run",
        "remove --concurrency, or choose another pool",
    )


def concurrency_overridden(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery sizes the pool from `--autoscale` and ignores the concurrency."""
    if options.autoscale_max is None or not options.concurrency_chosen or not pool.autoscale:
        return None
    return warning(
        "concurrency-overridden",
        f"--autoscale sets the number of slots: concurrency {options.concurrency} has no effect",
        "remove --autoscale or --concurrency",
    )


def concurrency_default(pool: Pool, options: WorkerOptions) -> Finding | None:
    """One slot per core suits tasks that compute; these pools are for tasks that wait."""
    unsized = not options.concurrency_chosen and options.autoscale_max is None
    if pool.parallel_python or pool.fixed_concurrency is not None or not unsized:
        return None
    return note(
        "concurrency-default",
        f"without --concurrency, {pool.name} has one {pool.slot} per core: {options.slots} here",
        "for IO-bound tasks, use more slots, such as --concurrency "
        f"{pool.default_concurrency('io', 1)}",
    )


def quota_ignored(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery counts the cores of the host, whatever a container's CPU quota allows."""
    unsized = not options.concurrency_chosen and options.autoscale_max is None
    usable = options.usable_cores
    if not pool.parallel_python or not unsized or usable is None or usable >= options.cores:
        return None
    return warning(
        "quota-ignored",
        f"without --concurrency, {pool.name} starts {options.cores} processes, one per core of the "
        f"host, but the CPU quota allows {usable} here",
        f"use --concurrency {usable}",
    )


def many_processes(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Each process has its own interpreter and its own copy of the project's modules."""
    processes = pool.processes(options.slots)
    if processes <= MANY_PROCESSES_PER_CORE * options.cores + 1:
        return None
    return note(
        "many-processes",
        f"{pool.name} starts {processes} processes, more than there are cores ({options.cores}): "
        "each one uses memory, but CPU-bound tasks get no faster",
        f"use --concurrency {options.cores} for CPU-bound tasks, or another pool for IO-bound ones",
    )


def beat_embedded(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Every worker started with the same flags runs its own scheduler."""
    if not options.beat or not pool.embeds_beat:
        return None
    return note(
        "beat-embedded",
        "with -B, a second worker with the same flags sends every scheduled task again",
        "run celery beat once, as a separate process",
    )


def fair_default(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """`default` and `fair` are the same strategy, which only the prefork pool uses."""
    if not options.fair:
        return None
    return note(
        "fair-is-default",
        "-O fair has no effect: it is Celery's default",
        "remove the option",
    )


POOL_CHOICE_RULES: Final[tuple[Rule, ...]] = (
    not_monkey_patched,
    module_missing,
    pool_overridden,
    concurrency_fixed,
    concurrency_overridden,
    concurrency_default,
    quota_ignored,
    many_processes,
    beat_embedded,
    fair_default,
)
