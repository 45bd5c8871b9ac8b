"""The pool table agrees with Celery, and answers for itself."""

from __future__ import annotations

import pytest
from celery import concurrency
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS, POOLS, Nature, Pool, pool_named, pool_of_implementation

CORES = 4

every_pool = pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())


@every_pool
def test_every_name_and_alias_is_one_of_celerys(pool: Pool) -> None:
    for name in (pool.name, *pool.aliases):
        implementation = vars(concurrency)["ALIASES"][name]
        assert implementation == f"{pool.implementation}:TaskPool"
        assert pool_of_implementation(implementation) is pool


@every_pool
def test_the_class_of_a_pool_leads_back_to_its_row(pool: Pool) -> None:
    task_pool = concurrency.get_implementation(pool.name)
    assert pool_of_implementation(task_pool.__module__) is pool


@every_pool
def test_a_pool_that_can_resize_has_the_methods_for_it(pool: Pool) -> None:
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
def test_who_can_do_what(capability: str, able: str) -> None:
    """The same facts are tried on real workers in the integration ring; this is the quick look."""
    assert [n for n, pool in POOLS.items() if getattr(pool, capability)] == able.split()


def test_an_implementation_of_a_stranger_has_no_row() -> None:
    assert pool_of_implementation("celery.concurrency.eventlet:TaskPool") is None


def test_the_pools_are_shown_in_one_order() -> None:
    assert tuple(POOLS) == ("prefork", "threads", "gevent", "solo")
    assert tuple(POOLS)[: len(DEFAULT_POOLS)] == DEFAULT_POOLS


@pytest.mark.parametrize(
    ("typed", "meant"), [("gevnt", "gevent"), ("thread", "threads"), ("prefrok", "prefork")]
)
def test_a_slip_of_the_keyboard_is_answered_with_the_nearest_name(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        pool_named(typed)
    assert str(refused.value) == (
        f"no pool named '{typed}' (did you mean {meant}? known: prefork, threads, gevent, solo)"
    )


def test_a_name_like_no_other_gets_no_guess() -> None:
    with pytest.raises(UsageError, match=r"no pool named 'xyzzy' \(known: prefork, "):
        pool_named("xyzzy")


def test_celerys_old_name_for_prefork_is_known() -> None:
    assert pool_named("processes") is POOLS["prefork"]


@pytest.mark.parametrize("nature", ["cpu", "io", "mixed"])
def test_pools_that_can_have_many_slots_begin_equal(nature: Nature) -> None:
    expected = CORES if nature == "cpu" else 100
    for name in DEFAULT_POOLS:
        assert POOLS[name].default_concurrency(nature, CORES) == expected
    assert POOLS["solo"].default_concurrency(nature, CORES) == 1


@given(concurrency=st.integers(min_value=1, max_value=10_000))
def test_what_a_worker_takes_of_the_machine(concurrency: int) -> None:
    assert POOLS["prefork"].processes(concurrency) == concurrency + 1
    assert POOLS["prefork"].threads(concurrency) == concurrency + 1
    assert POOLS["threads"].processes(concurrency) == 1
    assert POOLS["threads"].threads(concurrency) == concurrency + 1
    for name in ("gevent", "solo"):
        assert POOLS[name].processes(concurrency) == 1
        assert POOLS[name].threads(concurrency) <= 2
