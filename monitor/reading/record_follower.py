"""Follows the probe's records; it knows neither Flower nor the history, and runs in any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import redis

from monitor.history.tiers import COARSE, RANGE_S
from producer.places import Place, freshest
from producer.records import ENTRIES_PER_READ, Batch, Clock, RecordReader

#: Seconds between two reads of the stream. Reading less often fetches more at once and costs less.
READ_EVERY_S: Final = 0.2
#: Seconds between two comparisons of this machine's clock with the server's.
CLOCK_EVERY_S: Final = 10.0
#: Seconds of the past to read at the start, as far as the stream still has them.
BACK_S: Final = RANGE_S
#: Seconds without an entry after which the other places are looked at, if there are any: idle
#: workers write every second.
SILENT_S: Final = 5.0
#: Seconds that the server may take to reply.
TIMEOUT_S: Final = 5.0


class RecordFollower:
    """Reads the stream and calls `deliver(batches, now_s)` after each read.

    Of several places, it reads the one with the newest entry, until that is silent or fails.
    Before the first read it calls `prepare(now_s, oldest_s)`: it will read all that was written
    since `oldest_s`.
    """

    def __init__(
        self,
        places: Sequence[Place],
        deliver: Callable[[list[Batch], float], None],
        prepare: Callable[[float, float], None],
    ) -> None:
        self._places = places
        self.place = places[0]  # the one read now, or last
        self._deliver = deliver
        self._prepare = prepare
        self._offset_s: float | None = None
        self.reader: RecordReader | None = None
        self.has_caught_up = False  # whether it has delivered all that there was at the start

    def now_s(self) -> float:
        """Return the records server's time, or this machine's until that is known."""
        return time.time() if self._offset_s is None else time.monotonic() + self._offset_s

    def follow(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        """Follow the stream until `stop` is set, and call `delivered` after each read.

        Raises redis.RedisError or OSError if the server does not answer. Call it again then.
        """
        while not stop.wait(READ_EVERY_S):
            place, server = freshest(self._places, TIMEOUT_S)
            try:
                self._offset_s = Clock.read(server).offset_s
                self._read(self._resumed(place, server), server, stop, delivered)
            finally:
                server.connection_pool.disconnect()

    def _read(
        self,
        reader: RecordReader,
        server: redis.Redis,
        stop: threading.Event,
        delivered: Callable[[], None],
    ) -> None:
        """Read until `stop` is set, or until the workers may write to another place."""
        heard_at = time.monotonic()
        clock_due = heard_at + CLOCK_EVERY_S
        while not stop.wait(READ_EVERY_S):
            now = time.monotonic()
            if now >= clock_due:
                self._offset_s = Clock.read(server).offset_s
                clock_due = time.monotonic() + CLOCK_EVERY_S
            while len(batches := reader.read(0.001)) >= ENTRIES_PER_READ and not stop.is_set():
                self._deliver(batches, self.now_s())
                delivered()
            self._deliver(batches, self.now_s())
            delivered()
            self.has_caught_up = True
            heard_at = now if batches else heard_at
            if len(self._places) > 1 and now - heard_at > SILENT_S:
                return

    def _resumed(self, place: Place, server: redis.Redis) -> RecordReader:
        """Return the reader; if it has read before, the stream may be another one now."""
        moved, self.place = place.name != self.place.name, place
        if self.reader is not None:
            self.reader.move(server)
            if not moved:
                self.reader.resume()
            return self.reader
        reader = RecordReader(server, back_s=BACK_S)
        self._prepare(self.now_s(), self._complete_from_s(reader))
        self.reader = reader
        return reader

    def _complete_from_s(self, reader: RecordReader) -> float:
        """Return since when all tasks have a record in the stream."""
        now_s, (oldest_s, is_first) = self.now_s(), reader.oldest_s()
        from_s = now_s if oldest_s is None else min(now_s, max(oldest_s, now_s - BACK_S))
        # Before the first entry of all, there was no task: the step in which it came is complete.
        return from_s // COARSE.step_s * COARSE.step_s if is_first else from_s
