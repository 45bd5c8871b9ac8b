"""Threads of the operating system, even if gevent has replaced Python's own.

A greenlet stops with its event loop; such a thread does not, as long as the interpreter switches
threads.
"""

from __future__ import annotations

from collections.abc import Callable

from kombu_lease.native import original, start_thread


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
        self._running = original("_thread", "allocate_lock")()
        self._ended = original("_thread", "allocate_lock")()

    def start(self) -> None:
        """Start the thread."""
        self._running.acquire()
        self._ended.acquire()
        start_thread(self._run)

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
