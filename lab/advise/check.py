"""Reads the command line of `--check`: what to measure, so that it is what the user runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.project.candidates import Candidate
from lab.project.description import Description
from lab.project.project import URL_VARIABLES
from tasks.errors import UsageError
from worker.celery_cli import ENV_PREFIX, ParsedLine, parse_line
from worker.command_line import options_from_line
from worker.pools import POOLS, Pool

#: Variables in front of `celery` that change nothing: the measured workers use a private broker.
OF_BROKER: Final = frozenset({"BROKER_URL", *URL_VARIABLES})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """An option of `celery worker` that changes how some pools run tasks."""

    name: str  # click's
    setting: str  # of the app, which the option overrides
    has_effect: Callable[[Pool], bool]


#: All others cost each pool the same, such as the log level, or nothing, such as names.
_OPTIONS: Final = (
    _Option(
        name="max_tasks_per_child",
        setting="worker_max_tasks_per_child",
        has_effect=lambda pool: pool.max_tasks_per_child,
    ),
    _Option(
        name="max_memory_per_child",
        setting="worker_max_memory_per_child",
        has_effect=lambda pool: pool.max_memory_per_child,
    ),
    _Option(
        name="time_limit",
        setting="task_time_limit",
        has_effect=lambda pool: pool.hard_time_limit,
    ),
    _Option(
        name="soft_time_limit",
        setting="task_soft_time_limit",
        has_effect=lambda pool: pool.soft_time_limit,
    ),
    _Option(
        name="pool_start_method",
        setting="worker_pool_start_method",
        has_effect=lambda pool: pool.start_method,
    ),
    _Option(
        name="disable_prefetch",
        setting="worker_disable_prefetch",
        has_effect=lambda _pool: True,
    ),
)


def read_check(text: str) -> ParsedLine:
    """Parse the command line; raise UsageError if Celery or Poolwise would reject it."""
    try:
        line = parse_line(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--check is not a command line: {error}") from None
    except UsageError as error:
        raise UsageError(f"--check: {error}") from None
    if line.settings:
        raise UsageError(
            f"--check sets {next(iter(line.settings))}, which the other candidates would not have: "
            "set it in your app instead"
        )
    for name in line.environment:
        if name not in OF_BROKER and not name.startswith(ENV_PREFIX):
            raise UsageError(
                f"--check sets the variable {name}, which the other candidates would not have: "
                "set it in your shell instead"
            )
    return line


def deployed(line: ParsedLine, described: Description) -> Candidate:
    """Return what the line runs in this project; raise UsageError if that cannot be measured."""
    try:
        options = options_from_line(line, settings=described.settings)
    except UsageError as error:
        raise UsageError(f"--check: {error}") from None
    pool, autoscales = options.pool, options.autoscale_max is not None
    if pool is None:
        raise UsageError(
            f"--check runs the pool {options.pool_name!r}, which cannot be measured: leave --check "
            f"out, or name one of {', '.join(POOLS)}"
        )
    if autoscales and not pool.autoscale and pool.fixed_concurrency is None:
        raise UsageError(
            f"--check has --autoscale with {pool.name}, but {pool.autoscale_failure}: use "
            "--concurrency"
        )
    if options.slots < 1:
        raise UsageError("--check runs no task at all: give --autoscale a maximum of 1 or more")
    flags = (
        *_flags(line, pool, described.settings),
        *_prefetch(line, pool, described.prefetch_multiplier),
    )
    return Candidate(pool=pool, concurrency=options.slots, flags=flags)


def _flags(line: ParsedLine, pool: Pool, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that the workers of a candidate would not have without them."""
    for option in _OPTIONS:
        value = line.options.get(option.name)
        if value in {None, settings.get(option.setting)} or not option.has_effect(pool):
            continue
        yield _spelled(option.name)
        if value is not True:
            yield str(value).removesuffix(".0")


def _prefetch(line: ParsedLine, pool: Pool, own: int) -> tuple[str, ...]:
    """Return the prefetch multiplier, if it differs in effect from that of a candidate.

    A candidate has `own`, the app's, unless its pool needs more; a higher one, or 0 for no limit,
    adds no throughput to such a pool. Celery takes a typed 0 for no choice.
    """
    chosen = line.options.get("prefetch_multiplier") or own
    differs = 0 < chosen < pool.prefetch_multiplier if pool.flags else chosen != own
    return (_spelled("prefetch_multiplier"), str(chosen)) if differs else ()


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"
