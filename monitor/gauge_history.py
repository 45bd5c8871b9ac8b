"""Per-second history of gauges: slots, CPU and memory of workers, depths of queues.

The history is a ring: a second is stored at the index `second % kept_s`. NaN means unknown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producer.records import Gauge

#: The longest gap between two gauges, in seconds, that the later one fills.
FILL_S: Final = 5
#: Seconds of silence after which a worker counts as gone.
GONE_S: Final = 6
#: The latest gauges kept of each worker, one a second: those that the current figures need.
LATELY: Final = 6
#: The most workers and queues kept. A new worker replaces one that is gone; if there is none, it is
#: left out.
MAX_WORKERS: Final = 500
MAX_QUEUES: Final = 100
#: The most workers whose names are kept to count those left out.
MAX_LEFT_OUT: Final = 10_000

GaugeArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKey:
    """One worker in one pool; a worker that switches its pool gets another key."""

    pool: str
    node: str


def _unknown(kept_s: int) -> GaugeArray:
    return np.full(kept_s, np.nan, np.float32)


@dataclass(slots=True, kw_only=True)
class WorkerGauges:
    """The gauges of one worker: a ring for each, and the latest one."""

    busy: GaugeArray
    slots: GaugeArray
    cpu_percent: GaugeArray  # of one core
    memory_bytes: GaugeArray
    seen_s: float = 0.0
    stopped: bool = False
    probed: bool = True  # False: known only from its task events
    last: Gauge | None = None
    ready_s: float = 0.0
    cpu_now_percent: float | None = None
    lately: deque[tuple[float, Gauge]] = field(default_factory=lambda: deque(maxlen=LATELY))

    def is_alive(self, now_s: float) -> bool:
        """Return whether the worker was seen recently and has not stopped since."""
        return not self.stopped and now_s - self.seen_s < GONE_S

    def clear(self, index: int) -> None:
        """Forget one second."""
        for ring in (self.busy, self.slots, self.cpu_percent, self.memory_bytes):
            ring[index] = np.nan


@dataclass(slots=True)
class GaugeHistory:
    """The gauges of all workers and the depths of all queues, for the last `kept_s` seconds."""

    kept_s: int
    workers: dict[WorkerKey, WorkerGauges] = field(default_factory=dict)
    depths: dict[str, GaugeArray] = field(default_factory=dict)
    depths_now: dict[str, int] = field(default_factory=dict)
    depths_at_s: int = 0
    #: For the latest measurements of the queues: the second, and the tasks in queues and workers.
    in_system: deque[tuple[int, int | None]] = field(default_factory=lambda: deque(maxlen=LATELY))
    _left_out: dict[WorkerKey, float] = field(default_factory=dict)  # when last seen
    _full_at_s: int = 0  # when no worker was gone

    def clear(self, index: int) -> None:
        """Forget one second."""
        for worker in self.workers.values():
            worker.clear(index)
        for depth in self.depths.values():
            depth[index] = np.nan

    def add_gauge(self, key: WorkerKey, at_s: float, gauge: Gauge) -> Iterable[int]:
        """Add a worker's gauge and return the seconds that it fills."""
        worker = self._worker(key, at_s)
        if worker is None:
            return ()
        since_s = worker.seen_s if not worker.stopped else 0.0
        worker.cpu_now_percent = _cpu_percent(worker, at_s, gauge)
        seconds = _filled(since_s, at_s)
        indices = np.array(seconds) % self.kept_s
        worker.busy[indices] = gauge.busy
        worker.slots[indices] = gauge.slots
        worker.cpu_percent[indices] = _or_nan(worker.cpu_now_percent)
        worker.memory_bytes[indices] = _or_nan(gauge.memory_bytes)
        if worker.last is not None and gauge.up_s < worker.last.up_s:  # another process
            worker.lately.clear()
        worker.lately.append((at_s, gauge))
        worker.seen_s, worker.last, worker.stopped = at_s, gauge, False
        worker.ready_s, worker.probed = at_s - gauge.up_s, True
        return seconds

    def stop(self, key: WorkerKey, at_s: float) -> None:
        """Mark a worker as stopped, unless it was seen later than `at_s`."""
        if (worker := self.workers.get(key)) is not None and worker.seen_s <= at_s:
            worker.stopped = True

    def add_depths(self, second: int, depths: dict[str, int]) -> Iterable[int]:
        """Add the depths of the queues and return the seconds that they fill."""
        for name in set(self.depths) - set(depths):
            if np.isnan(self.depths[name]).all():
                del self.depths[name]
        seconds = _filled(self.depths_at_s, second)
        indices = np.array(seconds) % self.kept_s
        for name, depth in list(depths.items())[:MAX_QUEUES]:
            self.depths.setdefault(name, _unknown(self.kept_s))[indices] = depth
        self.depths_now, self.depths_at_s = depths, second
        self.in_system.append((second, self._in_system(second)))
        return seconds

    def _in_system(self, now_s: float) -> int | None:
        """Return how many tasks wait in queues or are held by workers; None if unknown."""
        if self.left_out(now_s):
            return None
        gauges = [one.last for one in self.workers.values() if one.is_alive(now_s)]
        held = [None if gauge is None else gauge.held for gauge in gauges]
        known = [count for count in held if count is not None]
        return sum(known) + sum(self.depths_now.values()) if len(known) == len(held) else None

    def left_out(self, now_s: float) -> int:
        """Return how many live workers there is no room for."""
        return sum(now_s - seen_s < GONE_S for seen_s in self._left_out.values())

    def _worker(self, key: WorkerKey, at_s: float) -> WorkerGauges | None:
        """Return a worker's gauges, made if there is room; None if there is none."""
        if (worker := self.workers.get(key)) is not None:
            return worker
        if len(self.workers) >= MAX_WORKERS and not self._make_room(at_s):
            if len(self._left_out) >= MAX_LEFT_OUT:
                self._left_out.clear()
            self._left_out[key] = at_s
            return None
        self._left_out.pop(key, None)
        rings = [_unknown(self.kept_s) for _ in range(4)]
        self.workers[key] = WorkerGauges(
            busy=rings[0], slots=rings[1], cpu_percent=rings[2], memory_bytes=rings[3]
        )
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


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
