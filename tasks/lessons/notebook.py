"""What a lesson's task writes down while it runs: what it did, on what, from when to when.

The one place where tasks look at the clock: a lesson's timeline shows what happens inside a task,
which no record from outside can tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

#: What a task can be doing: using a core, waiting for the clock or a peer, or being kept waiting
#: for something that another one holds.
Doing = Literal["computes", "waits", "blocked"]
DOINGS: Final[tuple[Doing, ...]] = ("computes", "waits", "blocked")


class Notebook:
    """The notes of one task, in seconds since the notebook was opened; open it first thing."""

    def __init__(self) -> None:
        self._opened_s = time.monotonic()
        self._notes: list[tuple[Doing, str, float, float]] = []

    @property
    def elapsed_s(self) -> float:
        """Seconds since the notebook was opened."""
        return time.monotonic() - self._opened_s

    @contextmanager
    def noting(self, doing: Doing, what: str) -> Iterator[None]:
        """Note how long the body takes, also where it raises."""
        began_s = self.elapsed_s
        try:
            yield
        finally:
            self.note(doing, what, began_s, self.elapsed_s)

    def note(self, doing: Doing, what: str, began_s: float, ended_s: float) -> None:
        """Note what was found to have been so from one instant to another."""
        self._notes.append((doing, what, began_s, ended_s))

    def handed_in(self, value: Any) -> dict[str, Any]:
        """Return the task's result as JSON can carry it: `value` and the notes."""
        return {"value": value, "notes": self._notes}
