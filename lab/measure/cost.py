"""What a worker's processes cost over a stretch of time: CPU seconds and peak memory."""

from __future__ import annotations

from typing import Self

from cluster.footprint import MemoryWatch, cpu_s


class Cost:
    """A context manager that measures a process tree; unknown (None) if it cannot be seen."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._watch = None if pid is None else MemoryWatch(pid)
        self._before_s = 0.0
        self.cpu_s: float | None = None
        self.peak_pss_bytes: int | None = None

    def __enter__(self) -> Self:
        """Read the CPU time so far and begin to watch the memory."""
        if self._pid is not None and self._watch is not None:
            self._before_s = cpu_s(self._pid)
            self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the difference in CPU time and the greatest memory seen."""
        if self._pid is not None and self._watch is not None:
            self.cpu_s = max(0.0, cpu_s(self._pid) - self._before_s)
            self._watch.__exit__()
            self.peak_pss_bytes = self._watch.peak_bytes
