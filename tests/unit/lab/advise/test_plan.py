"""The planned number of runs follows from the time of a single run, and from the time left."""

from __future__ import annotations

import pytest

from lab.advise.search.budget import Budget
from lab.advise.search.plan import planned
from lab.project.candidates import families
from lab.results.advice import Profile
from tests.unit.lab.advise.test_search import ALL, COMPUTES, ROOM, WAITS, profile


@pytest.mark.parametrize(
    ("of", "trials", "fewest", "most"),
    [
        (COMPUTES, 34, 680, 2_400),  # 20/s on 2 cores: in 34 trials of 1 s, or in all of 120 s
        (WAITS, 34, 2_700, 240_000),  # 80/s with 4 processes; 2,000/s, all that 2 cores can start
        (profile(run_s=5.0, cpu_s=0.0), 8, 64, 25_000),  # 0.8/s with 4 processes
    ],
)
def test_runs_are_counted_for_the_slowest_and_the_fastest_pool(
    of: Profile, trials: int, fewest: int, most: int
) -> None:
    plan = planned(of, families(of, ROOM, ALL), ROOM, Budget(120.0, lambda: 0.0))
    assert (plan.trials, plan.fewest, plan.most) == (trials, fewest, most)
    assert f"about {fewest:,} to {most:,} runs" in plan.line()
