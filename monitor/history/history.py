"""The tasks and gauges of the last hour, in arrays of fixed size; it knows neither clock nor Redis.

Seconds are Unix time by the records server's clock. Everything is kept in each tier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.history.counts import Columns, Counts, columns_of
from monitor.history.gauge_history import GaugeHistory, WorkerKey
from monitor.history.latency_start import latency_start
from monitor.history.tiers import COARSE, RANGE_S, TIERS, Tier
from producer.records import Gauge, Record

#: Series stored one per worker and task, 420 kB each. A worker's further tasks share its OTHERS.
MAX_SERIES: Final = 192
#: Series stored at most. Beyond it, all further tasks of all workers share one series.
MAX_FOLDED: Final = 256
OTHERS: Final = "(others)"
#: Seconds that a worker's clock may be ahead before its records are rejected.
AHEAD_S: Final = 2
#: Seconds that the clock may be behind the newest second. If it is further behind, it was set back.
BEHIND_S: Final = 10


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


#: The counts of one task on one worker.
Series = dict[Tier, Counts]


class History:
    """Everything that the page can show. Not thread-safe: callers hold a lock."""

    def __init__(self, now_s: int) -> None:
        """Start an empty history at second `now_s`; nothing before it is known."""
        self.newest_s = now_s
        self.series: dict[SeriesKey, Series] = {}
        self.gauges = GaugeHistory()
        self.revision = 0
        #: The revision that last changed each row.
        self.changed = {tier: np.zeros(tier.rows, np.int64) for tier in TIERS}
        #: Whether everything that happened in a row was counted.
        self.known = {tier: np.zeros(tier.rows, np.bool_) for tier in TIERS}
        #: Whether a coarse row was counted later, because Flower was not running.
        self.unwatched = np.zeros(COARSE.rows, np.bool_)
        self.fine_from_s = now_s  # the first second that the fine tier knows
        self._room_made_s = 0  # when idle series were last forgotten
        self.misdated = 0  # tasks not counted: finished before the kept range, or in the future

    def advance(self, now_s: float) -> None:
        """Move on to the second of `now_s`, which is the time, or back if the clock was set."""
        if self.newest_s - now_s > BEHIND_S:
            self.turn_back(now_s)
        self._reach(now_s)

    def turn_back(self, now_s: float) -> None:
        """Begin again at `now_s`, if it is in the past, and forget what was later.

        What was earlier is kept, unless something later has taken its row.
        """
        second = int(now_s)
        if second >= self.newest_s:
            return
        self.revision += 1
        for tier in TIERS:
            last = self.newest_s // tier.step_s
            for number in range(max(second // tier.step_s, last - tier.rows + 1), last + 1):
                self._clear(tier, number % tier.rows)
                self.known[tier][number % tier.rows] = False
        self.gauges.turn_back(now_s)
        self.newest_s, self.fine_from_s = second, second + 1

    def _reach(self, at_s: float) -> None:
        """Move on to the second of `at_s`, if it is later, and clear the rows that it reuses."""
        self.revision += 1
        second = int(at_s)
        for tier in TIERS:
            last = second // tier.step_s
            for number in range(
                max(self.newest_s // tier.step_s + 1, last - tier.rows + 1), last + 1
            ):
                self._clear(tier, number % tier.rows)
        if second // COARSE.step_s > self.newest_s // COARSE.step_s:
            self.gauges.forget(second)
        self.newest_s = max(self.newest_s, second)

    def know_from(self, second: float, more: Collection[int] = ()) -> None:
        """Note that all tasks since `second` are counted, and all in the coarse steps `more`.

        A step in which only a part was counted is not known.
        """
        for tier in TIERS:
            last = self.newest_s // tier.step_s
            numbers = np.arange(last - tier.rows + 1, last + 1)
            self.known[tier][numbers % tier.rows] = numbers * tier.step_s >= second
            self.changed[tier][:] = self.revision
        rows = COARSE.row_of(np.array(sorted(more), np.int64))
        self.known[COARSE][rows] = True
        self.fine_from_s = int(np.ceil(second))

    def add(self, tasks: Iterable[FinishedTask], tiers: Collection[Tier] = TIERS) -> None:
        """Count finished tasks, in any order, in some tiers."""
        groups: defaultdict[SeriesKey, list[FinishedTask]] = defaultdict(list)
        for task in tasks:
            if self._is_kept(task.at_s):
                groups[task.key].append(task)
            else:
                self.misdated += 1
        if not groups:
            return
        self._reach(max(task.at_s for group in groups.values() for task in group))
        self._make_room()
        # Merged first, because adding to a series costs the same for one task and for a hundred.
        merged: defaultdict[SeriesKey, list[FinishedTask]] = defaultdict(list)
        for key, group in groups.items():
            merged[self.kept_key(key)] += group
        for key, group in merged.items():
            columns = columns_of(
                [(int(one.at_s), one.failed, one.latency_s, one.origin) for one in group]
            )
            for tier in tiers:
                self._count(tier, key, columns)

    def add_gauge(self, key: WorkerKey, at_s: float, gauge: Gauge) -> None:
        """Add a worker's gauge, unless it is from outside the kept range."""
        if not self._is_kept(at_s):
            return
        self._reach(at_s)
        self._mark_changed(self.gauges.add_gauge(key, at_s, gauge))

    def stop(self, key: WorkerKey, at_s: float) -> None:
        """Note that a worker stopped at `at_s`."""
        self._mark_changed(self.gauges.stop(key, at_s))

    def add_depths(self, at_s: float, depths: dict[str, int]) -> None:
        """Add the number of messages waiting in each queue at the time `at_s`."""
        self.advance(at_s)
        self._mark_changed(self.gauges.add_depths(int(at_s), depths))

    def active_keys(self) -> Iterator[SeriesKey]:
        """Return the keys of the series with at least one finished task."""
        return (key for key, series in self.series.items() if series[COARSE].finished.any())

    def kept_key(self, key: SeriesKey) -> SeriesKey:
        """Return the key of the series that counts the tasks of `key`; make it if there is room."""
        if key not in self.series and len(self.series) >= MAX_SERIES:
            key = SeriesKey(pool=key.pool, node=key.node, task=OTHERS)
            if key not in self.series and len(self.series) >= MAX_FOLDED:
                key = SeriesKey(pool=OTHERS, node=OTHERS, task=OTHERS)
        if key not in self.series:
            self.series[key] = {tier: Counts(tier.rows) for tier in TIERS}
        return key

    def oldest_s(self, tier: Tier) -> int:
        """Return the first second that a tier still has."""
        return (self.newest_s // tier.step_s - tier.rows + 1) * tier.step_s

    def _clear(self, tier: Tier, row: int) -> None:
        for series in self.series.values():
            series[tier].clear(row)
        self.gauges.clear(tier, row)
        self.changed[tier][row] = self.revision
        self.known[tier][row] = True
        if tier is COARSE:
            self.unwatched[row] = False

    def _is_kept(self, at_s: float) -> bool:
        return -AHEAD_S <= self.newest_s - int(at_s) <= RANGE_S

    def _count(self, tier: Tier, key: SeriesKey, columns: Columns) -> None:
        columns = columns.since(self.oldest_s(tier))
        rows = tier.row_of(columns.seconds)
        self.changed[tier][rows] = self.revision
        self.series[key][tier].add(rows, columns)

    def _mark_changed(self, seconds: Collection[int]) -> None:
        found: NDArray[np.int64] = np.array(seconds, np.int64)
        for tier in TIERS:
            self.changed[tier][tier.row_of(found)] = self.revision

    def _make_room(self) -> None:
        """Forget idle series, if there are too many, and at most once a second."""
        if len(self.series) < MAX_SERIES or self._room_made_s == self.newest_s:
            return
        self._room_made_s = self.newest_s
        active = set(self.active_keys())
        for key in [key for key in self.series if key not in active]:
            del self.series[key]


def finished_task(record: Record, sent_s: float | None = None) -> FinishedTask:
    """Convert a record. `sent_s` is when the task was sent, if the record does not know that."""
    known_s = record.sent if record.sent is not None else sent_s
    origin, start = latency_start(record.due, known_s, record.received)
    return FinishedTask(
        key=SeriesKey(pool=record.pool, node=record.node, task=record.task),
        at_s=record.finished,
        failed=record.outcome != "succeeded",
        latency_s=None if record.started is None else record.finished - start,
        origin=origin,
    )
