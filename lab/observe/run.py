"""An observation from start to end: read records, events and inspections, then judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import redis

from lab.observe.collected import Collected
from lab.observe.figures import task_figures, worker_figures
from lab.observe.inspector import Inspector, Round
from lab.observe.notes import notes
from lab.observe.observe_options import ObserveOptions
from lab.observe.task_events import EventListener
from lab.results.observation import SCHEMA_VERSION, ObservationResult
from producer import broker, queues
from producer.address import redacted
from producer.observation.findings import findings
from producer.observation.seen import Source
from producer.records import Clock, RecordReader
from tasks.celery import app
from tasks.errors import WorkerError

#: Seconds to wait for records before events and inspections are looked at.
STEP_S: Final = 0.2
#: Seconds between two looks at the queues.
DEPTHS_S: Final = 1.0


class ObserveEvents(Protocol):
    """Learns how an observation proceeds."""

    def watching(self, nodes: dict[str, Source], asked_s: float) -> None:
        """These workers were found; called again if others appear."""

    def passed(self, span_s: float, ended: int) -> None:
        """So much time has passed, and so many tasks have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The result, and what ended the observation early."""

    result: ObservationResult
    ended_by: BaseException | None = None


def observe(
    options: ObserveOptions, server: redis.Redis, nobody: Callable[[], str], events: ObserveEvents
) -> Observed:
    """Observe the workers of a broker; if that ends early, judge what is known by then.

    `nobody` returns what to say if no worker answers. Raises WorkerError then, and
    redis.RedisError if the broker does not answer at the beginning.
    """
    started_at = datetime.now(UTC)
    under_way = _UnderWay(options, server, nobody, events)
    ended_by: BaseException | None = None
    try:
        under_way.follow()
    except WorkerError:
        raise
    except BaseException as ending:  # noqa: BLE001 - what is known by then is kept
        ended_by = ending
    finally:
        under_way.close()
    seen = under_way.collected.seen(max(under_way.passed_s(), 1e-3))
    result = ObservationResult(
        schema_version=SCHEMA_VERSION,
        kind="observation",
        started_at=started_at.isoformat(timespec="seconds"),
        asked_s=options.for_s,
        span_s=seen.span_s,
        broker=redacted(options.broker_url),
        tasks=task_figures(seen),
        workers=worker_figures(seen),
        findings=findings(seen),
        notes=notes(seen),
        interrupted=ended_by is not None,
    )
    return Observed(result=result, ended_by=ended_by)


class _UnderWay:
    """The sources, and what they have brought so far."""

    def __init__(
        self,
        options: ObserveOptions,
        server: redis.Redis,
        nobody: Callable[[], str],
        events: ObserveEvents,
    ) -> None:
        self._options = options
        self._nobody = nobody
        self._events = events
        clock = Clock.read(server)
        self._begin_monotonic_s = time.monotonic()
        self._known: dict[str, Source] = {}
        self.collected = Collected(self._begin_monotonic_s + clock.offset_s)
        self._reader = RecordReader(server)
        self._connection = broker.connection(app, options.broker_url)
        self._listener = EventListener(self._connection)
        self._inspector = Inspector(app, options.broker_url)
        self._end_s: float | None = None
        self._depths_due_s = 0.0

    def passed_s(self) -> float:
        """Return how long the workers have been observed."""
        return self._now_s() if self._end_s is None else self._end_s

    def close(self) -> None:
        """End the observation and close the connections."""
        self._end_s = self._now_s()
        self._inspector.stop()
        self._listener.close()
        self._connection.release()

    def follow(self) -> None:
        """Read everything that arrives until the time is over."""
        while (passed_s := self._now_s()) < self._options.for_s:
            for batch in self._reader.read(min(STEP_S, self._options.for_s - passed_s)):
                self.collected.add_batch(batch)
            for event in self._listener.read():
                self.collected.add_event(event)
            for found in self._rounds():
                self.collected.add_round(found, found.at_monotonic_s - self._begin_monotonic_s)
                self._report()
            self._count_waiting()
            self._events.passed(self._now_s(), self.collected.ended)

    def _count_waiting(self) -> None:
        now_s = self._now_s()
        if now_s >= self._depths_due_s:
            self._depths_due_s = now_s + DEPTHS_S
            found = queues.depths(self._connection, sorted(self.collected.queues))
            self.collected.add_depths(found, now_s)

    def _rounds(self) -> Iterable[Round]:
        while not self._inspector.rounds.empty():
            found = self._inspector.rounds.get()
            if isinstance(found, Exception):
                raise found
            yield found

    def _report(self) -> None:
        nodes = self.collected.nodes
        if not nodes:
            raise WorkerError(self._nobody())
        if nodes != self._known:
            self._known = nodes
            self._events.watching(nodes, self._options.for_s)

    def _now_s(self) -> float:
        return time.monotonic() - self._begin_monotonic_s
