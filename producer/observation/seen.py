"""What was seen of running workers, as plain values; it knows no source of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from worker.pools import POOLS, Pool

#: Where the figures of a worker come from, the best first.
Source = Literal["probe", "events", "inspection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A worker at one moment. None: unknown."""

    at_s: float  # since the observation began
    slots: int
    busy: int
    waiting: int | None  # messages fetched whose task is due and has not started
    cpu_s: float | None  # of its process tree since it started
    memory_bytes: int | None
    machine_percent: float | None  # CPU of its whole machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt at a task that ended; times are seconds since the observation began."""

    task_id: str
    task: str
    sent_s: float | None  # when it was due, or else sent
    received_s: float | None
    started_s: float | None
    finished_s: float
    outcome: str  # as in `producer.records`
    redelivered: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """Everything that was seen of one worker."""

    node: str
    pool_name: str
    source: Source
    queues: tuple[str, ...]
    samples: tuple[Sample, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    attempts_from_s: float = 0.0  # those that ended earlier were dropped, because there were many
    prefetch_count: int | None = None  # the most messages that it fetches; 0: no limit
    visibility_timeout_s: float | None = None
    long_tasks: tuple[str, ...] = ()  # tasks that were seen running for a while
    started: Mapping[str, int] = field(default_factory=dict)  # tasks started meanwhile, by name

    @property
    def pool(self) -> Pool | None:
        """The row of the pool table; None if it is a pool that nobody knows."""
        return POOLS.get(self.pool_name)

    def covered_s(self, span_s: float) -> float:
        """Return for how long all attempts are known, of an observation of `span_s`."""
        return max(1e-3, span_s - self.attempts_from_s)

    @property
    def slots(self) -> int:
        """The most slots that it had."""
        return max((sample.slots for sample in self.samples), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that was seen of a cluster."""

    span_s: float
    workers: tuple[WorkerSeen, ...]
    #: For each queue, when how many messages waited in it.
    depths: Mapping[str, tuple[tuple[float, int], ...]] = field(default_factory=dict)
