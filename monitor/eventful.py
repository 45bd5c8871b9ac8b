"""Counts the tasks of workers without a probe from Flower's own task events; it knows no history.

Flower hands events from its receiving thread to its loop. The listener only notes those that end a
task; `collect` turns them into ends in the loop, where Flower keeps what it knows of tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from typing import Any, Final

from celery import concurrency

from monitor.gauges import Lane
from monitor.history import End, Key
from producer.records import Gauge

#: Events that end a task, and whether as a failure.
ENDS: Final = {"task-succeeded": False, "task-failed": True}
#: Events kept between two looks; more is more than Flower itself can take.
KEPT: Final = 20_000
#: The pool of a worker that has not told Flower yet.
UNKNOWN: Final = "unknown"

#: Celery's implementation of a pool: its name on the command line.
_ALIASES: dict[str, str] = getattr(concurrency, "ALIASES")  # noqa: B009 - its stub lacks the name
_POOLS: Final = {path: name for name, path in reversed(_ALIASES.items()) if name != "processes"}


class EventListener:
    """Listens beside Flower, by a wrap around the `on_event` of its receiver."""

    def __init__(self, events: Any, inspected: Callable[[], dict[str, Any]]) -> None:
        """Wrap `events`, Flower's receiver; `inspected` returns what it asked workers for."""
        self._state = events.state
        self._inspected = inspected
        self._seen: deque[dict[str, Any]] = deque(maxlen=KEPT)
        hand_on = events.on_event

        def on_event(event: dict[str, Any]) -> None:
            hand_on(event)
            if event["type"] in ENDS:
                self._seen.append(event)

        events.on_event = on_event

    def pool_of(self, node: str) -> str:
        """Return the pool's name that a worker told Flower."""
        pool = self._inspected().get(node, {}).get("stats", {}).get("pool", {})
        return _POOLS.get(str(pool.get("implementation")), UNKNOWN)

    def collect(self, probed: Container[str], now_s: float) -> list[End]:
        """Return what ended since the last call, but for the `probed` nodes, as having ended now.

        Their clocks may be anywhere; an event arrives within moments.
        """
        found = []
        while self._seen:
            event = self._seen.popleft()
            if event["hostname"] not in probed:
                found.append(self._end(event, now_s))
        return found

    def gauges(self, probed: Container[str]) -> Iterator[tuple[Lane, Gauge]]:
        """Return what heartbeats and Flower's own questions tell of living workers."""
        for node, worker in list(self._state.workers.items()):
            if node in probed or not worker.alive:
                continue
            told = self._inspected().get(node, {})
            slots = told.get("stats", {}).get("pool", {}).get("max-concurrency")
            if slots is None:
                continue
            yield (
                Lane(pool=self.pool_of(node), node=node),
                Gauge(
                    up_s=0.0,
                    slots=int(slots),
                    busy=int(worker.active or 0),
                    queues=tuple(queue["name"] for queue in told.get("active_queues", ())),
                    cpu_s=None,
                    memory_bytes=None,
                    memory=None,
                ),
            )

    def unknown(self, probed: Container[str]) -> list[str]:
        """Name the living workers without a probe that Flower has not asked yet."""
        return [
            node
            for node, worker in list(self._state.workers.items())
            if worker.alive
            and node not in probed
            and "stats" not in self._inspected().get(node, {})
        ]

    def _end(self, event: dict[str, Any], now_s: float) -> End:
        task = self._state.tasks.get(event["uuid"])
        node = event["hostname"]
        received = getattr(task, "received", None)
        return End(
            key=Key(pool=self.pool_of(node), node=node, task=getattr(task, "name", None) or "?"),
            at_s=now_s,
            failed=ENDS[event["type"]],
            latency_s=None if received is None else max(0.0, event["timestamp"] - received),
            origin=2,
        )
