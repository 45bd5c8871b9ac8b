"""Finds tasks that are seen running in inspections far apart; it knows no worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from lab.observe.replies import Running

#: Seconds between the first and the last inspection that shows a task running, from which on it
#: is called long.
LONG_S: Final = 2.0
#: The most tasks that are remembered.
MOST_TASKS: Final = 10_000


class LongTasks:
    """Finds tasks that are seen running in inspections far apart."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}  # by the task's id
        self._names: dict[str, str] = {}  # the same, of those that are long

    def add(self, active: Iterable[Running] | None, at_s: float) -> None:
        """Take the tasks that run now; None if the worker did not answer."""
        if active is None:
            return
        now = {task.id: task.name for task in active}
        self._since_s = {task_id: self._since_s.get(task_id, at_s) for task_id in now}
        for task_id, since_s in self._since_s.items():
            if at_s - since_s >= LONG_S and len(self._names) < MOST_TASKS:
                self._names[task_id] = now[task_id]

    def names(self) -> tuple[str, ...]:
        """Return the names of these tasks, the most frequent first, at most three."""
        return tuple(name for name, _ in Counter(self._names.values()).most_common(3))
