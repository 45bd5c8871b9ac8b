"""A job that ends is noticed, reported and started again, with pauses that grow after faults."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import amqp
import kombu.exceptions
import pytest
import redis

from monitor.reading.supervisor import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    RETRY_S,
    STUCK_S,
    Health,
    Supervisor,
)

BOUND_S = 10.0


@dataclass
class Clock:
    """A clock that only the test moves."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


class Job:
    """Ends with the given errors, one each time; afterwards it delivers until it is stopped."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.clock = Clock()
        self.health = Health("records", self.clock)
        self.supervisor = Supervisor(self.health, self.work, self.clock)
        self.delivering = threading.Event()

    def work(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        delivered()
        self.delivering.set()
        assert stop.wait(BOUND_S)

    def attempt(self) -> None:
        """Start the job and notice its end."""
        self.supervisor.check()
        assert self.supervisor.join(BOUND_S)
        self.supervisor.check()

    def finish(self) -> None:
        """Start the job for the last time, and stop it once it delivers."""
        self.supervisor.check()
        assert self.delivering.wait(BOUND_S)
        self.supervisor.stop()
        assert self.supervisor.join(BOUND_S)


AWAY = (
    redis.ConnectionError("Connection closed by server."),
    redis.TimeoutError("Timeout"),
    redis.ResponseError("WRONGTYPE Operation against a key"),
    kombu.exceptions.OperationalError("Error 111 connecting to localhost:1. Connection refused."),
    ConnectionRefusedError(111, "Connection refused"),
    amqp.exceptions.ConnectionForced("shutdown"),
)
FAULTS = (
    ValueError("x"),
    KeyError("node"),
    RecursionError(),
    MemoryError(),
    SystemExit(1),
    AssertionError(),
)


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_a_broker_that_is_away_is_trouble_but_no_fault(error: Exception) -> None:
    job = Job(error, error)
    for _ in range(2):
        job.attempt()
        assert job.health.trouble
        assert "\n" not in job.health.trouble
        job.clock.now_s += RETRY_S
    assert job.health.faults == 0
    job.clock.now_s += STUCK_S
    assert not job.health.is_stuck
    job.finish()
    assert job.health.trouble == ""
    assert job.supervisor.starts == 3


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_any_other_end_is_a_counted_fault_with_growing_pauses(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    job = Job(*[error] * 8)
    pauses_s = []
    for number in range(8):
        job.attempt()
        assert job.health.faults == number + 1
        assert type(error).__name__ in job.health.trouble
        before_s = job.clock.now_s
        while job.supervisor.starts == number + 1 and number < 7:
            job.clock.now_s += FIRST_PAUSE_S / 2
            job.supervisor.check()
        assert job.supervisor.join(BOUND_S)
        pauses_s.append(job.clock.now_s - before_s)
    assert pauses_s[:7] == [1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert job.health.is_stuck
    assert len(caplog.records) == 1  # the same fault is logged once
    job.clock.now_s += LONGEST_PAUSE_S
    job.finish()
    assert (job.health.trouble, job.health.is_stuck, job.health.faults) == ("", False, 8)


def test_a_thread_that_ends_without_an_error_is_a_fault_too() -> None:
    health = Health("records")
    supervisor = Supervisor(health, lambda _stop, delivered: delivered())
    supervisor.check()
    assert supervisor.join(BOUND_S)
    supervisor.check()
    assert health.faults == 1


def test_a_thread_that_is_silent_for_long_is_trouble() -> None:
    job = Job()
    assert job.health.trouble == "not connected yet"
    job.health.delivered()
    job.clock.now_s += STUCK_S + 2
    assert job.health.trouble == "no answer for 32 s"
    assert job.health.is_stuck


def test_a_stopped_job_is_not_started_again() -> None:
    job = Job(ValueError(), ValueError())
    job.attempt()
    job.supervisor.stop()
    job.clock.now_s += LONGEST_PAUSE_S
    job.attempt()
    assert job.supervisor.starts == 1


@pytest.mark.parametrize("error", [*AWAY, *FAULTS], ids=lambda error: type(error).__name__)
def test_the_text_of_an_error_is_not_shown(error: BaseException) -> None:
    error.args = ("redis://:hunter2@host",)
    health = Health("records")
    health.failed(error)
    assert "hunter2" not in health.trouble
