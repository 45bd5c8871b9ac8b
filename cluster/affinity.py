"""Holds a process tree that runs to some of the machine's cores; it must not know what runs there.

Linux only: elsewhere no process can be told where to run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psutil


def can_pin() -> bool:
    """Say whether this system lets us choose the cores of a process."""
    return hasattr(os, "sched_setaffinity")


def cores_of(pid: int) -> frozenset[int]:
    """Return the numbers of the cores that the process's main thread may run on.

    Raises ProcessLookupError where there is no such process.
    """
    return frozenset(os.sched_getaffinity(pid))


@contextmanager
def pinned_to(cores: Collection[int], pid: int) -> Iterator[None]:
    """Hold every thread of the tree under `pid` to `cores` while the body runs.

    What it starts meanwhile inherits that. Afterwards all of it may run where the main thread
    might before. Raises ProcessLookupError where there is no such process, OSError where none of
    `cores` may be used.
    """
    before = cores_of(pid)
    os.sched_setaffinity(pid, cores)
    try:
        _hold(pid, cores)
        yield
    finally:
        _hold(pid, before)


def _hold(pid: int, cores: Collection[int]) -> None:
    for thread in _threads(pid):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cores)


def _threads(pid: int) -> Iterator[int]:
    """Yield the ids of all threads of a tree; an affinity is a thread's, not a process's."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            yield from [thread.id for thread in process.threads()]
