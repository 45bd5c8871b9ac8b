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
    __slots__ = ("_signal", "done", "error", "reply", "request", "size_bytes")

    def __init__(self, request: R, size_bytes: int) -> None:
        self.request = request
        self.size_bytes = size_bytes
        self.done = False
        self.reply: Any = None
        self.error: Exception | None = None
        self._signal = threading.Lock()
        self._signal.acquire()

    def wait(self) -> None:
        """Wait until `wake` is called, unless it was called before."""
        self._signal.acquire()

    def wake(self) -> None:
        """Wake the thread that waits."""
        with suppress(RuntimeError, ValueError):  # it is awake already
            self._signal.release()


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
            while not entry.done:
                if not self._turn.acquire(blocking=False):
                    entry.wait()
                elif not self._sending:
                    self._take_turn()
                else:
                    self._turn.release()
                    self._waiting.remove(entry)
                    return self._send_apart(request)
        except BaseException:  # this thread was interrupted, so nobody waits for the reply
            with suppress(ValueError, IndexError):
                self._waiting.remove(entry)
            self._pass_on()
            raise
        if entry.error is not None:
            raise copy.copy(entry.error) from entry.error
        return entry.reply

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: Waiting[_Entry[R]] = Waiting()
        self._turn = threading.RLock()
        self._sending = False

    def _take_turn(self) -> None:
        self._sending = True
        try:
            self._send_batch()
        finally:
            self._sending = False
            self._turn.release()
            self._pass_on()

    def _pass_on(self) -> None:
        """Wake the thread that came first, to send for all that wait."""
        with suppress(IndexError):
            self._waiting[0].wake()

    def _send_batch(self) -> None:
        batch = self._take()
        try:
            replies = self._send([entry.request for entry in batch])
        except Exception as error:  # noqa: BLE001  raised again in each thread
            for entry in batch:
                entry.error, entry.done = error, True
                entry.wake()
        except BaseException:  # interrupted: another thread sends what is left
            self._waiting.extendleft(reversed(batch))
            raise
        else:
            for entry, reply in zip(batch, replies, strict=True):
                entry.reply, entry.done = reply, True
                entry.wake()

    def _take(self) -> list[_Entry[R]]:
        batch: list[_Entry[R]] = []
        left_bytes = _LIMIT_BYTES
        while self._waiting and len(batch) < _LIMIT and left_bytes > 0:
            taken = self._waiting.take(1)
            left_bytes -= sum(entry.size_bytes for entry in taken)
            batch += taken
        return batch
