"""What a trial starts, and what it keeps of a window."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.advise.trial.bench import Goal, trial_of
from lab.advise.trial.stand import spec
from lab.project.candidates import Candidate
from lab.project.counting import Window
from worker.pools import POOLS


@pytest.mark.parametrize(("percentile", "seconds"), [(50.0, 0.5), (95.0, 0.95), (99.0, 0.99)])
def test_a_trial_keeps_the_run_time_at_the_percentile_of_the_objective(
    percentile: float, seconds: float
) -> None:
    window = Window(
        seconds=1.0,
        tasks=100.0,
        failed=0,
        run_s=tuple(number / 100 for number in range(1, 101)),
        busy=1.0,
        cpu_s=0.1,
        peak_pss_bytes=1,
    )
    trial = trial_of(window, Goal(percentile=percentile))
    assert (trial.p95_s, trial.objective_s) == (0.95, seconds)


def test_the_workers_of_a_candidate_get_its_flags(tmp_path: Path) -> None:
    flags = ("--max-tasks-per-child", "1")
    candidate = Candidate(pool=POOLS["prefork"], concurrency=4, flags=flags)
    assert spec(candidate, tmp_path).flags == flags
