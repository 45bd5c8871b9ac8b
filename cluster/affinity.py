"""Pins a running process tree to some of the machine's cores, whatever the processes are.

Linux only: other systems have no call for it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psutil


def can_pin() -> bool:
    """Return whether this system can pin a process to cores."""
    return hasattr(os, "sched_setaffinity")


def cores_of(pid: int) -> frozenset[int]:
    """Return the numbers of the cores that the process's main thread may run on.

    Raises ProcessLookupError if there is no such process.
    """
    return frozenset(os.sched_getaffinity(pid))


@contextmanager
def pinned_to(cores: Collection[int], pid: int) -> Iterator[None]:
    """Pin every thread of the process tree under `pid` to `cores` while the body runs.

    Processes that the tree starts meanwhile inherit the pinning. Afterwards the whole tree gets
    back the cores that its main thread had before. Raises ProcessLookupError if there is no such
    process, OSError if none of `cores` may be used.
    """
    before = cores_of(pid)
    os.sched_setaffinity(pid, cores)
    try:
        _pin(pid, cores)
        yield
    finally:
        _pin(pid, before)


def _pin(pid: int, cores: Collection[int]) -> None:
    for thread in _threads(pid):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cores)


def _threads(pid: int) -> Iterator[int]:
    """Yield the ids of all threads of a process tree: affinity belongs to threads."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            yield from [thread.id for thread in process.threads()]
