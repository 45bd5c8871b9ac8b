"""What a trial starts, what it keeps of a window, and which workers stay running after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab.advise.trial.bench import Bench, Goal, trial_of
from lab.advise.trial.stand import spec
from lab.project.candidates import Candidate
from lab.project.counting import Window
from tasks.errors import WorkerError
from worker.pools import POOLS

WINDOW = Window(
    seconds=1.0,
    tasks=100.0,
    failed=0,
    run_s=tuple(number / 100 for number in range(1, 101)),
    busy=1.0,
    cpu_s=0.1,
    peak_pss_bytes=1,
)


@dataclass
class Workers:
    """Running workers of a candidate."""

    candidate: str
    alive: bool = True


@dataclass
class FakeStand:
    """Starts and measures workers that do not exist; candidates are strings."""

    window: Window | None = WINDOW  # None: no task ends
    running: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def start(self, candidate: str) -> Workers:
        self.running.append(candidate)
        self.started.append(candidate)
        return Workers(candidate)

    def stop(self, running: Workers) -> None:
        self.running.remove(running.candidate)

    def measure(
        self,
        running: Workers,  # noqa: ARG002
        run: str,  # noqa: ARG002
        seconds: float,  # noqa: ARG002
        rate_per_s: float | None,  # noqa: ARG002
    ) -> Window:
        if self.window is None:
            raise WorkerError("no task has ended")
        return self.window


def bench(stand: FakeStand, kept: int = 4) -> Bench[str, Workers]:
    return Bench(stand, "run.trial", Goal(), kept)


@pytest.mark.parametrize(("percentile", "seconds"), [(50.0, 0.5), (95.0, 0.95), (99.0, 0.99)])
def test_a_trial_keeps_the_run_time_at_the_percentile_of_the_objective(
    percentile: float, seconds: float
) -> None:
    trial = trial_of(WINDOW, Goal(percentile=percentile))
    assert (trial.p95_s, trial.objective_s) == (0.95, seconds)


def test_the_workers_of_a_candidate_get_its_flags(tmp_path: Path) -> None:
    flags = ("--max-tasks-per-child", "1")
    candidate = Candidate(pool=POOLS["prefork"], concurrency=4, flags=flags)
    assert spec(candidate, tmp_path).flags == flags


def test_a_few_workers_stay_running_to_be_measured_again() -> None:
    stand = FakeStand()
    measured = bench(stand, kept=2)
    for candidate in ("a", "b", "a", "c", "a"):
        measured.trial(candidate, 1.0)
    assert stand.started == ["a", "b", "c"]
    assert stand.running == ["a", "c"]  # b was not used for longest


def test_workers_that_still_hold_tasks_are_stopped_and_their_trial_counts() -> None:
    stand = FakeStand(replace(WINDOW, left=1))
    measured = bench(stand)
    assert measured.trial("a", 1.0) == 100.0
    assert stand.running == []
    measured.trial("a", 1.0)
    assert stand.started == ["a", "a"]
    assert len(measured.trials("a")) == 2


def test_workers_on_which_no_task_ends_are_rejected_and_stopped() -> None:
    stand = FakeStand(None)
    measured = bench(stand)
    assert measured.trial("a", 1.0) == 0.0
    assert measured.is_rejected("a")
    assert stand.running == []
