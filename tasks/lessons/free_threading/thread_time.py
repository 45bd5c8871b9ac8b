"""Measures how a thread spends its time: computing, ready but without a core, or asleep.

Only a sleeping thread waits for something in its own process. It must not know what the thread
does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Nanoseconds that the thread which opens this file ran, and that it waited for a core.
_SCHEDSTAT: Final = "/proc/thread-self/schedstat"
#: Attempts to read the clocks without an interruption before an interrupted reading is used.
_READINGS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTime:
    """How a thread spent some seconds."""

    wall_s: float
    cpu_s: float
    queued_s: float | None  # ready to run, with no core to run on; None: unknown

    @property
    def asleep_s(self) -> float:
        """Neither computing nor waiting for a core."""
        return self.wall_s - self.cpu_s - (self.queued_s or 0.0)

    def since(self, before: ThreadTime) -> ThreadTime:
        """Return the time spent between two readings."""
        known = self.queued_s is not None and before.queued_s is not None
        return ThreadTime(
            wall_s=self.wall_s - before.wall_s,
            cpu_s=self.cpu_s - before.cpu_s,
            queued_s=(self.queued_s or 0.0) - (before.queued_s or 0.0) if known else None,
        )


class ThreadClocks:
    """Reads the clocks of the thread that opened it."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def so_far(self) -> ThreadTime:
        """Return the time that the calling thread has spent so far.

        The kernel tends to preempt a thread as a system call returns, and so between two of the
        clocks; then all are read again.
        """
        queued_s = self._queued_s()
        for _ in range(_READINGS):
            wall_s, cpu_s, before_s = time.monotonic(), time.thread_time(), queued_s
            queued_s = self._queued_s()
            if queued_s == before_s:
                break
        return ThreadTime(wall_s=wall_s, cpu_s=cpu_s, queued_s=queued_s)

    def _queued_s(self) -> float | None:
        if self._file is None:
            return None
        return int(os.pread(self._file, 80, 0).split()[1]) / 1e9


@contextmanager
def thread_clocks() -> Iterator[ThreadClocks]:
    """Open the clocks of the calling thread; no other thread may use them."""
    try:
        file = os.open(_SCHEDSTAT, os.O_RDONLY)
    except OSError:  # not Linux
        yield ThreadClocks(None)
        return
    try:
        # If the kernel does not keep these counts it reports 0 even for this running thread.
        counts = any(int(part) for part in os.pread(file, 80, 0).split())
        yield ThreadClocks(file if counts else None)
    finally:
        os.close(file)
