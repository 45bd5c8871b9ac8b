"""A clock that is set is noticed, and read again once the workers' probes have read it too."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab.session.server_clock import PROBES_S, WAITS, ServerClock
from worker.probe import CLOCK_INTERVAL_S, Clock


class Server:
    """The clock of a Redis server."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def time(self) -> tuple[int, int]:
        now_us = int((time.monotonic() + 1_000 + self.ahead_s) * 1e6)
        return now_us // 1_000_000, now_us % 1_000_000


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock(server: Server) -> ServerClock:
    stand_in: Any = server
    return ServerClock(stand_in)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the seconds of each wait, instead of waiting."""
    waited: list[float] = []
    monkeypatch.setattr("lab.session.server_clock.time.sleep", waited.append)
    return waited


@pytest.mark.parametrize("ahead_s", [5.0, -5.0, 0.05])
def test_a_move_is_noticed_until_the_probes_have_read_it_too(
    ahead_s: float, server: Server, clock: ServerClock, waits: list[float]
) -> None:
    before = clock.settled()
    assert waits == []
    server.ahead_s = ahead_s
    assert clock.moved_s(before) == pytest.approx(ahead_s, abs=0.01)
    after = clock.settled()
    assert after.offset_s - before.offset_s == pytest.approx(ahead_s, abs=0.01)
    assert waits == [PROBES_S]
    assert PROBES_S > CLOCK_INTERVAL_S
    assert clock.moved_s(after) == 0.0
    assert clock.settled() == clock.reading
    assert len(waits) == 1


def test_a_drift_within_the_errors_and_some_milliseconds_is_no_move(
    server: Server, clock: ServerClock, waits: list[float]
) -> None:
    server.ahead_s = 0.002
    assert clock.moved_s(clock.reading) == 0.0
    inexact = Clock(clock.reading.offset_s - 0.1, 0.2)
    assert clock.moved_s(inexact) == 0.0
    clock.settled()
    assert waits == []


def test_a_clock_that_is_set_all_the_time_is_not_waited_for_without_end(
    server: Server, clock: ServerClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def move(seconds: float) -> None:
        waited.append(seconds)
        server.ahead_s += 1.0

    server.ahead_s = 1.0
    monkeypatch.setattr("lab.session.server_clock.time.sleep", move)
    clock.settled()
    assert len(waited) == WAITS
