"""A copy of what arrived in a span of time, and its conversion to what the rules look at: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from monitor.reading.inspection import Delivery
from producer.observation.from_probe import attempt_of, sample_of
from producer.observation.seen import Attempt, Seen, Source, WorkerSeen
from producer.records import Gauge, Record

#: An attempt that ended: the record of a probe, or what events showed.
Ended = Record | Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerWindow:
    """What arrived from one worker; times are seconds since 1970."""

    node: str
    pool: str
    source: Source
    queues: tuple[str, ...]
    gauges: tuple[tuple[float, Gauge], ...]
    ended: tuple[Ended, ...]
    complete_from_s: float  # all attempts that ended since then are there


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What arrived from all workers; times are seconds since 1970."""

    begin_s: float
    span_s: float
    workers: tuple[WorkerWindow, ...]
    depths: Mapping[str, tuple[tuple[float, int], ...]]

    def seen(self, delivery: Callable[[str], Delivery]) -> Seen:
        """Return it as the rules need it; `delivery` finds a worker's settings by its name."""
        begin_s = self.begin_s
        return Seen(
            span_s=self.span_s,
            workers=tuple(_worker(one, begin_s, delivery(one.node)) for one in self.workers),
            depths={
                queue: tuple((at_s - begin_s, depth) for at_s, depth in read if at_s >= begin_s)
                for queue, read in self.depths.items()
            },
        )


def ended_s(one: Ended) -> float:
    """Return when an attempt ended, in its own time."""
    return one.finished if isinstance(one, Record) else one.finished_s


def _worker(one: WorkerWindow, begin_s: float, delivery: Delivery) -> WorkerSeen:
    return WorkerSeen(
        node=one.node,
        pool_name=one.pool,
        source=one.source,
        queues=one.queues,
        samples=tuple(
            sample_of(gauge, at_s - begin_s) for at_s, gauge in one.gauges if at_s >= begin_s
        ),
        attempts=tuple(
            _attempt(ended, begin_s) for ended in one.ended if ended_s(ended) >= one.complete_from_s
        ),
        attempts_from_s=one.complete_from_s - begin_s,
        prefetch_count=delivery.prefetch_count,
        visibility_timeout_s=delivery.visibility_timeout_s,
    )


def _attempt(one: Ended, begin_s: float) -> Attempt:
    if isinstance(one, Record):
        return attempt_of(one, begin_s)
    return replace(
        one,
        sent_s=_since(begin_s, one.sent_s),
        received_s=_since(begin_s, one.received_s),
        started_s=_since(begin_s, one.started_s),
        finished_s=one.finished_s - begin_s,
    )


def _since(begin_s: float, at_s: float | None) -> float | None:
    return None if at_s is None else at_s - begin_s
