"""Counts the tasks that ran, in shared memory, for workers of any library.

It needs only the standard library, because it runs in the interpreters of other projects too. A
task that counts itself makes no system call, takes no lock and does not release the GIL.
"""

from __future__ import annotations

import os
from itertools import count
from mmap import mmap
from pathlib import Path
from typing import Final

#: How many tasks a process can count.
ROOM: Final = 1 << 20


class Counter:
    """Counts the tasks of this process, and of each process that it forks, in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()
        os.register_at_fork(after_in_child=self._open)

    def add(self) -> None:
        """Count one task: mark a byte that no other thread marks."""
        self._marks[next(self._numbers)] = 1

    def _open(self) -> None:
        with (self._folder / str(os.getpid())).open("w+b") as file:
            file.truncate(ROOM)
            self._marks = mmap(file.fileno(), ROOM)
        self._numbers = count()


def ran(folder: Path, most: int) -> int:
    """Return how many tasks all processes ran, if none ran more than `most`."""
    total = 0
    for path in folder.iterdir():
        with path.open("rb") as file:
            total += file.read(most).count(1)
    return total
