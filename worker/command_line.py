"""Reads worker options from a command line; it imports no project."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import msgspec
from celery import _find_option_with_arg

from tasks.errors import UsageError
from tasks.transport_options import transport, transport_called
from worker.celery_cli import ParsedLine, parse_line, shortened
from worker.cores import usable_cores
from worker.delivery_settings import delivery_from
from worker.modules import module_missing
from worker.options import Delivery, Recycling, Shutdown, TimeLimits, WorkerOptions
from worker.pools import Pool, pool_named, pool_of_implementation

T = TypeVar("T")

#: The pool that Celery takes by default.
DEFAULT: Final = "prefork"
NO_SETTINGS: Final[Mapping[str, Any]] = MappingProxyType({})


def options_from_argv(argv: Sequence[str], *, cores: int | None = None) -> WorkerOptions:
    """Read `celery -A proj worker …`; raise UsageError, on one line, if Celery would reject it.

    `cores` is the core count of the machine the worker will run on; by default of this machine.
    """
    return options_from_line(parse_line(argv), cores=cores)


def options_from_line(
    line: ParsedLine, *, cores: int | None = None, settings: Mapping[str, Any] = NO_SETTINGS
) -> WorkerOptions:
    """Read a parsed line, as `options_from_argv` does.

    `settings` are those of the project, of which only the pool and the concurrency count.
    """
    name = _pool_name(line, settings)
    pool = _known(name)
    usable = usable_cores() if cores is None else cores
    cores = cores or os.cpu_count() or 1
    concurrency = _concurrency(line, settings, cores)
    autoscale = line.options.get("autoscale")
    return WorkerOptions(
        pool=pool,
        pool_name=name,
        pool_flag=str(line.options["pool"]) if "pool" in line.typed else "",
        monkey_patched=pool is None or not pool.needs_monkey_patching or _patched(line, pool),
        module_missing=module_missing(pool),
        cores=cores,
        usable_cores=usable,
        concurrency=concurrency or cores,
        concurrency_chosen=concurrency is not None,
        autoscale_max=None if autoscale is None else int(autoscale[0]),
        beat=bool(line.options.get("beat")),
        fair=line.options.get("optimization") == "fair",
        remote_control=bool(line.settings.get("worker_enable_remote_control", True)),
        limits=_limits(line),
        recycling=_recycling(line),
        delivery=_delivery(line),
        shutdown=_typed(
            Shutdown,
            cold_on_term=line.environment.get("REMAP_SIGTERM") == "SIGQUIT",
            soft_timeout_s=line.settings.get("worker_soft_shutdown_timeout", 0),
        ),
    )


def _pool_name(line: ParsedLine, settings: Mapping[str, Any]) -> str:
    """Return the name of the pool; Celery lets the setting override its default, even if typed."""
    name = str(line.options["pool"])
    return str(settings.get("worker_pool") or name) if name == DEFAULT else name


def _known(name: str) -> Pool | None:
    """Return the pool, or None for a pool that Celery has and the table does not."""
    try:
        return pool_of_implementation(name) or pool_named(name)
    except UsageError:
        return None


def _patched(line: ParsedLine, pool: Pool) -> bool:
    """Call the function that Celery decides with, before click parses the line."""
    try:
        # Celery passes a list of short options, although its stub says it is a string.
        short = cast("str", ["-P"])
        found = _find_option_with_arg(list(line.words), short, ["--pool"])
    except (KeyError, IndexError):
        return False
    return bool(found == pool.name) and "multi" not in line.words


def _either(line: ParsedLine, option: str, setting: str) -> Any:
    """Return the option if it is set, else the trailing setting, as Celery's `either` does."""
    value = line.options.get(option)
    return line.settings.get(setting) if value is None else value


def _concurrency(line: ParsedLine, settings: Mapping[str, Any], cores: int) -> int | None:
    """Return the requested slots; to Celery, trailing settings count less than the project's."""
    name = "worker_concurrency"
    values = (line.options.get("concurrency"), settings.get(name), line.settings.get(name))
    return next((slots for value in values if (slots := _slots(value, cores))), None)


def _slots(value: Any, cores: int) -> int:
    """Read a number of slots; to Celery, 0 means not set and `auto` means the cores."""
    text = str(value or "0")
    if text.strip().lower() == "auto":
        return cores
    try:
        if not text.strip().isdecimal():
            raise ValueError
        return int(text)
    except ValueError:  # int() also rejects numbers of several thousand digits
        raise UsageError(
            f"the concurrency must be a number of slots or auto, not {shortened(text)!r}"
        ) from None


def _limits(line: ParsedLine) -> TimeLimits:
    return _typed(
        TimeLimits,
        hard_s=_either(line, "time_limit", "task_time_limit"),
        soft_s=_either(line, "soft_time_limit", "task_soft_time_limit"),
    )


def _recycling(line: ParsedLine) -> Recycling:
    return _typed(
        Recycling,
        max_tasks_per_child=_either(line, "max_tasks_per_child", "worker_max_tasks_per_child"),
        max_memory_per_child_kib=_either(
            line, "max_memory_per_child", "worker_max_memory_per_child"
        ),
        start_method=_either(line, "pool_start_method", "worker_pool_start_method"),
    )


def _delivery(line: ParsedLine) -> Delivery:
    lease = _names_lease(line)
    try:
        return delivery_from(
            {"worker_disable_prefetch": line.options.get("disable_prefetch"), **line.settings},
            redis=lease or _names_redis(line),
            lease=lease,
            acks_late=line.settings.get("task_acks_late"),
            multiplier_typed=line.options.get("prefetch_multiplier"),
        )
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise _mistyped(error) from error


def _names_lease(line: ParsedLine) -> bool:
    """Return whether the line chooses kombu_lease; in our own app, a variable outweighs the URL."""
    named = transport(line.environment) or line.broker_url.partition("://")[0]
    return transport_called(named) == "lease"


def _names_redis(line: ParsedLine) -> bool | None:
    """Return whether the line's broker is Redis; None if it names none."""
    scheme = line.broker_url.partition("://")[0]
    return scheme in {"redis", "rediss", "redis+socket", "sentinel"} if scheme else None


def _typed(kind: type[T], **values: Any) -> T:
    """Build a `kind`; the trailing settings may hold a value of any type, such as `(json)[1]`."""
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _mistyped(error) from error


def _mistyped(error: Exception) -> UsageError:
    """Return the error for a trailing setting that has a value of the wrong type."""
    return UsageError(f"celery would reject a setting: {shortened(' '.join(str(error).split()))}")
