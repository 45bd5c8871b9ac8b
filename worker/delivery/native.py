"""Threads of the operating system, even if gevent has replaced Python's own.

A greenlet stops with its event loop; such a thread does not, as long as the interpreter switches
threads.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from typing import Any


def _original(name: str) -> Any:
    monkey: Any = sys.modules.get("gevent.monkey")
    return monkey.get_original("_thread", name) if monkey else getattr(_thread, name)


def _resolve_names_early() -> None:
    """Make gevent import what it needs to find addresses, before another thread needs it too.

    If two threads import the same module at the same time, one waits for the other; gevent takes
    that for a deadlock if its loop has nothing else to do, and the worker would end (LoopExit).
    """
    hub: Any = sys.modules.get("gevent.hub")
    if hub is not None:
        _ = hub.get_hub().resolver


class NativeThread:
    """A thread that calls `work` at once and at intervals, and `last` when it is stopped.

    Neither may raise.
    """

    def __init__(
        self, work: Callable[[], None], last: Callable[[], None], interval_s: float
    ) -> None:
        """Start none yet."""
        self._work = work
        self._last = last
        self._interval_s = interval_s
        self._running = _original("allocate_lock")()
        self._ended = _original("allocate_lock")()

    def start(self) -> None:
        """Start the thread."""
        _resolve_names_early()
        self._running.acquire()
        self._ended.acquire()
        _original("start_new_thread")(self._run, ())

    def stop(self, timeout_s: float) -> bool:
        """Ask the thread to end; return whether it did so in time."""
        self._running.release()
        return bool(self._ended.acquire(timeout=timeout_s))

    def _run(self) -> None:
        try:
            self._work()
            while not self._running.acquire(timeout=self._interval_s):
                self._work()
            self._last()
        finally:
            self._ended.release()
