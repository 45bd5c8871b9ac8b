"""Follows the probe's records; it knows neither Flower nor the history, and runs in any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from monitor.tiers import COARSE, RANGE_S
from producer.records import ENTRIES_PER_READ, Batch, Clock, RecordReader

#: Seconds between two reads of the stream. Reading less often fetches more at once and costs less.
READ_EVERY_S: Final = 0.2
#: Seconds between two comparisons of this machine's clock with the server's.
CLOCK_EVERY_S: Final = 10.0
#: Seconds of the past to read at the start, as far as the stream still has them.
BACK_S: Final = RANGE_S
#: Seconds that the server may take to reply.
TIMEOUT_S: Final = 5.0


class RecordFollower:
    """Reads the stream at `url` and calls `deliver(batches, now_s)` after each read.

    Before the first read it calls `prepare(now_s, oldest_s)`: it will read all that was written
    since `oldest_s`.
    """

    def __init__(
        self,
        url: str,
        deliver: Callable[[list[Batch], float], None],
        prepare: Callable[[float, float], None],
    ) -> None:
        self._server = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._deliver = deliver
        self._prepare = prepare
        self._offset_s: float | None = None
        self.reader: RecordReader | None = None

    def now_s(self) -> float:
        """Return the records server's time, or this machine's until that is known."""
        return time.time() if self._offset_s is None else time.monotonic() + self._offset_s

    def follow(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        """Follow the stream until `stop` is set, and call `delivered` after each read.

        Raises redis.RedisError or OSError if the server does not answer. Call it again then.
        """
        clock_due, reader = 0.0, None
        while not stop.wait(READ_EVERY_S):
            if time.monotonic() >= clock_due:
                self._offset_s = Clock.read(self._server).offset_s
                clock_due = time.monotonic() + CLOCK_EVERY_S
            reader = reader or self._resumed()
            while len(batches := reader.read(0.001)) >= ENTRIES_PER_READ and not stop.is_set():
                self._deliver(batches, self.now_s())
                delivered()
            self._deliver(batches, self.now_s())
            delivered()

    def _resumed(self) -> RecordReader:
        """Return the reader; if it has read before, the stream may have been recreated since."""
        if self.reader is not None:
            self.reader.resume()
            return self.reader
        reader = RecordReader(self._server, back_s=BACK_S)
        self._prepare(self.now_s(), self._complete_from_s(reader))
        self.reader = reader
        return reader

    def _complete_from_s(self, reader: RecordReader) -> float:
        """Return since when all tasks have a record in the stream."""
        now_s, (oldest_s, is_first) = self.now_s(), reader.oldest_s()
        from_s = now_s if oldest_s is None else max(oldest_s, now_s - BACK_S)
        # Before the first entry of all, there was no task: the step in which it came is complete.
        return from_s // COARSE.step_s * COARSE.step_s if is_first else from_s
