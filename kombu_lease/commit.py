"""Sends what several threads want to send at the same time in one round trip.

Each thread waits until its own request is answered, so nothing is held back: the next batch gathers
while one is under way. Greenlets count as threads.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from kombu_lease.waiting import Waiting

R = TypeVar("R")

#: The most requests in one batch.
_LIMIT = 500
#: A batch that has this many bytes takes no more requests.
_LIMIT_BYTES = 4_000_000


class _Entry(Generic[R]):
    __slots__ = ("done", "error", "reply", "request", "size_bytes")

    def __init__(self, request: R, size_bytes: int) -> None:
        self.request = request
        self.size_bytes = size_bytes
        self.done = False
        self.reply: Any = None
        self.error: Exception | None = None


class GroupCommit(Generic[R]):
    """Calls `send` with requests of several threads; it returns a reply for each.

    If `send` raises an exception, each of these threads raises a copy of it. After a fork, the new
    process begins without requests.

    `send_apart` is called by a thread that is sending already: a signal handler has interrupted it.
    """

    _sending: bool  # whether the thread that has the turn sends

    def __init__(
        self, send: Callable[[Sequence[R]], Sequence[Any]], send_apart: Callable[[R], Any]
    ) -> None:
        self._send = send
        self._send_apart = send_apart
        self._begin()

    def __call__(self, request: R, size_bytes: int) -> Any:
        """Return the reply to a request of about so many bytes."""
        if self._pid != os.getpid():
            self._begin()
        entry = _Entry(request, size_bytes)
        self._waiting.append(entry)
        try:
            with self._turn:
                if self._sending:
                    self._waiting.remove(entry)
                    return self._send_apart(request)
                self._sending = True
                try:
                    while not entry.done:
                        self._send_batch()
                finally:
                    self._sending = False
        except BaseException:  # this thread was interrupted, so nobody waits for the reply
            with suppress(ValueError, IndexError):
                self._waiting.remove(entry)
            raise
        if entry.error is not None:
            raise copy.copy(entry.error) from entry.error
        return entry.reply

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: Waiting[_Entry[R]] = Waiting()
        self._turn = threading.RLock()
        self._sending = False

    def _send_batch(self) -> None:
        batch = self._take()
        try:
            replies = self._send([entry.request for entry in batch])
        except Exception as error:  # noqa: BLE001  raised again in each thread
            for entry in batch:
                entry.error, entry.done = error, True
        except BaseException:  # interrupted: another thread sends what is left
            self._waiting.extendleft(reversed(batch))
            raise
        else:
            for entry, reply in zip(batch, replies, strict=True):
                entry.reply, entry.done = reply, True

    def _take(self) -> list[_Entry[R]]:
        batch: list[_Entry[R]] = []
        left_bytes = _LIMIT_BYTES
        while self._waiting and len(batch) < _LIMIT and left_bytes > 0:
            taken = self._waiting.take(1)
            left_bytes -= sum(entry.size_bytes for entry in taken)
            batch += taken
        return batch
