"""The clock of the records' server, which may be set while a session measures by it."""

from __future__ import annotations

import time
from typing import Final

import redis

from worker.probe import CLOCK_INTERVAL_S, Clock

#: Seconds after which every worker's probe has read the clock again.
PROBES_S: Final = CLOCK_INTERVAL_S + 1.0
#: How often to wait for that at most; a clock that is set all the time never settles.
WAITS: Final = 3
#: Seconds by which two readings may differ beyond their errors, and that share of the time between
#: them: two machines' clocks drift.
DRIFT_S: Final = 0.005
DRIFT: Final = 2e-4


class ServerClock:
    """How this process's monotonic clock maps to the server's, as last read."""

    def __init__(self, server: redis.Redis) -> None:
        """Raise redis.RedisError if `server` does not answer."""
        self._server = server
        self.reading = Clock.read(server)
        self._read_at_s = time.monotonic()

    def settled(self) -> Clock:
        """Read the clock; if it has moved since the last reading, wait for the workers' probes.

        Until they have read it again, they write records with times by the old clock.
        """
        for _ in range(WAITS):
            if not self._read():
                break
            time.sleep(PROBES_S)
        return self.reading

    def moved_s(self, since: Clock) -> float:
        """Return by how many seconds the clock was set since a reading; 0 if it only drifted."""
        return self._between(since, Clock.read(self._server))

    def _read(self) -> float:
        before, self.reading = self.reading, Clock.read(self._server)
        moved_s = self._between(before, self.reading)
        self._read_at_s = time.monotonic()
        return moved_s

    def _between(self, one: Clock, other: Clock) -> float:
        moved_s = other.offset_s - one.offset_s
        drift_s = DRIFT_S + DRIFT * (time.monotonic() - self._read_at_s)
        return moved_s if abs(moved_s) > one.error_s + other.error_s + drift_s else 0.0
