"""The last 15 minutes, second by second, in arrays of fixed size; it knows neither clock nor Redis.

Seconds are Unix time by the records server's clock. The history is a ring: a second is stored at
the index `second % KEPT_S`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauge_history import GaugeHistory, WorkerKey
from producer.records import Gauge, Record

#: Seconds that a query may cover.
RANGE_S: Final = 15 * 60
#: Seconds that are stored: a few more, because the newest ones are still being filled.
KEPT_S: Final = RANGE_S + 10
#: Series stored one per worker and task, 350 kB each. A worker's further tasks share its OTHERS.
MAX_SERIES: Final = 192
#: Series stored at most. Beyond it, all further tasks of all workers share one series.
MAX_FOLDED: Final = 256
OTHERS: Final = "(others)"
#: Seconds that a worker's clock may be ahead before its records are rejected.
AHEAD_S: Final = 2
#: Where a latency can start, best first: the earliest one that is known is used.
ORIGINS: Final = ("due", "sent", "received")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesKey:
    """The worker and the task of a series: what the page can filter by."""

    pool: str
    node: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTask:
    """What the history needs to know about one finished task."""

    key: SeriesKey
    at_s: float
    failed: bool
    latency_s: float | None  # None: it never reached a slot
    origin: int  # index into ORIGINS


class Series:
    """The counts of one task on one worker, a row for each second of the ring."""

    __slots__ = ("failed", "finished", "latencies", "origins")

    def __init__(self) -> None:
        self.finished = np.zeros(KEPT_S, np.uint32)  # includes failed tasks
        self.failed = np.zeros(KEPT_S, np.uint32)
        self.origins = np.zeros((KEPT_S, len(ORIGINS)), np.uint32)
        self.latencies = np.zeros((KEPT_S, histogram.BUCKETS), np.uint16)

    def clear(self, index: int) -> None:
        """Forget one second."""
        self.finished[index] = self.failed[index] = 0
        self.origins[index] = self.latencies[index] = 0

    def add(self, indices: NDArray[np.int64], tasks: list[FinishedTask]) -> None:
        """Count `tasks`, each in the second of the same position in `indices`."""
        np.add.at(self.finished, indices, 1)
        np.add.at(self.failed, indices[np.array([task.failed for task in tasks])], 1)
        ran = np.array([task.latency_s is not None for task in tasks])
        if not ran.any():
            return
        origins = np.array([task.origin for task in tasks])[ran]
        np.add.at(self.origins, (indices[ran], origins), 1)
        latencies_s = np.array([task.latency_s for task in tasks if task.latency_s is not None])
        buckets = histogram.buckets_of(latencies_s)
        histogram.add(self.latencies, indices[ran] * histogram.BUCKETS + buckets)


class History:
    """Everything that the page can show. Not thread-safe: callers hold a lock."""

    def __init__(self, now_s: int) -> None:
        """Start an empty history at second `now_s`."""
        self.newest_s = now_s
        self.series: dict[SeriesKey, Series] = {}
        self.gauges = GaugeHistory(KEPT_S)
        self.revision = 0
        self.changed = np.zeros(KEPT_S, np.int64)  # the revision that last changed each second
        self._room_made_s = 0  # when idle series were last forgotten
        self.misdated = 0  # tasks not counted: finished before the kept range, or in the future

    def advance(self, now_s: float) -> None:
        """Move on to the second of `now_s` and clear the seconds that it reuses."""
        self.revision += 1
        second = int(now_s)
        for fresh_s in range(max(self.newest_s + 1, second - KEPT_S + 1), second + 1):
            index = fresh_s % KEPT_S
            for series in self.series.values():
                series.clear(index)
            self.gauges.clear(index)
            self.changed[index] = self.revision
        self.newest_s = max(self.newest_s, second)

    def add(self, tasks: Iterable[FinishedTask]) -> None:
        """Count finished tasks, in any order."""
        groups: defaultdict[SeriesKey, list[FinishedTask]] = defaultdict(list)
        for task in tasks:
            if 0 <= self.newest_s + AHEAD_S - int(task.at_s) < KEPT_S - AHEAD_S:
                groups[task.key].append(task)
            else:
                self.misdated += 1
        if not groups:
            return
        self.advance(max(task.at_s for group in groups.values() for task in group))
        self._make_room()
        # Merged first, because adding to a series costs the same for one task and for a hundred.
        merged: defaultdict[SeriesKey, list[FinishedTask]] = defaultdict(list)
        for key, group in groups.items():
            merged[self._kept_key(key)] += group
        for key, group in merged.items():
            indices = np.array([int(task.at_s) for task in group]) % KEPT_S
            self.changed[indices] = self.revision
            self.series[key].add(indices, group)

    def add_gauge(self, key: WorkerKey, at_s: float, gauge: Gauge) -> None:
        """Add a worker's gauge, unless it is from outside the kept range."""
        if not 0 <= self.newest_s + AHEAD_S - int(at_s) < KEPT_S - AHEAD_S:
            return
        self.advance(max(at_s, self.newest_s))
        self._mark_changed(self.gauges.add_gauge(key, at_s, gauge))

    def add_depths(self, at_s: float, depths: dict[str, int]) -> None:
        """Add the number of messages waiting in each queue."""
        self.advance(max(at_s, self.newest_s))
        self._mark_changed(self.gauges.add_depths(int(at_s), depths))

    def active_keys(self) -> Iterator[SeriesKey]:
        """Return the keys of the series with at least one finished task."""
        return (key for key, series in self.series.items() if series.finished.any())

    def _mark_changed(self, seconds: Iterable[int]) -> None:
        for second in seconds:
            self.changed[second % KEPT_S] = self.revision

    def _kept_key(self, key: SeriesKey) -> SeriesKey:
        """Return the key of the series that counts the tasks of `key`; make it if there is room."""
        if key not in self.series and len(self.series) >= MAX_SERIES:
            key = SeriesKey(pool=key.pool, node=key.node, task=OTHERS)
            if key not in self.series and len(self.series) >= MAX_FOLDED:
                key = SeriesKey(pool=OTHERS, node=OTHERS, task=OTHERS)
        if key not in self.series:
            self.series[key] = Series()
        return key

    def _make_room(self) -> None:
        """Forget idle series, if there are too many, and at most once a second."""
        if len(self.series) < MAX_SERIES or self._room_made_s == self.newest_s:
            return
        self._room_made_s = self.newest_s
        for key in [key for key, series in self.series.items() if not series.finished.any()]:
            del self.series[key]


def finished_task(record: Record) -> FinishedTask:
    """Convert a record; the latency starts at the first of ORIGINS that the record knows."""
    instants = (record.due, record.sent, record.received)
    origin, start = next((i, at) for i, at in enumerate(instants) if at is not None)
    return FinishedTask(
        key=SeriesKey(pool=record.pool, node=record.node, task=record.task),
        at_s=record.finished,
        failed=record.outcome != "succeeded",
        latency_s=None if record.started is None else record.finished - start,
        origin=origin,
    )
