"""Measures the depths of the queues; it knows neither Flower nor the history, nor its thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final

from celery import Celery

from monitor.reading.key_prefixes import hidden_prefixes
from producer.broker import PATIENCE_S
from producer.queues import depths

#: Seconds between two measurements.
MEASURE_EVERY_S: Final = 1.0
#: Seconds between two looks for queues with a key prefix, while all measured queues are empty.
LOOK_EVERY_S: Final = 30.0


class QueueFollower:
    """Measures the queues that `names()` returns and calls `deliver(depths)`, every second."""

    def __init__(
        self,
        app: Celery,
        names: Callable[[], Collection[str]],
        deliver: Callable[[dict[str, int]], None],
    ) -> None:
        self._app = app
        self._names = names
        self._deliver = deliver
        self._looked_at_s = -LOOK_EVERY_S
        self.key_prefixes: list[str] = []  # of queues that are not measured

    def follow(self, stop: threading.Event, delivered: Callable[[], None]) -> None:
        """Measure until `stop` is set, and call `delivered` after each measurement.

        Raises an error of kombu or of the broker's client if the broker does not answer.
        """
        connection: Any = self._app.connection_for_read()
        if connection.transport.driver_type == "redis":  # otherwise a silent broker hangs it
            connection.transport_options = {
                "socket_timeout": PATIENCE_S,
                "socket_connect_timeout": PATIENCE_S,
                **connection.transport_options,
            }
        try:
            while not stop.wait(MEASURE_EVERY_S):
                found = depths(connection, self._names())
                self._look_for_prefixes(connection, found)
                self._deliver(found)
                delivered()
        finally:
            connection.release()

    def _look_for_prefixes(self, connection: Any, found: dict[str, int]) -> None:
        if any(found.values()):
            self.key_prefixes = []
        elif time.monotonic() - self._looked_at_s >= LOOK_EVERY_S:
            self.key_prefixes = hidden_prefixes(connection.default_channel)
            self._looked_at_s = time.monotonic()
