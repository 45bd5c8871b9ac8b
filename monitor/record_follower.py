"""A thread that follows the probe's records; it knows neither Flower nor the history.

After losing the connection to the server, it retries until the server is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from producer.records import ENTRIES_PER_READ, Batch, Clock, RecordReader

#: Seconds between two reads of the stream. Reading less often fetches more at once and costs less.
READ_EVERY_S: Final = 0.2
#: Seconds between two attempts to reach the server.
RETRY_S: Final = 0.5
#: Seconds between two comparisons of this machine's clock with the server's.
CLOCK_EVERY_S: Final = 10.0
#: Seconds of the past to read at the start, as far as the stream still has them.
BACK_S: Final = 15 * 60
#: Seconds that the server may take to reply.
TIMEOUT_S: Final = 5.0

logger = logging.getLogger(__name__)


class RecordFollower(threading.Thread):
    """Reads the stream at `url` and calls `deliver(batches, now_s)` after each read."""

    def __init__(self, url: str, deliver: Callable[[list[Batch], float], None]) -> None:
        super().__init__(name="throughput-records", daemon=True)
        self._server = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self._deliver = deliver
        self._stop_requested = threading.Event()
        self._offset_s: float | None = None
        self.reader: RecordReader | None = None
        self.trouble = "not connected yet"  # why the stream is unreadable; empty: it is readable

    def now_s(self) -> float:
        """Return the records server's time, or this machine's until that is known."""
        return time.time() if self._offset_s is None else time.monotonic() + self._offset_s

    def stop(self) -> None:
        """Ask the thread to stop."""
        self._stop_requested.set()

    def run(self) -> None:
        """Follow the stream until stopped."""
        wait_s = 0.0
        while not self._stop_requested.wait(wait_s):
            try:
                self._follow()
            except (redis.RedisError, OSError) as error:
                if not self.trouble:
                    logger.warning("cannot read records, retrying: %s", error)
                self.trouble = type(error).__name__
            wait_s = RETRY_S

    def _follow(self) -> None:
        clock_due = 0.0
        while not self._stop_requested.wait(READ_EVERY_S):
            if time.monotonic() >= clock_due:
                self._offset_s = Clock.read(self._server).offset_s
                clock_due = time.monotonic() + CLOCK_EVERY_S
            reader = self._reader()
            while len(batches := reader.read(0.001)) >= ENTRIES_PER_READ:
                self._deliver(batches, self.now_s())
            self._deliver(batches, self.now_s())
            if self.trouble and self.reader is not None:
                logger.info("reading records again")
            self.trouble = ""

    def _reader(self) -> RecordReader:
        if self.reader is None:
            self.reader = RecordReader(self._server, back_s=BACK_S)
        elif self.trouble:
            self.reader.resume()
        return self.reader
