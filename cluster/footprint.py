"""Measures the CPU time and memory of a worker's whole process tree.

Memory is the proportional set size (PSS): pages that forked processes share are counted once,
divided among them. If the kernel does not report PSS (macOS), the resident set size is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

#: Share of one core that measuring the memory may take; it determines the interval.
SHARE = 0.01
#: The shortest time between two measurements, in seconds.
INTERVAL_S = 0.25


def cpu_s(pid: int) -> float:
    """Return the user and system CPU seconds that a process tree has used since its start.

    A child that has ended is included once its parent has waited for it.
    """
    total = 0.0
    for process in _tree(pid):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def runnable_s(pid: int) -> float | None:
    """Return the seconds in which threads of a process tree ran or were ready to run.

    This is the CPU time that they needed, even if other programs kept the cores busy. Threads that
    have ended are not included. None if the kernel does not report it (macOS).
    """
    total_ns, counted = 0, False
    for process in _tree(pid):
        for thread in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            try:
                running_ns, ready_ns, times = map(int, thread.read_text(encoding="ascii").split())
            except (OSError, ValueError):
                continue
            # A kernel without these statistics reports that no thread ever ran.
            total_ns, counted = total_ns + running_ns + ready_ns, counted or times > 0
    return total_ns / 1e9 if counted else None


def pss_bytes(pid: int) -> int:
    """Return the memory of a process tree in bytes."""
    total = 0
    for process in _tree(pid):
        try:
            total += _proportional_bytes(process)
        except (psutil.Error, OSError):
            continue
    return total


def children_bytes(pid: int) -> int | None:
    """Return the memory of a process tree without its root, in bytes.

    None if there are no children, or if the kernel does not report their PSS: pages that they share
    with the root would count twice.
    """
    sizes = []
    for process in list(_tree(pid))[1:]:
        try:
            sizes.append(_pss_bytes(process))
        except OSError:  # it has ended
            continue
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _proportional_bytes(process: psutil.Process) -> int:
    found = _pss_bytes(process)
    return int(process.memory_info().rss) if found is None else found


def _pss_bytes(process: psutil.Process) -> int | None:
    """Read the kernel's own total; psutil adds up every mapping, which takes ten times as long."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1_024
    except FileNotFoundError:
        pass
    return None


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)
    except psutil.Error:
        return


class MemoryWatch:
    """A context manager that records the peak memory of a process tree."""

    def __init__(self, pid: int, measure: Callable[[int], int] = pss_bytes) -> None:
        self._pid = pid
        self._measure = measure
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-watch", daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> MemoryWatch:
        """Start measuring."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Measure once more and stop."""
        self._done.set()
        self._thread.join()
        self._update()

    def _run(self) -> None:
        wait_s = INTERVAL_S
        while not self._done.wait(wait_s):
            wait_s = max(INTERVAL_S, self._update() / SHARE)

    def _update(self) -> float:
        """Update the peak; return the CPU seconds that this took."""
        before_s = time.thread_time()
        self.peak_bytes = max(self.peak_bytes, self._measure(self._pid))
        return time.thread_time() - before_s
