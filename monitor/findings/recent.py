"""What arrived from the workers in the last minute; it knows neither clock nor Redis.

Times are seconds since 1970 by the records server's clock. Callers hold a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.findings.window import Ended, Window, WorkerWindow, ended_s
from monitor.history.gauge_history import MAX_QUEUES, MAX_WORKERS, WorkerKey
from producer.observation.seen import Attempt, Source
from producer.records import Batch, Gauge

#: Seconds that are kept,
WINDOW_S: Final = 60.0
#: and that must have passed before they prove anything.
SHORTEST_S: Final = 5.0
#: The most attempts that are kept of all workers together; each worker has an equal share.
MOST_ATTEMPTS: Final = 20_000
#: The most gauges that are kept of a worker, which writes one a second.
MOST_GAUGES: Final = 90
#: Seconds between two gauges of a worker without a probe; its heartbeats are read more often.
GAUGE_EVERY_S: Final = 0.9
#: Seconds of silence after which a worker is left out: one that is blocked writes rarely.
SILENT_S: Final = 15.0
#: Seconds without news from a source after which everything begins again: what happened meanwhile
#: is unknown.
GAP_S: Final = 5.0
#: Seconds that a worker's clock may be ahead.
AHEAD_S: Final = 2.0


@dataclass(slots=True, kw_only=True)
class _Worker:
    """What arrived from one worker."""

    pool: str
    source: Source
    seen_s: float
    queues: tuple[str, ...] = ()
    gauges: deque[tuple[float, Gauge]] = field(default_factory=lambda: deque(maxlen=MOST_GAUGES))
    ended: deque[Ended] = field(default_factory=deque)
    dropped_s: float = 0.0  # when the last attempt ended that was dropped for lack of room


class Recent:
    """The attempts, gauges and queue depths of the last minute."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._depths: dict[str, deque[tuple[float, int]]] = {}
        self._from_s: float | None = None
        self._heard_s: dict[str, float] = {}  # when there was news from each source

    def add_batches(self, batches: Iterable[Batch], now_s: float) -> None:
        """Add what the probes wrote."""
        self._hear("records", now_s)
        for batch in batches:
            if batch.kind in {"ready", "stopped"}:  # another process, or none
                self._workers.pop(batch.node, None)
            elif (worker := self._worker(batch.node, batch.pool, "probe", now_s)) is not None:
                worker.ended.extend(one for one in batch.records if self._is_recent(one, now_s))
                if batch.gauge is not None:
                    self._add_gauge(worker, batch.written_by(now_s), batch.gauge)
        self._trim(now_s)

    def add_unprobed(
        self,
        attempts: Iterable[tuple[str, Attempt]],
        gauges: Iterable[tuple[WorkerKey, Gauge]],
        now_s: float,
    ) -> None:
        """Add what events and heartbeats showed of workers without a probe, by name."""
        self._hear("events", now_s)
        for key, gauge in gauges:
            worker = self._worker(key.node, key.pool, "events", now_s)
            if worker is not None and not _is_early(worker, now_s):
                self._add_gauge(worker, now_s, gauge)
        for node, attempt in attempts:
            known = self._workers.get(node)
            if known is not None and known.source == "events" and self._is_recent(attempt, now_s):
                known.ended.append(attempt)
        self._trim(now_s)

    def add_depths(self, depths: Mapping[str, int], now_s: float) -> None:
        """Add how many messages wait in each queue."""
        self._hear("queues", now_s)
        for queue, depth in list(depths.items())[:MAX_QUEUES]:
            self._depths.setdefault(queue, deque()).append((now_s, depth))

    def window(self, now_s: float) -> Window | None:
        """Return a copy of what is known now; None if that is too little to prove anything."""
        if self._from_s is None or now_s - self._from_s < SHORTEST_S:
            return None
        begin_s = max(self._from_s, now_s - WINDOW_S)
        return Window(
            begin_s=begin_s,
            span_s=now_s - begin_s,
            workers=tuple(
                WorkerWindow(
                    node=node,
                    pool=worker.pool,
                    source=worker.source,
                    queues=worker.queues,
                    gauges=tuple(worker.gauges),
                    ended=tuple(worker.ended),
                    complete_from_s=max(begin_s, worker.dropped_s),
                )
                for node, worker in sorted(self._workers.items())
                if now_s - worker.seen_s < SILENT_S
            ),
            depths={queue: tuple(read) for queue, read in self._depths.items() if read},
        )

    def _hear(self, source: str, now_s: float) -> None:
        """Note news of a source; begin again after a while without any, or if the clock was set."""
        if abs(now_s - self._heard_s.get(source, now_s)) > GAP_S:
            self._from_s = now_s
            self._workers.clear()
            self._depths.clear()
        self._heard_s[source] = now_s
        if self._from_s is None:
            self._from_s = now_s

    def _worker(self, node: str, pool: str, source: Source, now_s: float) -> _Worker | None:
        """Return a worker; a new one if its pool or its source has changed, None without room."""
        known = self._workers.get(node)
        if known is None and len(self._workers) >= MAX_WORKERS:
            return None
        if known is None or (known.pool, known.source) != (pool, source):
            known = _Worker(pool=pool, source=source, seen_s=now_s)
            self._workers[node] = known
        known.seen_s = now_s
        return known

    def _is_recent(self, one: Ended, now_s: float) -> bool:
        begin_s = max(self._from_s or 0.0, now_s - WINDOW_S)
        return begin_s <= ended_s(one) <= now_s + AHEAD_S

    def _add_gauge(self, worker: _Worker, at_s: float, gauge: Gauge) -> None:
        """Add a gauge that is newer than the last one."""
        begin_s = worker.gauges[-1][0] if worker.gauges else self._from_s or 0.0
        if at_s > begin_s:
            worker.gauges.append((at_s, gauge))
            worker.queues = gauge.queues

    def _trim(self, now_s: float) -> None:
        """Forget what is old, workers that are gone, and attempts for which there is no room."""
        begin_s = now_s - WINDOW_S
        for node in [n for n, one in self._workers.items() if now_s - one.seen_s > WINDOW_S]:
            del self._workers[node]
        share = MOST_ATTEMPTS // max(1, len(self._workers))
        for worker in self._workers.values():
            while worker.gauges and worker.gauges[0][0] < begin_s:
                worker.gauges.popleft()
            while worker.ended and ended_s(worker.ended[0]) < begin_s:
                worker.ended.popleft()
            while len(worker.ended) > share:
                worker.dropped_s = max(worker.dropped_s, ended_s(worker.ended.popleft()))
        for queue, read in list(self._depths.items()):
            while read and read[0][0] < begin_s:
                read.popleft()
            if not read:
                del self._depths[queue]


def _is_early(worker: _Worker, now_s: float) -> bool:
    return bool(worker.gauges) and now_s - worker.gauges[-1][0] < GAUGE_EVERY_S
