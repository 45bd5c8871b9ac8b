"""The last 15 minutes, second by second, in arrays of fixed size; it knows neither clock nor Redis.

Seconds are those since 1970 by the records' clock. What came too late to count is counted as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauges import Lane, Levels
from producer.records import Gauge, Record

#: Seconds that can be asked for, and those kept: some are still being filled.
RANGE_S: Final = 15 * 60
KEPT_S: Final = RANGE_S + 10
#: Tasks of workers told apart at most, 350 kB each; a further task of a worker is one of OTHERS,
#: and beyond the second bound all further ones are one.
MAX_SERIES: Final = 192
MAX_FOLDED: Final = 256
OTHERS: Final = "(others)"
#: Seconds that a worker's clock may run ahead before its records are refused.
AHEAD_S: Final = 2
#: What a latency counts from, the best that was known.
ORIGINS: Final = ("due", "sent", "received")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whose tasks, and which: what the page can filter by."""

    pool: str
    node: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One task that is done: all that the history needs of it."""

    key: Key
    at_s: float
    failed: bool
    latency_s: float | None  # None: it never reached a slot
    origin: int  # index into ORIGINS


class Series:
    """What one worker did of one task, by place in the ring of seconds."""

    __slots__ = ("failed", "finished", "latencies", "origins")

    def __init__(self) -> None:
        self.finished = np.zeros(KEPT_S, np.uint32)  # failed ones among them
        self.failed = np.zeros(KEPT_S, np.uint32)
        self.origins = np.zeros((KEPT_S, len(ORIGINS)), np.uint32)
        self.latencies = np.zeros((KEPT_S, histogram.BUCKETS), np.uint16)

    def clear(self, place: int) -> None:
        """Forget one second."""
        self.finished[place] = self.failed[place] = 0
        self.origins[place] = self.latencies[place] = 0

    def add(self, places: NDArray[np.int64], ends: list[End]) -> None:
        """Count `ends` at their `places`."""
        np.add.at(self.finished, places, 1)
        np.add.at(self.failed, places[np.array([end.failed for end in ends])], 1)
        ran = np.array([end.latency_s is not None for end in ends])
        if not ran.any():
            return
        origins = np.array([end.origin for end in ends])[ran]
        np.add.at(self.origins, (places[ran], origins), 1)
        latencies_s = np.array([end.latency_s for end in ends if end.latency_s is not None])
        buckets = histogram.buckets_of(latencies_s)
        histogram.add(self.latencies, places[ran] * histogram.BUCKETS + buckets)


class History:
    """Everything the page can show; one thread at a time may use it."""

    def __init__(self, now_s: int) -> None:
        """Begin an empty history at second `now_s`."""
        self.newest_s = now_s
        self.series: dict[Key, Series] = {}
        self.levels = Levels(KEPT_S)
        self.revision = 0
        self.changed = np.zeros(KEPT_S, np.int64)  # revision in which each place last changed
        self.too_late = 0  # ended longer ago than is kept, or in the future

    def advance(self, now_s: float) -> None:
        """Move on to the second of `now_s`, and forget what is older than is kept."""
        self.revision += 1
        second = int(now_s)
        for fresh_s in range(max(self.newest_s + 1, second - KEPT_S + 1), second + 1):
            place = fresh_s % KEPT_S
            for series in self.series.values():
                series.clear(place)
            self.levels.clear(place)
            self.changed[place] = self.revision
        self.newest_s = max(self.newest_s, second)

    def add(self, ends: Iterable[End]) -> None:
        """Count what ended; the order does not matter."""
        groups: defaultdict[Key, list[End]] = defaultdict(list)
        for end in ends:
            if 0 <= self.newest_s + AHEAD_S - int(end.at_s) < KEPT_S - AHEAD_S:
                groups[end.key].append(end)
            else:
                self.too_late += 1
        if not groups:
            return
        self.advance(max(end.at_s for group in groups.values() for end in group))
        for key, group in groups.items():
            places = np.array([int(end.at_s) for end in group]) % KEPT_S
            self.changed[places] = self.revision
            self._series_of(key).add(places, group)

    def gauge(self, lane: Lane, at_s: float, gauge: Gauge) -> None:
        """Enter what a worker was doing."""
        if not 0 <= self.newest_s + AHEAD_S - int(at_s) < KEPT_S - AHEAD_S:
            return
        self.advance(max(at_s, self.newest_s))
        self._touch(self.levels.enter_gauge(lane, at_s, gauge))

    def queues(self, at_s: float, depths: dict[str, int]) -> None:
        """Enter how many messages waited in each queue."""
        self.advance(max(at_s, self.newest_s))
        self._touch(self.levels.enter_queues(int(at_s), depths))

    def tasks(self) -> Iterator[Key]:
        """Name what has ended within the range."""
        return (key for key, series in self.series.items() if series.finished.any())

    def _touch(self, seconds: Iterable[int]) -> None:
        for second in seconds:
            self.changed[second % KEPT_S] = self.revision

    def _series_of(self, key: Key) -> Series:
        if key not in self.series and len(self.series) >= MAX_SERIES:
            self._forget_idle()
            if len(self.series) >= MAX_SERIES:
                key = Key(pool=key.pool, node=key.node, task=OTHERS)
            if key not in self.series and len(self.series) >= MAX_FOLDED:
                key = Key(pool=OTHERS, node=OTHERS, task=OTHERS)
        if key not in self.series:
            self.series[key] = Series()
        return self.series[key]

    def _forget_idle(self) -> None:
        for key in [key for key, series in self.series.items() if not series.finished.any()]:
            del self.series[key]


def end_of(record: Record) -> End:
    """Return what the history needs of a record; a latency counts from the earliest instant."""
    instants = (record.due, record.sent, record.received)
    origin, begin = next((i, at) for i, at in enumerate(instants) if at is not None)
    return End(
        key=Key(pool=record.pool, node=record.node, task=record.task),
        at_s=record.finished,
        failed=record.outcome != "succeeded",
        latency_s=None if record.started is None else record.finished - begin,
        origin=origin,
    )
