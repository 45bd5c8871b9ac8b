"""A repeat is measured whole on every pool, and settles what could not be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cluster.local import RunningWorker
from lab.analysis.score import is_whole
from lab.measure.repeat import RepeatSpec, measure
from lab.results.race import Repeat
from lab.session.server_clock import ServerClock
from lab.session.started import StartedWorker
from producer.plan import Work, burst
from tests.shared_session import SharedSession


def test_every_task_of_a_repeat_is_accounted_for(
    shared: SharedSession, pool_worker: RunningWorker
) -> None:
    plan = burst(Work(task="io.sleep", args=(0.02,)), 20)
    measured = measure(
        shared.session,
        StartedWorker(pool_worker),
        RepeatSpec(run=f"m-{pool_worker.spec.name}", plan=plan, timeout_s=20),
    )
    repeat = measured.repeat
    assert repeat.account.submitted == repeat.account.finished == 20
    assert repeat.account.duplicated == 0
    assert len(repeat.latencies_s) == len(repeat.spans) == len(repeat.finished_at_s) == 20
    assert repeat.makespan_s == max(repeat.finished_at_s)
    assert repeat.throughput_per_s == pytest.approx(20 / repeat.makespan_s)
    assert repeat.makespan_s >= 20 * 0.02 / pool_worker.spec.concurrency
    assert (repeat.peak_pss_bytes or 0) > 1_000_000
    assert 0 < (repeat.cpu_s or 0) < 20
    assert 0 < measured.clock_error_s < 1


def test_failures_are_ends_too(shared: SharedSession, pool_worker: RunningWorker) -> None:
    plan = burst(Work(task="faults.fail"), 4)
    measured = measure(
        shared.session,
        StartedWorker(pool_worker),
        RepeatSpec(run=f"f-{pool_worker.spec.name}", plan=plan, timeout_s=20),
    )
    assert measured.repeat.account.failed == 4
    assert measured.repeat.account.finished == 0


def test_when_time_is_up_what_runs_and_what_waits_are_told_apart(shared: SharedSession) -> None:
    worker = shared.worker("threads")
    slots = worker.spec.concurrency
    plan = burst(Work(task="io.sleep", args=(2,)), slots + 5)
    spec = RepeatSpec(run="late", plan=plan, timeout_s=0.7)
    account = measure(shared.session, StartedWorker(worker), spec).repeat.account
    assert account.finished == 0
    assert account.timed_out == slots
    assert account.unserved == 5
    assert account.lost == 0


@dataclass
class SetServer:
    """The clock of the records' server, which someone sets."""

    server: Any
    ahead_s: float = 0.0

    def time(self) -> tuple[int, int]:
        seconds, microseconds = self.server.time()
        return seconds + round(self.ahead_s), microseconds


@pytest.fixture
def measured_while_set(
    shared: SharedSession, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float, float], Repeat]:
    """Return a function that measures while a clock that was ahead is set."""
    monkeypatch.setattr("lab.session.server_clock.PROBES_S", 0.0)  # the probes never saw it ahead
    worker = StartedWorker(shared.worker("solo"))

    def measured(before_s: float, after_s: float) -> Repeat:
        server: Any = SetServer(shared.session.records, before_s)
        session = replace(shared.session, server_clock=ServerClock(server))
        server.ahead_s = 0.0

        def set_clock(_progress: object) -> None:
            server.ahead_s = after_s

        plan = burst(Work(task="io.sleep", args=(0.02,)), 10)
        spec = RepeatSpec(run=f"set {before_s} {after_s}", plan=plan, timeout_s=20)
        return measure(session, worker, spec, set_clock).repeat

    return measured


def test_a_clock_that_was_set_before_a_repeat_does_not_change_its_times(
    measured_while_set: Callable[[float, float], Repeat],
) -> None:
    usual, after = measured_while_set(0.0, 0.0), measured_while_set(-5.0, 0.0)
    assert after.makespan_s == pytest.approx(usual.makespan_s, abs=0.5)
    assert max(after.latencies_s) == pytest.approx(max(usual.latencies_s), abs=0.5)
    assert is_whole(usual)
    assert is_whole(after)


def test_a_repeat_during_which_the_clock_is_set_has_no_times(
    measured_while_set: Callable[[float, float], Repeat],
) -> None:
    repeat = measured_while_set(0.0, 5.0)
    assert repeat.account.finished == repeat.account.submitted == 10
    assert repeat.clock_moved_s == pytest.approx(5.0, abs=0.1)
    assert (repeat.makespan_s, repeat.latencies_s, repeat.spans) == (0.0, (), ())
    assert not is_whole(repeat)
