"""Keeps a queue filled while its broker is being hurt, and notes what the broker confirmed."""

from __future__ import annotations

import threading
import time
from typing import Any, Final
from uuid import uuid4

from celery import Celery
from kombu import Connection

from lab.chaos.book import Book, Sent
from producer import broker
from producer.queues import depths

#: Seconds between two looks at the queue.
LOOK_S: Final = 0.02
#: Seconds until a new connection after an error.
AGAIN_S: Final = 0.2


class Feeder(threading.Thread):
    """Sends tasks whenever fewer than `ahead` wait, until it is told to stop."""

    def __init__(
        self, app: Celery, url: str, queue: str, book: Book, *, ahead: int, work_s: float
    ) -> None:
        super().__init__(name=f"feeder {queue}", daemon=True)
        self._app = app
        self._url = url
        self._queue = queue
        self._book = book
        self._ahead = ahead
        self._stopped = threading.Event()
        self.work_s = work_s  # how long a task takes

    def run(self) -> None:
        """Send until stopped; after an error, connect again."""
        while not self._stopped.is_set():
            with broker.connection(self._app, self._url) as connection:
                try:
                    self._feed(connection)
                except Exception as error:
                    if not broker.is_broker_fault(error) and not isinstance(error, OSError):
                        raise
                    self._stopped.wait(AGAIN_S)

    def stop(self) -> None:
        """Stop sending, and return once nothing is being sent."""
        self._stopped.set()
        self.join()

    def _feed(self, connection: Connection) -> None:
        producer = connection.Producer()
        while not self._stopped.wait(LOOK_S):
            waiting = depths(connection, [self._queue])[self._queue]
            for _ in range(self._ahead - waiting):
                if self._stopped.is_set():
                    return
                self._send(producer)

    def _send(self, producer: Any) -> None:
        task_id = str(uuid4())
        known = False
        try:
            self._app.send_task(
                "chaos.work", (self.work_s,), task_id=task_id, queue=self._queue,
                producer=producer, retry=False, ignore_result=True,
            )  # fmt: skip
            known = True
        finally:
            self._book.add(Sent(task_id=task_id, at_s=time.monotonic(), known=known))
