"""Measures the depths of the queues; it knows neither Flower nor the history, nor its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any, Final

from celery import Celery

from producer.broker import PATIENCE_S
from producer.queues import depths

#: Seconds between two measurements.
MEASURE_EVERY_S: Final = 1.0


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
                self._deliver(depths(connection, self._names()))
                delivered()
        finally:
            connection.release()
