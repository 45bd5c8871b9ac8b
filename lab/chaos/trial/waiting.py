"""Waiting in a trial, which ends at once if the run ends."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from lab.chaos.trial.book import Book
from tasks.errors import WorkerError

#: Seconds between two looks at the ledger.
LOOK_S: Final = 0.02


class StoppedError(Exception):
    """Raised in a trial when the run ends, so that its thread ends too."""


class Waiting:
    """What a trial needs to wait for something."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name = name
        self._stop = stop

    def until(self, condition: Callable[[], object], timeout_s: float, failure: str) -> None:
        """Wait for a condition; raise WorkerError after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise WorkerError(f"{self._name}: {failure} after {timeout_s:g} s")
            self.pause(LOOK_S)

    def within(self, condition: Callable[[], object], timeout_s: float) -> bool:
        """Wait for a condition; return whether it came true in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.pause(LOOK_S)
        return True

    def until_quiet(self, book: Book, patience_s: float, most_s: float = math.inf) -> None:
        """Wait until every task has ended, or none has for `patience_s`; at most `most_s`."""
        deadline = time.monotonic() + most_s
        last, since = -1, time.monotonic()
        while open_tasks := book.open():
            if len(open_tasks) != last:
                last, since = len(open_tasks), time.monotonic()
            if time.monotonic() > min(since + patience_s, deadline):
                return
            self.pause(0.05)

    def pause(self, seconds: float) -> None:
        """Wait; raise StoppedError if the run ends meanwhile."""
        if self._stop.wait(max(0.0, seconds)):
            raise StoppedError
