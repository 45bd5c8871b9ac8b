"""Calls of a project become workloads of a size that every pool can run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from lab.measure.call_workloads import Calls, fitting_count, groups, traits
from lab.results.advice import Profile
from producer.plan import Work
from worker.pools import POOLS

MAIL, PAGE = Work(task="shop.mail"), Work(task="shop.page", args=(1,))
PAGE_2 = Work(task="shop.page", args=(2,))
WAITING = Profile(
    runs=30,
    failed=0,
    run_s=0.05,
    fastest_s=0.05,
    slowest_s=0.06,
    cpu_s=0.001,
    worker_bytes=100_000_000,
    slot_bytes=1_000_000,
    sends=0.0,
)
COMPUTING = replace(WAITING, cpu_s=0.05)


def test_each_task_is_a_workload_and_so_is_the_mix_of_several() -> None:
    assert groups([PAGE, MAIL, PAGE_2]) == {
        "shop.mail": (MAIL,),
        "shop.page": (PAGE, PAGE_2),
        "mix": (PAGE, MAIL, PAGE_2),
    }
    assert list(groups([MAIL])) == ["shop.mail"]


@pytest.mark.parametrize(("count", "calls"), [(6, 3), (7, 3), (2, 3), (5, 1)])
def test_each_call_is_run_about_as_often_as_the_others(count: int, calls: int) -> None:
    works = tuple(Work(task="t", args=(number,)) for number in range(calls))
    load = Calls(kind=traits("t", WAITING), count=count, calls=works, seed=1)
    plan = load.plan()
    assert len(plan) == count
    turns = Counter(work.args for work in plan.works)
    assert max(turns.values()) - min(turns.values()) <= 1
    assert plan == load.plan()
    assert len(load.warm_up_plan(4)) == 4


@pytest.mark.parametrize(
    ("profile", "slots", "expected"),
    [
        (WAITING, {"prefork": 4, "threads": 64}, 1_000),  # 80/s on prefork, for 15 s
        (COMPUTING, {"prefork": 2, "threads": 2}, 200),  # threads use one core: 20/s
        (replace(WAITING, run_s=60.0), {"prefork": 4, "threads": 64}, 2),  # at least a few
        (replace(WAITING, run_s=0.0001, cpu_s=0.0), {"prefork": 4}, 2_000),  # at most
    ],
)
def test_the_slowest_pool_decides_how_many_tasks_there_are(
    profile: Profile, slots: dict[str, int], expected: int
) -> None:
    by_pool = {POOLS[name]: number for name, number in slots.items()}
    assert fitting_count(profile, by_pool, cores=2, longest_s=15.0) == expected


@pytest.mark.parametrize(
    ("cpu_s", "words", "nature"),
    [
        (0.001, "mostly waits", "io"),
        (0.02, "computes and waits", "mixed"),
        (0.05, "mostly computes", "cpu"),
    ],
)
def test_a_workload_is_named_by_what_its_tasks_do(cpu_s: float, words: str, nature: str) -> None:
    found = traits("shop.page", replace(WAITING, cpu_s=cpu_s))
    assert (found.title, found.nature) == (f"shop.page, {words}", nature)
