"""`--check` measures what the user runs, with the settings of the app, or says why it cannot."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lab.advise.check import deployed, read_check
from lab.project.candidates import Candidate
from tasks.errors import UsageError
from tests.unit.lab.project.sample import description

CORES = os.cpu_count() or 1


def checked(line: str, settings: dict[str, Any] | None = None) -> Candidate:
    return deployed(read_check(line), description(settings=settings or {}))


@pytest.mark.parametrize(
    ("line", "settings", "pool", "slots"),
    [
        ("", {}, "prefork", CORES),
        ("-P threads -c 8", {}, "threads", 8),
        ("", {"worker_concurrency": 16}, "prefork", 16),
        ("", {"worker_pool": "threads", "worker_concurrency": 16}, "threads", 16),
        ("-P prefork -c 3", {"worker_pool": "solo"}, "solo", 1),
        ("-P processes -c 3", {"worker_pool": "solo"}, "prefork", 3),
        ("-P solo -c 4", {}, "solo", 1),
        ("-P solo --autoscale 4,2", {}, "solo", 1),
        ("--autoscale 16,2", {}, "prefork", 16),
        ("--autoscale 2,16 -c 4", {"worker_concurrency": 8}, "prefork", 16),
        ("-P gevent --autoscale 100,10", {}, "gevent", 100),
    ],
)
def test_the_pool_and_the_slots_are_those_that_celery_takes(
    line: str, settings: dict[str, Any], pool: str, slots: int
) -> None:
    found = checked(f"celery -A shop worker {line}", settings)
    assert (found.pool.name, found.concurrency, found.flags) == (pool, slots, ())


@pytest.mark.parametrize(
    ("line", "settings", "flags"),
    [
        ("--max-tasks-per-child 1", {}, "--max-tasks-per-child 1"),
        ("--max-tasks-per-child=1", {"worker_max_tasks_per_child": 1}, ""),
        ("--max-tasks-per-child 1", {"worker_max_tasks_per_child": 9}, "--max-tasks-per-child 1"),
        ("", {"worker_max_tasks_per_child": 9}, ""),
        ("-P threads --max-tasks-per-child 1 --soft-time-limit 9", {}, ""),
        ("--max-memory-per-child 9000", {}, "--max-memory-per-child 9000"),
        ("--time-limit 5 --soft-time-limit 4.5", {}, "--time-limit 5 --soft-time-limit 4.5"),
        ("--pool-start-method spawn", {}, "--pool-start-method spawn"),
        ("--disable-prefetch", {}, "--disable-prefetch"),
        ("--disable-prefetch", {"worker_disable_prefetch": True}, ""),
        ("--prefetch-multiplier 1", {}, "--prefetch-multiplier 1"),
        ("--prefetch-multiplier 1", {"worker_prefetch_multiplier": 1}, ""),
        ("--prefetch-multiplier 4", {"worker_prefetch_multiplier": 1}, "--prefetch-multiplier 4"),
        ("--prefetch-multiplier 0", {"worker_prefetch_multiplier": 1}, ""),
        ("-P gevent", {"worker_prefetch_multiplier": 4}, ""),
        ("-P gevent --prefetch-multiplier 10", {"worker_prefetch_multiplier": 4}, ""),
        ("-P gevent", {"worker_prefetch_multiplier": 1}, "--prefetch-multiplier 1"),
        ("-P gevent --prefetch-multiplier 2", {"worker_prefetch_multiplier": 1}, ""),
        ("-P gevent", {"worker_prefetch_multiplier": 0}, ""),
        ("-O fair -l INFO -E -Q mail -n w1@%h --purge -B --statedb state", {}, ""),
    ],
)
def test_only_options_that_change_how_the_pool_runs_tasks_are_kept(
    line: str, settings: dict[str, Any], flags: str
) -> None:
    found = checked(f"celery -A shop worker -c 4 {line}", settings)
    assert " ".join(found.flags) == flags
    assert found.concurrency == 4


def test_options_in_the_environment_count_as_typed() -> None:
    line = "CELERY_WORKER_CONCURRENCY=3 CELERY_WORKER_MAX_TASKS_PER_CHILD=1 celery -A shop worker"
    found = checked(f"CELERY_BROKER_URL=redis://there/0 {line}")
    assert (found.concurrency, found.flags) == (3, ("--max-tasks-per-child", "1"))


@pytest.mark.parametrize(
    ("line", "settings", "reason"),
    [
        ("celery -A shop worker '", {}, "is not a command line"),
        ("celery -A shop worker -P nonsense", {}, "--check: "),
        ("celery -A shop worker -P eventlet", {}, "'eventlet', which cannot be measured"),
        ("celery -A shop worker", {"worker_pool": "my.pools:Pool"}, "'my.pools:Pool', which"),
        ("celery -A shop worker", {"worker_concurrency": "many"}, "--check: the concurrency"),
        ("celery -A shop worker -P threads --autoscale 9,1", {}, "crashes .*: use --concurrency"),
        ("celery -A shop worker --autoscale 0", {}, "a maximum of 1 or more"),
        ("celery -A shop worker task.acks_late=1", {}, "sets task_acks_late.* in your app"),
        ("TZ=UTC celery -A shop worker", {}, "sets the variable TZ.* in your shell"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    line: str, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as refused:
        checked(line, settings)
    assert "\n" not in str(refused.value)
