"""Collects what arrives from records, events and inspections; it knows no connection."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final

from lab.observe.inspector import About, Answer, Round
from lab.observe.replies import Running, Stats, TaskEvent
from lab.observe.seen import Attempt, Sample, Seen, Source, WorkerSeen
from lab.observe.task_events import OpenTasks
from producer.records import Batch, Gauge, Record
from worker.pools import POOLS, pool_of_implementation

#: The most attempts that are kept of one worker; the oldest are dropped.
MOST_ATTEMPTS: Final = 200_000
#: Seconds between the first and the last inspection that shows a task running, from which on it
#: is called long.
LONG_S: Final = 2.0


class Collected:
    """Everything that has arrived so far."""

    def __init__(self, begin_s: float) -> None:
        """Begin at this time since 1970."""
        self._begin_s = begin_s
        self._workers: dict[str, _Worker] = {}
        self._open = OpenTasks()
        self._depths: dict[str, list[tuple[float, int]]] = {}
        self._names: dict[str, str] = {}  # of tasks that were running at the first inspection
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
                worker.attempts.append(_attempt(record, self._begin_s))
                self.ended += 1
        if batch.gauge is not None and batch.written >= self._begin_s:
            worker.queues = batch.gauge.queues
            worker.samples.append(_gauge_sample(batch.gauge, batch.written - self._begin_s))

    def add_event(self, event: TaskEvent) -> None:
        """Take an event, unless its worker has a probe."""
        attempt = self._open.add(event, event.timestamp - self._begin_s, self._names)
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
            worker.attempts.append(attempt)
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
        while len(self._names) > MOST_ATTEMPTS:
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

    def _worker(self, node: str) -> _Worker:
        return self._workers.setdefault(node, _Worker())


class _Worker:
    """What has arrived from one worker."""

    def __init__(self) -> None:
        self.source: Source = "inspection"
        self.pool = "?"
        self.queues: tuple[str, ...] = ()
        self.samples: list[Sample] = []
        self.attempts: deque[Attempt] = deque(maxlen=MOST_ATTEMPTS)
        self._prefetch_count: int | None = None
        self._visibility_timeout_s: float | None = None
        self._first_total: Counter[str] | None = None
        self._started: Counter[str] = Counter()
        self._long = _LongTasks()

    def has_probe(self, pool: str) -> None:
        """Use the probe only: what inspections and events say is less exact."""
        if self.source != "probe":
            self.source, self.samples = "probe", []
            self.attempts.clear()
        self.pool = pool

    def describe(self, about: About) -> None:
        """Take what does not change."""
        self.queues = self.queues or about.queues
        self._visibility_timeout_s = about.visibility_timeout_s

    def inspected(self, answer: Answer, at_s: float) -> None:
        """Take an answer; only a worker without a probe gets a sample of it."""
        self._long.add(answer.active, at_s)
        stats = answer.stats
        if stats is None:
            return
        self._prefetch_count = stats.prefetch_count
        self._count(stats)
        pool = pool_of_implementation(stats.pool.implementation)
        self.pool = pool.name if pool else stats.pool.implementation
        if self.source != "probe" and answer.active is not None and answer.reserved is not None:
            self.samples.append(
                Sample(
                    at_s=at_s,
                    slots=stats.pool.slots,
                    busy=len(answer.active),
                    waiting=len(answer.reserved),
                    cpu_s=_cpu_s(stats, self.pool),
                    memory_bytes=None,
                    machine_percent=None,
                )
            )

    def _count(self, stats: Stats) -> None:
        total = Counter(stats.total)
        if self._first_total is None:
            self._first_total = total
        self._started = total - self._first_total

    def seen(self, node: str) -> WorkerSeen:
        """Return everything as a value."""
        return WorkerSeen(
            node=node,
            pool_name=self.pool,
            source=self.source,
            queues=self.queues,
            samples=tuple(self.samples),
            attempts=tuple(self.attempts),
            prefetch_count=self._prefetch_count,
            visibility_timeout_s=self._visibility_timeout_s,
            long_tasks=self._long.names(),
            started=dict(self._started),
        )


class _LongTasks:
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
            if at_s - since_s >= LONG_S and len(self._names) < MOST_ATTEMPTS:
                self._names[task_id] = now[task_id]

    def names(self) -> tuple[str, ...]:
        """Return the names of these tasks, the most frequent first, at most three."""
        return tuple(name for name, _ in Counter(self._names.values()).most_common(3))


def _cpu_s(stats: Stats, pool_name: str) -> float | None:
    """Return the CPU time of a worker; Celery reports that of its main process only."""
    pool = POOLS.get(pool_name)
    if pool is None or pool.slot == "process" or isinstance(stats.rusage, str):
        return None
    return stats.rusage.utime + stats.rusage.stime


def _gauge_sample(gauge: Gauge, at_s: float) -> Sample:
    return Sample(
        at_s=at_s,
        slots=gauge.slots,
        busy=gauge.busy,
        waiting=None if gauge.held is None else max(0, gauge.held - gauge.busy),
        cpu_s=gauge.cpu_s,
        memory_bytes=gauge.memory_bytes,
        machine_percent=gauge.machine_percent,
    )


def _attempt(record: Record, begin_s: float) -> Attempt:
    sent = record.sent if record.due is None else record.due
    return Attempt(
        task_id=record.task_id,
        task=record.task,
        sent_s=None if sent is None else sent - begin_s,
        received_s=record.received - begin_s,
        started_s=None if record.started is None else record.started - begin_s,
        finished_s=record.finished - begin_s,
        outcome=record.outcome,
        redelivered=record.redelivered,
    )
