"""Two threads that follow what happens: the probe's records, and the depths of the queues.

They know no Flower and no history: what they read they hand on. Each starts over by itself after
its server was away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

import redis
from celery import Celery

from producer.queues import depths
from producer.records import ENTRIES_PER_READ, Batch, Clock, RecordReader

#: Seconds between two looks at the stream: rarer looks fetch more at once, and cost less.
LOOK_S: Final = 0.2
#: Seconds between two looks at the queues.
QUEUES_S: Final = 1.0
#: Seconds between two attempts to reach a server that is away.
RETRY_S: Final = 0.5
#: Seconds between two comparisons of the clocks.
CLOCK_S: Final = 10.0
#: Seconds of the stream that are read at the start: what was before us, as far as it is kept.
BACK_S: Final = 15 * 60
#: Seconds that a server may take to answer.
PATIENCE_S: Final = 5.0

logger = logging.getLogger(__name__)


class RecordFollower(threading.Thread):
    """Reads the stream at `url` and calls `deliver(batches, now)` for each look at it."""

    def __init__(self, url: str, deliver: Callable[[list[Batch], float], None]) -> None:
        super().__init__(name="throughput-records", daemon=True)
        self._server = redis.Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        )
        self._deliver = deliver
        self._ended = threading.Event()
        self._offset_s: float | None = None
        self.reader: RecordReader | None = None
        self.trouble = (
            "not connected yet"  # why the stream is unreadable; empty while it is readable
        )

    def now_s(self) -> float:
        """Return the time by the records' clock; by this machine's until that is known."""
        return time.time() if self._offset_s is None else time.monotonic() + self._offset_s

    def end(self) -> None:
        """Have the thread end soon."""
        self._ended.set()

    def run(self) -> None:
        """Follow the stream until the end."""
        wait_s = 0.0
        while not self._ended.wait(wait_s):
            try:
                self._follow()
            except (redis.RedisError, OSError) as error:
                if not self.trouble:
                    logger.warning("cannot read records, retrying: %s", error)
                self.trouble = type(error).__name__
            wait_s = RETRY_S

    def _follow(self) -> None:
        clock_due = 0.0
        while not self._ended.wait(LOOK_S):
            if time.monotonic() >= clock_due:
                self._offset_s = Clock.read(self._server).offset_s
                clock_due = time.monotonic() + CLOCK_S
            reader = self._reader()
            while len(batches := reader.read(0.001)) >= ENTRIES_PER_READ:
                self._deliver(batches, self.now_s())
            self._deliver(batches, self.now_s())
            if self.trouble and self.reader is not None:
                logger.info("reading records again")
            self.trouble = ""

    def _reader(self) -> RecordReader:
        if self.reader is None:
            self.reader = RecordReader(self._server, back_s=BACK_S, tolerant=True)
        elif self.trouble:
            self.reader.resume()
        return self.reader


class QueueFollower(threading.Thread):
    """Asks for the depths of the `names()` there are and calls `deliver(depths)` every second."""

    def __init__(
        self,
        app: Celery,
        names: Callable[[], Collection[str]],
        deliver: Callable[[dict[str, int]], None],
    ) -> None:
        super().__init__(name="throughput-queues", daemon=True)
        self._app = app
        self._names = names
        self._deliver = deliver
        self._ended = threading.Event()

    def end(self) -> None:
        """Have the thread end soon."""
        self._ended.set()

    def run(self) -> None:
        """Look every second until the end."""
        while not self._ended.wait(RETRY_S):
            connection = self._app.connection_for_read()
            errors = connection.recoverable_connection_errors
            try:
                while not self._ended.wait(QUEUES_S):
                    self._deliver(depths(connection, self._names()))
            except errors as error:
                logger.debug("cannot read queue depths, retrying: %s", error)
            finally:
                connection.release()
