"""What a trial starts, what it keeps of a window, and which workers stay running after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab.advise.trial.bench import Bench, Goal, trial_of
from lab.advise.trial.memory import Memory
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
    needed: dict[str, int] = field(default_factory=lambda: dict.fromkeys("abcd", 1))  # estimates
    used: dict[str, int] = field(default_factory=dict)  # what is measured
    moved: int = 0  # how many windows the clock is set in
    broken: str = ""  # a candidate that does not start

    def start(self, candidate: str) -> Workers:
        if candidate == self.broken:
            raise WorkerError("it died")
        self.running.append(candidate)
        self.started.append(candidate)
        return Workers(candidate)

    def stop(self, running: Workers) -> None:
        self.running.remove(running.candidate)

    def needed_bytes(self, candidate: str) -> int:
        return self.needed[candidate]

    def measure(
        self,
        running: Workers,
        run: str,  # noqa: ARG002
        seconds: float,  # noqa: ARG002
        rate_per_s: float | None,  # noqa: ARG002
    ) -> Window:
        if self.window is None:
            raise WorkerError("no task has ended")
        self.moved -= 1
        return replace(
            self.window,
            peak_pss_bytes=self.used.get(running.candidate, 1),
            clock_moved_s=5.0 if self.moved >= 0 else 0.0,
        )


def bench(
    stand: FakeStand, kept: int = 4, memory: Memory | None = None, name: str = "run.trial"
) -> Bench[str, Workers]:
    return Bench(stand, name, Goal(), memory or Memory(100), kept)


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


def test_a_window_in_which_the_clock_was_set_is_measured_again_on_new_workers() -> None:
    stand = FakeStand(moved=1)
    measured = bench(stand)
    assert measured.trial("a", 1.0) == 100.0
    assert stand.started == ["a", "a"]
    assert stand.running == ["a"]
    assert len(measured.trials("a")) == 1


def test_without_a_window_of_known_times_a_candidate_is_rejected() -> None:
    stand = FakeStand(moved=9)
    measured = bench(stand)
    assert measured.trial("a", 1.0) == 0.0
    assert "the clock of the records' server moved" in next(iter(measured.known()))[2]
    assert stand.running == []


def test_workers_on_which_no_task_ends_are_rejected_and_stopped() -> None:
    stand = FakeStand(None)
    measured = bench(stand)
    assert measured.trial("a", 1.0) == 0.0
    assert measured.is_rejected("a")
    assert stand.running == []


@pytest.mark.parametrize(
    ("needed", "used", "running"),
    [
        ({"a": 40, "b": 40, "c": 20}, {}, ["a", "b", "c"]),
        ({"a": 40, "b": 40, "c": 21}, {}, ["b", "c"]),  # the oldest must go
        ({"a": 90, "b": 90, "c": 90}, {}, ["c"]),  # each would fit alone
        ({"a": 90, "b": 90, "c": 90}, {"a": 30, "b": 30}, ["c"]),  # less, but still too much
        ({"a": 90, "b": 60, "c": 60}, {"a": 20, "b": 20}, ["a", "b", "c"]),  # measured peaks count
        ({"a": 10, "b": 10, "c": 10}, {"c": 85}, ["b", "c"]),  # c has used more than expected
        ({"a": 10, "b": 10, "c": 300}, {}, ["c"]),  # too much alone: a trial rejects it
    ],
)
def test_only_as_many_workers_stay_running_as_fit_into_the_memory(
    needed: dict[str, int], used: dict[str, int], running: list[str]
) -> None:
    stand = FakeStand(needed=needed, used={**needed, **used})
    measured = bench(stand)
    for candidate in needed:
        measured.trial(candidate, 1.0)
    assert stand.running == running


def test_workers_that_were_just_used_are_not_the_ones_to_stop() -> None:
    stand = FakeStand(used=dict.fromkeys("abc", 50), needed=dict.fromkeys("abc", 50))
    measured = bench(stand)
    for candidate in ("a", "b"):
        measured.trial(candidate, 1.0)
    measured.group("a")
    measured.group("c")
    assert stand.running == ["a", "c"]


def test_benches_share_the_memory() -> None:
    needed = {"a": 60, "b": 60}
    first, second = FakeStand(needed=needed, used=needed), FakeStand(needed=needed, used=needed)
    memory = Memory(100)
    one, other = bench(first, memory=memory, name="one"), bench(second, memory=memory, name="two")
    one.trial("a", 1.0)
    other.trial("a", 1.0)
    assert (first.running, second.running) == ([], ["a"])
    other.close()
    one.trial("a", 1.0)
    assert (first.running, second.running) == (["a"], [])


def test_workers_that_do_not_start_take_no_memory() -> None:
    stand = FakeStand(needed={"a": 60, "b": 30, "c": 40}, used={"a": 60, "c": 40}, broken="b")
    measured = bench(stand)
    for candidate in ("a", "b", "c"):
        measured.trial(candidate, 1.0)
    assert stand.running == ["a", "c"]
