"""Notes that a lesson's task takes while it runs: what it did, on what, from when to when.

Only here do task bodies measure time: a lesson's timeline shows what happens inside a task, which
the probe cannot see from outside.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

#: What a task can be doing: using a core, waiting for the clock or a peer, or blocked by another
#: task.
Doing = Literal["computes", "waits", "blocked"]
DOINGS: Final[tuple[Doing, ...]] = ("computes", "waits", "blocked")


class Notebook:
    """The notes of one task, in seconds since the notebook was created; create it first."""

    def __init__(self) -> None:
        self._opened_s = time.monotonic()
        self._notes: list[tuple[Doing, str, float, float]] = []

    @property
    def elapsed_s(self) -> float:
        """Seconds since the notebook was created."""
        return time.monotonic() - self._opened_s

    @property
    def notes(self) -> tuple[tuple[Doing, str, float, float], ...]:
        """The notes: doing, on what, from when, to when."""
        return tuple(self._notes)

    @contextmanager
    def noting(self, doing: Doing, what: str) -> Iterator[None]:
        """Note how long the body takes, even if it raises."""
        began_s = self.elapsed_s
        try:
            yield
        finally:
            self.note(doing, what, began_s, self.elapsed_s)

    def note(self, doing: Doing, what: str, began_s: float, ended_s: float) -> None:
        """Add a note of what was done from `began_s` to `ended_s`."""
        self._notes.append((doing, what, began_s, ended_s))

    def handed_in(self, value: Any) -> dict[str, Any]:
        """Return the task's result as JSON can carry it: `value` and the notes."""
        return {"value": value, "notes": self._notes}
