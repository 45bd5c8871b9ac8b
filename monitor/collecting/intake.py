"""Adds what the readers bring to the history and to the last minute, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Final

from monitor.collecting.counted_spans import CountedSpans
from monitor.findings.recent import Recent
from monitor.history.gauge_history import WorkerKey
from monitor.history.history import FinishedTask, History, finished_task
from monitor.storing.stored_steps import StoredSteps
from producer.observation.seen import Attempt
from producer.records import ENTRIES_PER_READ, MAX_SENDERS, Batch, Gauge, Record

#: Seconds of silence from a worker's probe after which its tasks are counted from events.
SILENT_S: Final = 60.0
#: The outcomes of tasks that are counted if their events are: those that Celery reports as
#: task-succeeded or task-failed.
EVENTED: Final = frozenset({"succeeded", "failed", "time-limit", "slot-lost"})


class Intake:
    """Takes tasks, gauges and depths; any thread may call it."""

    def __init__(
        self,
        history: History,
        lock: threading.Lock,
        steps: StoredSteps,
        recent: Recent,
        sent_s: Callable[[str], float | None],
    ) -> None:
        """Take the time of sending of tasks whose records lack it from `sent_s(task_id)`."""
        self._history, self._lock, self._steps = history, lock, steps
        self._recent = recent
        self._sent_s = sent_s
        self._dropped: dict[tuple[str, int], int] = {}
        self._probe_seen_s: dict[str, float] = {}  # when each node's probe last wrote
        self._from_events = CountedSpans()

    @property
    def dropped_records(self) -> int:
        """How many records the workers have dropped."""
        return sum(self._dropped.values())

    def add_batches(self, batches: list[Batch], now_s: float) -> None:
        """Add what the stream held, without the tasks that were counted from events."""
        ended = [
            (record, self._finished_task(record), batch.entry_id)
            for batch in batches
            for record in batch.records
            if record.is_end
        ]
        until_s = now_s if len(batches) < ENTRIES_PER_READ else batches[-1].written_by(now_s)
        with self._lock:
            self._history.advance(now_s)
            self._steps.add(
                [(task, entry) for record, task, entry in ended if not self._is_counted(record)]
            )
            self._steps.note_read([batch.entry_id for batch in batches], until_s)
            for batch in batches:
                self._add_batch(batch, now_s)
            self._recent.add_batches(batches, now_s)

    def _is_counted(self, record: Record) -> bool:
        return record.outcome in EVENTED and self._from_events.contain(record.node, record.finished)

    def _finished_task(self, record: Record) -> FinishedTask:
        unknown = record.due is None and record.sent is None
        return finished_task(record, self._sent_s(record.task_id) if unknown else None)

    def _add_batch(self, batch: Batch, now_s: float) -> None:
        key = WorkerKey(pool=batch.pool, node=batch.node)
        written_s = self._probe_seen_s[batch.node] = batch.written_by(now_s)
        if batch.gauge is not None:
            self._history.add_gauge(key, written_s, batch.gauge)
        elif batch.kind == "stopped":
            self._history.stop(key, written_s)
        if batch.dropped:
            self._dropped[batch.node, batch.pid] = batch.dropped
            if len(self._dropped) > MAX_SENDERS:
                del self._dropped[next(iter(self._dropped))]

    def add_depths(self, depths: dict[str, int], now_s: float) -> None:
        """Add how many messages wait in each queue."""
        with self._lock:
            self._history.add_depths(now_s, depths)
            self._recent.add_depths(depths, now_s)

    def add_unprobed(
        self,
        tasks: Collection[FinishedTask],
        gauges: Sequence[tuple[WorkerKey, Gauge]],
        attempts: Iterable[tuple[str, Attempt]],
        now_s: float,
        *,
        stopped: Container[str] = (),
    ) -> None:
        """Add what only events and heartbeats tell, of workers without a probe.

        The gauges of `stopped` workers may be from before they stopped.
        """
        with self._lock:
            self._history.advance(now_s)
            self._history.add(tasks)
            for task in tasks:
                self._from_events.note(task.key.node, task.at_s)
            for key, gauge in gauges:
                self._history.add_gauge(key, now_s, gauge)
                if (worker := self._history.gauges.workers.get(key)) is not None:
                    worker.probed = False
            self._stop(stopped, now_s)
            self._recent.add_unprobed(attempts, gauges, now_s)

    def _stop(self, nodes: Container[str], now_s: float) -> None:
        """Note that workers have stopped, except those whose probe reports that."""
        for key, worker in self._history.gauges.workers.items():
            if not worker.probed and key.node in nodes:
                self._history.stop(key, now_s)

    def probed(self, now_s: float, *, readable: bool) -> Container[str]:
        """Return the nodes with an active probe; if records are not readable, the last known."""
        if readable:
            silent = [one for one, at_s in self._probe_seen_s.items() if now_s - at_s > SILENT_S]
            for node in silent:
                del self._probe_seen_s[node]
        return set(self._probe_seen_s)
