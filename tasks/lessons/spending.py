"""How a thread spends its time: computing, ready to but without a core, or asleep.

Only the last is a wait for somebody in its own process. It must not know what the thread does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Of the thread that opens it: nanoseconds that it ran, and that it waited for a core.
_SCHEDSTAT: Final = "/proc/thread-self/schedstat"
#: Readings after which one is taken that was interrupted.
_READINGS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of a thread since some instant."""

    wall_s: float
    cpu_s: float
    queued_s: float | None  # ready to run, with no core to run on; None: not told here

    @property
    def asleep_s(self) -> float:
        """The rest."""
        return self.wall_s - self.cpu_s - (self.queued_s or 0.0)

    def since(self, before: Spent) -> Spent:
        """Return what was spent between the two."""
        told = self.queued_s is not None and before.queued_s is not None
        return Spent(
            wall_s=self.wall_s - before.wall_s,
            cpu_s=self.cpu_s - before.cpu_s,
            queued_s=(self.queued_s or 0.0) - (before.queued_s or 0.0) if told else None,
        )


class Spending:
    """Reads the clocks of the thread that has opened it."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def so_far(self) -> Spent:
        """Return what the calling thread has spent.

        The kernel likes to take the core away as a system call returns, between two of the clocks;
        then they are read again.
        """
        queued_s = self._queued_s()
        for _ in range(_READINGS):
            wall_s, cpu_s, before_s = time.monotonic(), time.thread_time(), queued_s
            queued_s = self._queued_s()
            if queued_s == before_s:
                break
        return Spent(wall_s=wall_s, cpu_s=cpu_s, queued_s=queued_s)

    def _queued_s(self) -> float | None:
        if self._file is None:
            return None
        return int(os.pread(self._file, 80, 0).split()[1]) / 1e9


@contextmanager
def spending() -> Iterator[Spending]:
    """Open the clocks of the calling thread; use them in no other."""
    try:
        file = os.open(_SCHEDSTAT, os.O_RDONLY)
    except OSError:  # not Linux
        yield Spending(None)
        return
    try:
        # A kernel that does not count says that this thread, which runs, never did.
        counts = any(int(part) for part in os.pread(file, 80, 0).split())
        yield Spending(file if counts else None)
    finally:
        os.close(file)
