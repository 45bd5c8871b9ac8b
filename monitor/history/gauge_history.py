"""The history of gauges: slots, CPU and memory of workers, depths of queues. NaN means unknown."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from msgspec.structs import replace

from monitor.history.levels import GaugeArray, Levels
from monitor.history.tiers import COARSE, Tier
from producer.records import Gauge

#: The longest gap between two gauges, in seconds, that the later one fills.
FILL_S: Final = 5
#: Seconds of silence after which a worker counts as gone.
GONE_S: Final = 6
#: The latest gauges kept of each worker, one a second: those that the current figures need.
LATELY: Final = 6
#: The most workers and queues kept. A worker is kept as long as its history. A new one replaces one
#: that is gone; if there is none, it is left out.
MAX_WORKERS: Final = 500
MAX_QUEUES: Final = 100
#: The most pools of which sums of workers are kept.
MAX_SUMS: Final = 32
#: The most workers whose names are kept to count those left out.
MAX_LEFT_OUT: Final = 10_000

#: The gauges of a worker, in the order of its levels; sums have only the first two. CPU is in per
#: cent of one core.
BUSY, SLOTS, CPU_PERCENT, MEMORY_BYTES = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKey:
    """One worker in one pool; a worker that switches its pool gets another key."""

    pool: str
    node: str


@dataclass(slots=True, kw_only=True)
class WorkerGauges:
    """The gauges of one worker: their history, and the latest one."""

    levels: Levels = field(default_factory=lambda: Levels(4))
    seen_s: float = 0.0
    stopped: bool = False
    probed: bool = True  # False: known only from its task events
    last: Gauge | None = None  # None: known only from before a restart of Flower
    ready_s: float = 0.0
    cpu_now_percent: float | None = None
    lately: deque[tuple[float, Gauge]] = field(default_factory=lambda: deque(maxlen=LATELY))

    def is_alive(self, now_s: float) -> bool:
        """Return whether the worker was seen recently and has not stopped since."""
        return not self.stopped and now_s - self.seen_s < GONE_S

    def ring(self, tier: Tier, gauge: int) -> GaugeArray:
        """Return the ring of one gauge."""
        found: GaugeArray = self.levels.rings[tier][gauge]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class InSystem:
    """How many tasks waited in queues or were held by workers; None if that is unknown."""

    at_s: int
    tasks: int | None
    workers: frozenset[WorkerKey]  # whose tasks are counted


@dataclass(slots=True)
class GaugeHistory:
    """The gauges of all workers and the depths of all queues."""

    workers: dict[WorkerKey, WorkerGauges] = field(default_factory=dict)
    depths: dict[str, Levels] = field(default_factory=dict)
    #: By pool, the busy slots and the slots of workers that were stored without their names.
    sums: dict[str, Levels] = field(default_factory=dict)
    depths_now: dict[str, int] = field(default_factory=dict)
    depths_at_s: int = 0
    #: For the latest measurements of the queues.
    in_system: deque[InSystem] = field(default_factory=lambda: deque(maxlen=LATELY))
    _left_out: dict[WorkerKey, float] = field(default_factory=dict)  # when last seen
    _full_at_s: int = 0  # when no worker was gone

    def clear(self, tier: Tier, row: int) -> None:
        """Forget one row of a tier."""
        for worker in self.workers.values():
            worker.levels.clear(tier, row)
        for levels in (*self.depths.values(), *self.sums.values()):
            levels.clear(tier, row)

    def turn_back(self, now_s: float) -> None:
        """Note that the clock was set back to `now_s`: nothing was seen later."""
        for worker in self.workers.values():
            worker.seen_s = min(worker.seen_s, now_s)
            worker.lately.clear()
            if worker.last is not None:  # its next gauge is not so long after it as it seems
                worker.last = replace(worker.last, cpu_s=None)
        self.depths_at_s = min(self.depths_at_s, int(now_s))
        self.in_system.clear()
        self._left_out.clear()

    def forget(self, now_s: float) -> None:
        """Forget the workers, and sums of workers, of which nothing is kept any more."""
        for key in [key for key, one in self.workers.items() if now_s - one.seen_s > COARSE.kept_s]:
            del self.workers[key]
        for pool in [pool for pool, levels in self.sums.items() if not levels.any_known()]:
            del self.sums[pool]

    def add_gauge(self, key: WorkerKey, at_s: float, gauge: Gauge) -> Collection[int]:
        """Add a worker's gauge and return the seconds that it fills."""
        worker = self.worker(key, at_s)
        if worker is None:
            return ()
        since_s = worker.seen_s if not worker.stopped else 0.0
        worker.cpu_now_percent = _cpu_percent(worker, at_s, gauge)
        seconds = _filled(since_s, at_s)
        values = (gauge.busy, gauge.slots, worker.cpu_now_percent, gauge.memory_bytes)
        worker.levels.fill(seconds, levels_of(*values))
        if worker.last is not None and gauge.up_s < worker.last.up_s:  # another process
            worker.lately.clear()
        worker.lately.append((at_s, gauge))
        worker.seen_s, worker.last, worker.stopped = at_s, gauge, False
        worker.ready_s, worker.probed = at_s - gauge.up_s, True
        return seconds

    def stop(self, key: WorkerKey, at_s: float) -> Collection[int]:
        """Mark a worker as stopped, unless it was seen later than `at_s`.

        Return the second of its last gauge, which is now known to be its last.
        """
        worker = self.workers.get(key)
        if worker is None or worker.seen_s > at_s:
            return ()
        worker.stopped = True
        return (int(worker.seen_s),)

    def add_depths(self, second: int, depths: dict[str, int]) -> Collection[int]:
        """Add the depths of the queues and return the seconds that they fill."""
        for name in set(self.depths) - set(depths):
            if not self.depths[name].any_known():
                del self.depths[name]
        seconds = _filled(self.depths_at_s, second)
        for name, depth in list(depths.items())[:MAX_QUEUES]:
            self.queue(name).fill(seconds, levels_of(depth))
        gone = [name for name in self.depths if name not in depths]
        for name in gone[: max(0, len(self.depths) - MAX_QUEUES)]:
            del self.depths[name]
        self.depths_now, self.depths_at_s = depths, second
        self.in_system.append(self._in_system(second))
        return seconds

    def _in_system(self, second: int) -> InSystem:
        alive = {key: one.last for key, one in self.workers.items() if one.is_alive(second)}
        held = [None if gauge is None else gauge.held for gauge in alive.values()]
        known = [count for count in held if count is not None]
        is_known = len(known) == len(held) and not self.left_out(second)
        return InSystem(
            at_s=second,
            tasks=sum(known) + sum(self.depths_now.values()) if is_known else None,
            workers=frozenset(alive),
        )

    def queue(self, name: str) -> Levels:
        """Return the depths of a queue, which are made if need be."""
        if name not in self.depths:
            self.depths[name] = Levels(1)
        return self.depths[name]

    def sum_of(self, pool: str) -> Levels | None:
        """Return the sums of a pool, which are made if need be; None if there is no room."""
        if pool not in self.sums and len(self.sums) < MAX_SUMS:
            self.sums[pool] = Levels(2)
        return self.sums.get(pool)

    def left_out(self, now_s: float) -> int:
        """Return how many live workers there is no room for."""
        return sum(now_s - seen_s < GONE_S for seen_s in self._left_out.values())

    def worker(self, key: WorkerKey, at_s: float) -> WorkerGauges | None:
        """Return a worker's gauges, made if there is room; None if there is none."""
        if (worker := self.workers.get(key)) is not None:
            return worker
        if len(self.workers) >= MAX_WORKERS and not self._make_room(at_s):
            if len(self._left_out) >= MAX_LEFT_OUT:
                self._left_out.clear()
            self._left_out[key] = at_s
            return None
        self._left_out.pop(key, None)
        self.workers[key] = WorkerGauges()
        return self.workers[key]

    def _make_room(self, at_s: float) -> bool:
        """Forget the worker that has been silent longest, if it is gone; look once a second."""
        if self._full_at_s == int(at_s):
            return False
        oldest = min(self.workers, key=lambda one: self.workers[one].seen_s)
        if at_s - self.workers[oldest].seen_s < GONE_S:
            self._full_at_s = int(at_s)
            return False
        del self.workers[oldest]
        return True


def _filled(since_s: float, at_s: float) -> range:
    """Return the seconds that a gauge at `at_s` fills if the one before was at `since_s`."""
    last = int(at_s)
    first = int(since_s) + 1 if 0 < last - int(since_s) <= FILL_S else last
    return range(first, last + 1)


def _cpu_percent(worker: WorkerGauges, at_s: float, gauge: Gauge) -> float | None:
    before = worker.last
    if before is None or before.cpu_s is None or gauge.cpu_s is None:
        return None
    elapsed_s = at_s - worker.seen_s
    if elapsed_s <= 0 or gauge.up_s < before.up_s:
        return None
    return max(0.0, gauge.cpu_s - before.cpu_s) / elapsed_s * 100


def levels_of(*values: float | None) -> GaugeArray:
    """Return values as a row of levels."""
    return np.array([np.nan if value is None else value for value in values], np.float32)
