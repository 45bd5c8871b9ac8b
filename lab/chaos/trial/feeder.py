"""Keeps a queue filled while its broker is being hurt, and notes what the broker confirmed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from celery import Celery
from kombu import Connection

from lab.chaos.trial.book import Book, Sent
from producer import broker
from producer.queues import depth

#: Seconds between two looks at the queue.
LOOK_S: Final = 0.02
#: Seconds until a new connection after an error.
AGAIN_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent."""

    queue: str
    task_s: float  # how long a task takes
    ahead: int  # messages that wait in the queue
    key: str = ""  # of the shared ledger; empty: the tasks use their own
    tasks: int | None = None  # how many to send, all at once; None: until stopped


class Feeder(threading.Thread):
    """Sends tasks whenever few of them wait, until it is stopped."""

    def __init__(self, app: Celery, url: str, load: Load, book: Book) -> None:
        super().__init__(name=f"feeder {load.queue}", daemon=True)
        self._app = app
        self._url = url
        self._load = load
        self._book = book
        self._stopped = threading.Event()
        self._left = load.tasks
        self.task_s = load.task_s  # of the tasks that are sent from now on

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
            for _ in range(self._missing(connection)):
                if self._stopped.is_set():
                    return
                self._send(producer)

    def _missing(self, connection: Connection) -> int:
        if self._left is not None:
            return self._left
        return self._load.ahead - depth(connection, self._load.queue)

    def _send(self, producer: Any) -> None:
        task_id = str(uuid4())
        known = False
        try:
            self._app.send_task(
                "chaos.work",
                (self.task_s, self._load.key),
                task_id=task_id,
                queue=self._load.queue,
                producer=producer,
                retry=False,
                ignore_result=True,
            )
            known = True
        finally:
            if self._left is not None:
                self._left -= 1
            self._book.add(Sent(task_id=task_id, at_s=time.monotonic(), known=known))
