"""Task events in the order in which they came; those of a new worker wait for its first record.

A worker with a probe reports each task twice, in an event and in a record, and the event is faster.
Until a record can have been read, nobody knows whether the worker has a probe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Any, Final

#: Seconds from a worker's first event in which its first record is read, if it has a probe.
NEW_S: Final = 5.0
#: Seconds without an event after which a worker of the same name counts as new.
FORGET_S: Final = 60.0
#: Events that are kept, more than Flower itself can handle between two collections.
MAX_EVENTS: Final = 20_000
#: The most workers that are remembered.
MAX_NODES: Final = 10_000


class EventQueue:
    """Takes events in Flower's event thread, and gives them to its loop."""

    def __init__(self, new_s: float) -> None:
        """Hold the events of a worker for `new_s` seconds after its first; 0: hold none."""
        self._new_s = new_s
        self._seen: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._held: deque[tuple[float, dict[str, Any]]] = deque(maxlen=MAX_EVENTS)
        self._heard_s: dict[str, tuple[float, float]] = {}  # each node's first and last event

    def put(self, event: dict[str, Any]) -> None:
        """Keep an event until it is taken."""
        self._seen.append(event)

    def take(self, probed: Container[str], now_s: float) -> list[tuple[float, dict[str, Any]]]:
        """Return the events that are due, each with the time at which it was first looked at."""
        waiting, due = list(self._held), []
        self._held.clear()
        while self._seen:
            waiting.append((now_s, self._seen.popleft()))
        for heard_s, event in waiting:
            node = event.get("hostname")
            if isinstance(node, str) and node not in probed and self._is_new(node, now_s):
                self._held.append((heard_s, event))
            else:
                due.append((heard_s, event))
        return due

    def _is_new(self, node: str, now_s: float) -> bool:
        first_s, last_s = self._heard_s.pop(node, (now_s, now_s))
        if abs(now_s - last_s) > FORGET_S:  # or the clock was set back
            first_s = now_s
        self._heard_s[node] = first_s, now_s
        if len(self._heard_s) > MAX_NODES:
            del self._heard_s[next(iter(self._heard_s))]
        return now_s - first_s < self._new_s
