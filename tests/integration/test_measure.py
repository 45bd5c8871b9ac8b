"""A repeat is measured whole on every pool, and settles what could not be run."""

from __future__ import annotations

import pytest

from cluster.local import RunningWorker
from lab.measure.repeat import RepeatSpec, measure
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
