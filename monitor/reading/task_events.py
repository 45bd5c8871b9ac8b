"""Counts the tasks of workers without a probe from Flower's task events; it knows no history.

Flower receives events in a thread and passes them to its event loop. The listener only stores those
that finish a task, and the names of workers that stop. `collect` converts them in the event loop,
where Flower updates its tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from typing import Any, Final

from celery import concurrency

from monitor.history.gauge_history import WorkerKey
from monitor.history.history import FinishedTask, SeriesKey
from monitor.history.latency_start import latency_start
from monitor.reading.event_queue import MAX_NODES, NEW_S, EventQueue
from monitor.reading.inspection import (
    Delivery,
    EndEvent,
    Inspection,
    busy_slots,
    delivery,
    encodable,
    end_event,
    eta_s,
    inspection,
    is_name,
    seconds,
    task_name,
)
from producer.records import Gauge

#: The events that finish a task: whether it failed.
FINISHED: Final = {"task-succeeded": False, "task-failed": True}
#: The event of a client that has sent a task, with `task_send_sent_event`.
SENT: Final = "task-sent"
#: The event of a worker that stops.
STOPPED: Final = "worker-offline"
#: The pool of a worker that Flower has not inspected yet.
UNKNOWN_POOL: Final = "unknown"

#: Celery's class path of a pool: its name on the command line.
_ALIASES: dict[str, str] = getattr(concurrency, "ALIASES")  # noqa: B009 - its stub lacks the name
_POOLS: Final = {path: name for name, path in reversed(_ALIASES.items()) if name != "processes"}


class EventListener:
    """Listens to the events that Flower receives, by wrapping its receiver's `on_event`."""

    def __init__(
        self, events: Any, inspected: Callable[[], dict[str, Any]], new_s: float = NEW_S
    ) -> None:
        """Wrap `events`, Flower's receiver; `inspected` returns its inspection results by node."""
        self._state = events.state
        self._inspected = inspected
        self._seen = EventQueue(new_s)
        self._stopped: deque[str] = deque(maxlen=MAX_NODES)
        self._has_sent = False  # whether any client reports when it sends a task
        self.unreadable = 0  # events that do not fit their shape
        flower_on_event = events.on_event

        def on_event(event: dict[str, Any]) -> None:
            flower_on_event(event)
            if isinstance(kind := event.get("type"), str) and kind in FINISHED:
                self._seen.put(event)
            elif kind == SENT:
                self._has_sent = True
            elif kind == STOPPED and is_name(node := event.get("hostname")):
                self._stopped.append(encodable(node))

        events.on_event = on_event

    def queues(self) -> set[str]:
        """Return the queues that the inspected workers consume from."""
        return {name for node in list(self._inspected()) for name in self._inspection(node).queues}

    def live_queues(self) -> set[str]:
        """Return those of the workers that are alive."""
        return {name for node, _ in self._alive(()) for name in self._inspection(node).queues}

    def collect(self, probed: Container[str], now_s: float) -> list[FinishedTask]:
        """Return the tasks that finished since the last call, except those of the `probed` nodes.

        Those of new workers come later. A task counts as finished when its event came: events
        arrive at once, but the worker's clock may be wrong.
        """
        found = []
        for heard_s, raw in self._seen.take(probed, now_s):
            event = end_event(raw)
            if event is None:
                self.unreadable += 1
            elif event.hostname not in probed:
                found.append(self._finished_task(event, raw, heard_s))
        return found

    def stopped(self) -> set[str]:
        """Return the workers that have said since the last call that they stop."""
        found = set()
        while self._stopped:
            found.add(self._stopped.popleft())
        return found

    def gauges(self, probed: Container[str]) -> Iterator[tuple[WorkerKey, Gauge]]:
        """Return the gauges of live workers, from heartbeats and Flower's inspection results."""
        for node, busy in self._alive(probed):
            stats = self._inspection(node).stats
            if stats is None or stats.pool.slots is None:
                continue
            yield (
                WorkerKey(pool=self._pool_of(node), node=encodable(node)),
                Gauge(
                    up_s=0.0,
                    slots=stats.pool.slots,
                    busy=busy,
                    queues=self._inspection(node).queues,
                    cpu_s=None,
                    memory_bytes=None,
                    memory=None,
                ),
            )

    def delivery(self, node: str) -> Delivery:
        """Return how a worker gets its messages, as far as Flower has inspected it."""
        return delivery(self._inspected().get(node, {}))

    def uninspected(self) -> list[str]:
        """Return the live workers that Flower has not inspected yet."""
        return [node for node, _ in self._alive(()) if self._inspection(node).stats is None]

    def _alive(self, probed: Container[str]) -> Iterator[tuple[str, int]]:
        """Return the live workers without a probe, and how many of their slots are busy.

        Their names are those by which Flower knows them.
        """
        for node, worker in list(self._state.workers.items()):
            if is_name(node) and node not in probed:
                busy = busy_slots(worker)
                if busy is not None:
                    yield node, busy

    def _inspection(self, node: str) -> Inspection:
        return inspection(self._inspected().get(node, {}))

    def _pool_of(self, node: str) -> str:
        """Return the name of a worker's pool, or UNKNOWN_POOL."""
        stats = self._inspection(node).stats
        return _POOLS.get(stats.pool.implementation, UNKNOWN_POOL) if stats else UNKNOWN_POOL

    def sent_s(self, task_id: str) -> float | None:
        """Return when a client sent a task, by its clock, if its event says so; for any thread."""
        if not self._has_sent:
            return None
        tasks = self._state.tasks
        task = getattr(tasks, "data", tasks).get(task_id)  # its own `get` would reorder it
        return seconds(getattr(task, "sent", None))

    def _finished_task(self, event: EndEvent, raw: dict[str, Any], now_s: float) -> FinishedTask:
        """Convert an event; `raw` has the names by which Flower knows the task and its worker."""
        task = self._state.tasks.get(raw["uuid"])
        received_s = seconds(getattr(task, "received", None))
        sent_s, due_s = seconds(getattr(task, "sent", None)), eta_s(getattr(task, "eta", None))
        origin, start_s = latency_start(due_s, sent_s, received_s or 0.0)
        return FinishedTask(
            key=SeriesKey(
                pool=self._pool_of(raw["hostname"]),
                node=event.hostname,
                task=task_name(task) or "?",
            ),
            at_s=now_s,
            failed=FINISHED[event.type],
            latency_s=None if received_s is None else max(0.0, event.timestamp - start_s),
            origin=origin,
        )
