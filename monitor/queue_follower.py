"""A thread that measures the depths of the queues; it knows neither Flower nor the history.

After losing the connection to the broker, it retries until the broker is back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import Final

from celery import Celery

from producer.queues import depths

#: Seconds between two measurements.
MEASURE_EVERY_S: Final = 1.0
#: Seconds between two attempts to reach the broker.
RETRY_S: Final = 0.5

logger = logging.getLogger(__name__)


class QueueFollower(threading.Thread):
    """Measures the queues that `names()` returns and calls `deliver(depths)`, every second."""

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
        self._stop_requested = threading.Event()

    def stop(self) -> None:
        """Ask the thread to stop."""
        self._stop_requested.set()

    def run(self) -> None:
        """Measure until stopped."""
        while not self._stop_requested.wait(RETRY_S):
            connection = self._app.connection_for_read()
            errors = connection.recoverable_connection_errors
            try:
                while not self._stop_requested.wait(MEASURE_EVERY_S):
                    self._deliver(depths(connection, self._names()))
            except errors as error:
                logger.debug("cannot read queue depths, retrying: %s", error)
            finally:
                connection.release()
