"""Collects what arrives from records, events and inspections; it knows no connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.observe.inspector import Round
from lab.observe.worker_collected import WorkerCollected
from producer.observation.from_probe import attempt_of, sample_of
from producer.observation.open_tasks import OpenTasks, TaskEvent
from producer.observation.seen import Seen, Source
from producer.records import Batch

#: The most names of running tasks that are kept; the oldest are dropped.
MOST_NAMES: Final = 200_000


class Collected:
    """Everything that has arrived so far."""

    def __init__(self, begin_s: float) -> None:
        """Begin at this time since 1970."""
        self._begin_s = begin_s
        self._workers: dict[str, WorkerCollected] = {}
        self._depths: dict[str, list[tuple[float, int]]] = {}
        self._names: dict[str, str] = {}  # of tasks that inspections showed
        self._open = OpenTasks(self._names.get)
        self.ended = 0

    @property
    def nodes(self) -> dict[str, Source]:
        """The workers that are known, and the source of their figures."""
        return {node: worker.source for node, worker in self._workers.items()}

    def add_batch(self, batch: Batch) -> None:
        """Take an entry of the probe."""
        worker = self._worker(batch.node)
        worker.has_probe(batch.pool)
        for record in batch.records:
            if record.finished >= self._begin_s:
                worker.ended(attempt_of(record, self._begin_s))
                self.ended += 1
        if batch.gauge is not None and batch.written >= self._begin_s:
            worker.queues = batch.gauge.queues
            worker.samples.append(sample_of(batch.gauge, batch.written - self._begin_s))

    def add_event(self, event: TaskEvent) -> None:
        """Take an event, unless its worker has a probe."""
        attempt = self._open.add(event, event.timestamp - self._begin_s)
        worker = self._workers.get(event.hostname)
        if (
            event.type == "task-sent"
            or not event.hostname
            or (worker is not None and worker.source == "probe")
        ):
            return
        worker = worker or self._worker(event.hostname)
        worker.source = "events"
        if attempt is not None:
            worker.ended(attempt)
            self.ended += 1

    def add_round(self, found: Round, at_s: float) -> None:
        """Take the answers to one round of inspection, which was made at `at_s`."""
        for node, about in found.about.items():
            worker = self._worker(node)
            worker.describe(about)
        for node, answer in found.answers.items():
            self._worker(node).inspected(answer, at_s)
            for task in (*(answer.active or ()), *(answer.reserved or ())):
                self._names[task.id] = task.name
        while len(self._names) > MOST_NAMES:
            del self._names[next(iter(self._names))]

    @property
    def queues(self) -> set[str]:
        """The queues that the workers consume from."""
        return {queue for worker in self._workers.values() for queue in worker.queues}

    def add_depths(self, depths: Mapping[str, int], at_s: float) -> None:
        """Take how many messages wait in each queue."""
        for queue, depth in depths.items():
            self._depths.setdefault(queue, []).append((at_s, depth))

    def seen(self, span_s: float) -> Seen:
        """Return what was seen in the first `span_s` seconds."""
        return Seen(
            span_s=span_s,
            workers=tuple(self._workers[node].seen(node) for node in sorted(self._workers)),
            depths={queue: tuple(read) for queue, read in self._depths.items()},
        )

    def _worker(self, node: str) -> WorkerCollected:
        return self._workers.setdefault(node, WorkerCollected())
