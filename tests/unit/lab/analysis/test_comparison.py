"""The pools of several races, paired with their baselines."""

from __future__ import annotations

from dataclasses import replace

from lab.analysis.comparison import compared_pools, lettered, workload_names
from lab.format.words import TIMES
from tests.unit.lab.report import sample


def test_races_are_lettered_and_beyond_z_numbered() -> None:
    letters = [race.letter for race in lettered([sample.race()] * 28)]
    assert letters[:2] + letters[25:] == ["A", "B", "Z", "27", "28"]


def test_the_first_race_that_ran_a_pool_is_its_baseline() -> None:
    whole = sample.race()
    burn = whole.workloads[0]
    without_prefork = replace(whole, workloads=(replace(burn, pools=burn.pools[1:2]),))
    compared = compared_pools(lettered([without_prefork, whole]), "burn")
    found = [(one.label, one.baseline is not None) for one in compared]
    assert found == [
        (f"prefork {TIMES}2 · B", False),
        (f"threads {TIMES}2 · A", False),
        (f"threads {TIMES}2 · B", True),
        (f"gevent {TIMES}2 · B", False),
        (f"solo {TIMES}1 · B", False),
    ]


def test_the_order_does_not_depend_on_the_races() -> None:
    whole = sample.race()
    burn, *others = whole.workloads
    mixed_up = replace(
        whole, workloads=(*reversed(others), replace(burn, pools=tuple(reversed(burn.pools))))
    )
    one_way, other_way = lettered([whole, mixed_up]), lettered([mixed_up, whole])
    assert workload_names(one_way) == workload_names(other_way) == ["burn", "sleep", "mixed"]
    assert [one.label for one in compared_pools(one_way, "burn")] == [
        one.label for one in compared_pools(other_way, "burn")
    ]


def test_what_no_table_knows_comes_last() -> None:
    whole = sample.race()
    burn = whole.workloads[0]
    strange = replace(burn, name="a strange one", pools=(replace(burn.pools[0], pool="a pool"),))
    races = lettered([replace(whole, workloads=(strange, burn))])
    assert workload_names(races) == ["burn", "a strange one"]
