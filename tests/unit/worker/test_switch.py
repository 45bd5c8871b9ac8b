"""A switch request is checked before the worker changes anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.errors import UsageError
from worker import concurrency_limit
from worker.options import WorkerOptions
from worker.pools import pool_named
from worker.switch import switched_options

NOW = WorkerOptions(
    pool=pool_named("gevent"), pool_name="gevent", cores=2, concurrency=20, autoscale_max=30
)


def test_without_a_concurrency_a_pool_gets_its_default() -> None:
    assert switched_options(NOW, pool_named("prefork"), None).concurrency == 2
    assert switched_options(NOW, pool_named("threads"), None).concurrency == 100
    assert switched_options(NOW, pool_named("solo"), None).concurrency == 1


def test_the_requested_concurrency_replaces_autoscaling() -> None:
    wanted = switched_options(NOW, pool_named("threads"), 7)
    assert (wanted.slots, wanted.autoscale_max) == (7, None)


def test_a_pool_with_a_missing_module_is_rejected() -> None:
    pool = replace(pool_named("gevent"), needs_module="no_such_module")
    with pytest.raises(UsageError, match="needs the module no_such_module"):
        switched_options(NOW, pool, 5)


@pytest.mark.parametrize("concurrency", [0, -1, concurrency_limit.MAX_SLOTS + 1])
def test_a_concurrency_out_of_range_is_rejected(concurrency: int) -> None:
    with pytest.raises(UsageError, match="concurrency must be between 1 and 10,000"):
        concurrency_limit.checked_concurrency(pool_named("gevent"), concurrency)


def test_solo_rejects_a_concurrency_above_one() -> None:
    with pytest.raises(UsageError, match="solo runs 1 task at a time"):
        concurrency_limit.checked_concurrency(pool_named("solo"), 2)


def test_a_concurrency_above_the_process_limit_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_limit, "process_limit", lambda: 50)
    assert concurrency_limit.checked_concurrency(pool_named("prefork"), 30) == 30
    assert concurrency_limit.checked_concurrency(pool_named("gevent"), 1_000) == 1_000
    with pytest.raises(
        UsageError, match=r"needs 101 processes and threads, but .* may only have 50"
    ):
        concurrency_limit.checked_concurrency(pool_named("prefork"), 100)
