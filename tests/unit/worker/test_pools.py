"""The pool table agrees with Celery."""

from __future__ import annotations

from types import SimpleNamespace

import click
import pytest
from celery import concurrency
from celery.bin.worker import WORKERS_POOL
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS, POOLS, Nature, Pool, pool_named, pool_of_implementation

CORES = 4

every_pool = pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())


@every_pool
def test_celery_knows_every_name_and_alias(pool: Pool) -> None:
    for name in (pool.name, *pool.aliases):
        implementation = vars(concurrency)["ALIASES"][name]
        assert implementation == f"{pool.implementation}:TaskPool"
        assert pool_of_implementation(implementation) is pool


@every_pool
def test_a_pool_is_found_by_the_class_of_its_implementation(pool: Pool) -> None:
    task_pool = concurrency.get_implementation(pool.name)
    assert pool_of_implementation(task_pool.__module__) is pool


@every_pool
def test_pools_that_can_resize_have_the_methods_for_it(pool: Pool) -> None:
    task_pool = concurrency.get_implementation(pool.name)
    # prefork gets its methods from the pool it wraps, when it starts.
    resizable = hasattr(task_pool, "grow") or hasattr(getattr(task_pool, "Pool", None), "grow")
    assert resizable is pool.grow_shrink


@pytest.mark.parametrize(
    ("capability", "able"),
    [
        ("hard_time_limit", "prefork gevent"),
        ("soft_time_limit", "prefork"),
        ("preemptive", "prefork"),
        ("terminate", "prefork gevent"),
        ("revokes_fetched", "prefork gevent solo"),
        ("grow_shrink", "prefork gevent"),
        ("autoscale", "prefork gevent"),
        ("max_tasks_per_child", "prefork"),
        ("max_memory_per_child", "prefork"),
        ("start_method", "prefork"),
        ("embeds_beat", "prefork threads solo"),
        ("answers_while_busy", "prefork threads gevent"),
        ("survives_task_death", "prefork"),
        ("parallel_python", "prefork"),
        ("acks_from_slots", "gevent"),
        ("needs_monkey_patching", "gevent"),
    ],
)
def test_the_capabilities_of_each_pool(capability: str, able: str) -> None:
    """A quick check; the integration tests check the same facts on real workers."""
    assert [n for n, pool in POOLS.items() if getattr(pool, capability)] == able.split()


def test_an_unknown_implementation_is_not_found() -> None:
    assert pool_of_implementation("celery.concurrency.eventlet:TaskPool") is None


def test_the_pools_have_a_fixed_order() -> None:
    assert tuple(POOLS) == ("prefork", "threads", "gevent", "solo")
    assert tuple(POOLS)[: len(DEFAULT_POOLS)] == DEFAULT_POOLS


@pytest.mark.parametrize(
    ("typed", "meant"), [("gevnt", "gevent"), ("thread", "threads"), ("prefrok", "prefork")]
)
def test_the_error_for_a_typo_suggests_the_closest_name(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        pool_named(typed)
    assert str(refused.value) == (
        f"no pool named '{typed}' (did you mean {meant}? known: prefork, threads, gevent, solo)"
    )


def test_the_error_for_an_unrelated_name_suggests_nothing() -> None:
    with pytest.raises(UsageError, match=r"no pool named 'xyzzy' \(known: prefork, "):
        pool_named("xyzzy")


@every_pool
@pytest.mark.parametrize(
    "setting",
    [None, "", "prefork", "processes", "threads", "solo", "celery.concurrency.thread:TaskPool"],
)
def test_celery_runs_the_pool_that_is_typed_whatever_the_setting_says(
    pool: Pool, setting: str | None
) -> None:
    app = SimpleNamespace(conf=SimpleNamespace(worker_pool=setting))
    context = click.Context(click.Command("worker"), obj=SimpleNamespace(app=app))
    for name in (pool.name_despite(setting), pool.chosen_name):
        assert WORKERS_POOL.convert(name, None, context).__module__ == pool.implementation


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        (None, "prefork"),
        ("prefork", "prefork"),
        ("processes", "prefork"),
        ("celery.concurrency.prefork:TaskPool", "prefork"),
        ("threads", "processes"),
        ("my.pools:Pool", "processes"),
    ],
)
def test_prefork_goes_by_another_name_only_if_the_setting_demands_it(
    setting: str | None, name: str
) -> None:
    assert POOLS["prefork"].name_despite(setting) == name
    assert POOLS["threads"].name_despite(setting) == "threads"


def test_celerys_old_name_for_prefork_is_accepted() -> None:
    assert pool_named("processes") is POOLS["prefork"]


@pytest.mark.parametrize("nature", ["cpu", "io", "mixed"])
def test_pools_with_many_slots_have_equal_defaults(nature: Nature) -> None:
    expected = CORES if nature == "cpu" else 100
    for name in DEFAULT_POOLS:
        assert POOLS[name].default_concurrency(nature, CORES) == expected
    assert POOLS["solo"].default_concurrency(nature, CORES) == 1


@given(concurrency=st.integers(min_value=1, max_value=10_000))
def test_processes_and_threads_of_a_worker(concurrency: int) -> None:
    assert POOLS["prefork"].processes(concurrency) == concurrency + 1
    assert POOLS["prefork"].threads(concurrency) == concurrency + 1
    assert POOLS["threads"].processes(concurrency) == 1
    assert POOLS["threads"].threads(concurrency) == concurrency + 1
    for name in ("gevent", "solo"):
        assert POOLS[name].processes(concurrency) == 1
        assert POOLS[name].threads(concurrency) <= 2
