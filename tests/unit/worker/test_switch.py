"""What a running worker may become, before anything is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.errors import UsageError
from worker import concurrency_limit
from worker.options import WorkerOptions
from worker.pools import pool_named
from worker.switch import switched_options

NOW = WorkerOptions(
    pool=pool_named("gevent"), pool_asked="gevent", cores=2, concurrency=20, autoscale_max=30
)


def test_without_a_number_a_pool_gets_its_default_on_this_machine() -> None:
    assert switched_options(NOW, pool_named("prefork"), None).concurrency == 2
    assert switched_options(NOW, pool_named("threads"), None).concurrency == 100
    assert switched_options(NOW, pool_named("solo"), None).concurrency == 1


def test_the_size_asked_for_counts_and_autoscaling_ends() -> None:
    wanted = switched_options(NOW, pool_named("threads"), 7)
    assert (wanted.slots, wanted.autoscale_max) == (7, None)


def test_a_pool_whose_module_is_missing_is_refused() -> None:
    pool = replace(pool_named("gevent"), needs_module="no_such_module")
    with pytest.raises(UsageError, match="needs the module no_such_module"):
        switched_options(NOW, pool, 5)


@pytest.mark.parametrize("concurrency", [0, -1, concurrency_limit.MAX_SLOTS + 1])
def test_a_size_out_of_range_is_refused(concurrency: int) -> None:
    with pytest.raises(UsageError, match="concurrency must be between 1 and 10,000"):
        concurrency_limit.checked_concurrency(pool_named("gevent"), concurrency)


def test_a_pool_of_one_is_not_made_larger() -> None:
    with pytest.raises(UsageError, match="solo runs 1 task at a time"):
        concurrency_limit.checked_concurrency(pool_named("solo"), 2)


def test_more_processes_than_may_be_had_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_limit, "process_limit", lambda: 50)
    assert concurrency_limit.checked_concurrency(pool_named("prefork"), 30) == 30
    assert concurrency_limit.checked_concurrency(pool_named("gevent"), 1_000) == 1_000
    with pytest.raises(
        UsageError, match=r"needs 101 processes and threads, but .* may only have 50"
    ):
        concurrency_limit.checked_concurrency(pool_named("prefork"), 100)
