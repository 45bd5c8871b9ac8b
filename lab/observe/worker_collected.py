"""Collects what arrives from one worker, from the best of its sources; it knows no connection."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from lab.observe.inspector import About, Answer
from lab.observe.long_tasks import LongTasks
from lab.observe.replies import Stats
from producer.observation.seen import Attempt, Sample, Source, WorkerSeen
from worker.pools import POOLS, pool_of_implementation

#: The most attempts that are kept of one worker; the oldest are dropped.
MOST_ATTEMPTS: Final = 200_000


class WorkerCollected:
    """What has arrived from one worker."""

    def __init__(self) -> None:
        self.source: Source = "inspection"
        self.pool = "?"
        self.queues: tuple[str, ...] = ()
        self.samples: list[Sample] = []
        self._attempts: deque[Attempt] = deque()
        self._attempts_from_s = 0.0
        self._prefetch_count: int | None = None
        self._visibility_timeout_s: float | None = None
        self._first_total: Counter[str] | None = None
        self._started: Counter[str] = Counter()
        self._long = LongTasks()

    def has_probe(self, pool: str) -> None:
        """Use the probe only: what inspections and events say is less exact."""
        if self.source != "probe":
            self.source, self.samples = "probe", []
            self._attempts.clear()
        self.pool = pool

    def ended(self, attempt: Attempt) -> None:
        """Take an attempt that ended."""
        if len(self._attempts) >= MOST_ATTEMPTS:
            oldest = self._attempts.popleft()
            self._attempts_from_s = max(self._attempts_from_s, oldest.finished_s)
        self._attempts.append(attempt)

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
            attempts=tuple(self._attempts),
            attempts_from_s=self._attempts_from_s,
            prefetch_count=self._prefetch_count,
            visibility_timeout_s=self._visibility_timeout_s,
            long_tasks=self._long.names(),
            started=dict(self._started),
        )


def _cpu_s(stats: Stats, pool_name: str) -> float | None:
    """Return the CPU time of a worker; Celery reports that of its main process only."""
    pool = POOLS.get(pool_name)
    if pool is None or pool.slot == "process" or isinstance(stats.rusage, str):
        return None
    return stats.rusage.utime + stats.rusage.stime
