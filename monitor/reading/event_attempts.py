"""Puts the task events of workers without a probe together to attempts; it knows no history.

Flower receives events in a thread, and so the listener only stores them. `collect` does the rest in
the event loop.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Final

from monitor.reading.event_queue import NEW_S, EventQueue
from monitor.reading.inspection import task_event, task_name
from producer.observation.open_tasks import OpenTasks
from producer.observation.seen import Attempt

#: The events that begin or end an attempt.
KINDS: Final = frozenset(
    {"received", "started", "succeeded", "failed", "retried", "revoked", "rejected"}
)
#: The most tasks whose events are remembered until they end.
MAX_OPEN: Final = 10_000


class EventAttempts:
    """Listens to the events that Flower receives, by wrapping its receiver's `on_event`."""

    def __init__(self, events: Any, new_s: float = NEW_S) -> None:
        """Wrap `events`, Flower's receiver."""
        self._state = events.state
        self._seen = EventQueue(new_s)
        self._open = OpenTasks(self._name_of, MAX_OPEN)
        flower_on_event = events.on_event

        def on_event(event: dict[str, Any]) -> None:
            flower_on_event(event)
            if isinstance(kind := event.get("type"), str) and kind.removeprefix("task-") in KINDS:
                self._seen.put(event)

        events.on_event = on_event

    def collect(self, probed: Container[str], now_s: float) -> list[tuple[str, Attempt]]:
        """Return the attempts that ended since the last call, each with its worker.

        Those of the `probed` workers are left out, and so is what does not fit; those of new
        workers come later. Times are seconds since 1970 by each worker's clock.
        """
        found = []
        for _, raw in self._seen.take(probed, now_s):
            node = raw.get("hostname")
            if not isinstance(node, str) or node in probed:
                continue
            event = task_event(raw)
            if event is not None and (attempt := self._open.add(event, event.timestamp)):
                found.append((event.hostname, attempt))
        return found

    def _name_of(self, task_id: str) -> str | None:
        return task_name(self._state.tasks.get(task_id))
