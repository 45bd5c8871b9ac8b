"""Rules about how a worker's pool was chosen: by what spelling, and of what size.

They read the pool table and the options, and know no pool by its name.
"""

from __future__ import annotations

from typing import Final

from worker.capability_rules import Rule
from worker.finding import Finding, note, warning
from worker.options import WorkerOptions
from worker.pools import Pool

#: Processes per core beyond which a worker of processes is worth a remark.
MANY_PROCESSES_PER_CORE: Final = 4


def not_monkey_patched(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery patches only for `-P NAME`, `--pool NAME` and `--pool=NAME`, first among the words."""
    if not pool.needs_monkey_patching or options.monkey_patched:
        return None
    return warning(
        "not-monkey-patched",
        f"{pool.name} is chosen in a way Celery does not patch for: "
        "the worker takes messages, then hangs and runs none",
        f"choose it on the command line as -P {pool.name} or --pool={pool.name}, and only once",
    )


def module_missing(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery imports the pool before anything else, and ends with a traceback."""
    if not options.module_missing:
        return None
    return warning(
        "pool-module-missing",
        f"the module {pool.needs_module} is not installed here: the worker does not start",
        f"install {pool.needs_module} beside Celery",
    )


def pool_overridden(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery cannot tell a typed `-P prefork` from its own default, so the setting wins."""
    if not options.pool_flag or options.pool_flag in {pool.name, *pool.aliases}:
        return None
    return warning(
        "pool-overridden",
        f"--pool {options.pool_flag} was typed, but worker_pool makes it {pool.name}",
        "drop worker_pool from the settings, or type --pool processes",
    )


def concurrency_fixed(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery fetches for the slots that were asked for, though they do not exist."""
    fixed = pool.fixed_concurrency
    if fixed is None or not options.concurrency_chosen or options.concurrency <= fixed:
        return None
    return warning(
        "concurrency-ignored",
        f"{pool.name} runs {fixed} task at a time: concurrency {options.concurrency} only makes it "
        "fetch more messages than it can run",
        "drop --concurrency, or choose another pool",
    )


def concurrency_overridden(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Celery sizes the pool by `--autoscale` and never looks at the concurrency again."""
    if options.autoscale_max is None or not options.concurrency_chosen or not pool.autoscale:
        return None
    return warning(
        "concurrency-overridden",
        f"--autoscale decides the number of slots: concurrency {options.concurrency} has no effect",
        "keep one of the two",
    )


def concurrency_default(pool: Pool, options: WorkerOptions) -> Finding | None:
    """One slot per core suits computing; these pools exist for waiting."""
    unsized = not options.concurrency_chosen and options.autoscale_max is None
    if pool.parallel_python or pool.fixed_concurrency is not None or not unsized:
        return None
    return note(
        "concurrency-default",
        f"without --concurrency {pool.name} has one {pool.slot} per core: {options.slots} here",
        f"give tasks that wait more slots: --concurrency {pool.default_concurrency('io', 1)}",
    )


def many_processes(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Each process brings an interpreter and the project's modules of its own."""
    processes = pool.processes(options.slots)
    if processes <= MANY_PROCESSES_PER_CORE * options.cores + 1:
        return None
    return note(
        "many-processes",
        f"{pool.name} starts {processes} processes on {options.cores} cores: "
        "memory grows with each, computing does not get faster",
        f"--concurrency {options.cores} suits tasks that compute, another pool those that wait",
    )


def beat_embedded(pool: Pool, options: WorkerOptions) -> Finding | None:
    """Every worker started from the same line has a scheduler, and each one sends."""
    if not options.beat or not pool.embeds_beat:
        return None
    return note(
        "beat-embedded",
        "-B: a second worker started like this one sends every scheduled task a second time",
        "run celery beat once, as a process of its own",
    )


def fair_default(_pool: Pool, options: WorkerOptions) -> Finding | None:
    """`default` and `fair` name the same strategy, and only processes are scheduled by it."""
    if not options.fair_asked:
        return None
    return note(
        "fair-is-default",
        "-O fair changes nothing: it is what Celery does by default",
        "drop the option",
    )


POOL_CHOICE_RULES: Final[tuple[Rule, ...]] = (
    not_monkey_patched,
    module_missing,
    pool_overridden,
    concurrency_fixed,
    concurrency_overridden,
    concurrency_default,
    many_processes,
    beat_embedded,
    fair_default,
)
