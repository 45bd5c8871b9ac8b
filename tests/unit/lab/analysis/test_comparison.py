"""The pools of several races, paired with their baselines."""

from __future__ import annotations

from dataclasses import replace

from lab.analysis.comparison import compared_pools, lettered, makespan_change
from lab.format.words import TIMES
from lab.results.race import Interval, PoolResult
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
        (f"threads {TIMES}2 · A", False),
        (f"threads {TIMES}2 · B", True),
        (f"prefork {TIMES}2 · B", False),
        (f"gevent {TIMES}2 · B", False),
        (f"solo {TIMES}1 · B", False),
    ]


def test_a_makespan_change_has_a_ratio_unless_the_spreads_overlap() -> None:
    base = sample.race().workloads[0].pools[0]
    baseline = _lasting(base, 2, 1.9, 2.1)
    assert makespan_change(_lasting(base, 3, 2.9, 3.1), baseline) == f"1.50 {TIMES} as long"
    assert makespan_change(_lasting(base, 3, 2.0, 3.1), baseline) == "spreads overlap"
    assert makespan_change(sample.pool_without_a_finish(), base) == "not comparable"


def _lasting(pool: PoolResult, median: float, low: float, high: float) -> PoolResult:
    assert pool.summary is not None
    interval = Interval(median=median, low=low, high=high)
    return replace(pool, summary=replace(pool.summary, makespan_s=interval))
