"""What stood at a level in each second: slots, CPU and memory of workers, depths of queues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producer.records import Gauge

#: Seconds without a gauge that the next one fills; a longer silence stays a gap.
FILL_S: Final = 5
#: Workers and queues kept at most; beyond it the longest silent are forgotten.
MAX_LANES: Final = 500
MAX_QUEUES: Final = 100

Levels_ = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One worker in one pool; after a switch of pools it is another lane."""

    pool: str
    node: str


def _empty(kept_s: int) -> Levels_:
    return np.full(kept_s, np.nan, np.float32)


@dataclass(slots=True, kw_only=True)
class Trace:
    """The levels of one worker by place in the ring, and the last it said."""

    busy: Levels_
    slots: Levels_
    cpu_percent: Levels_  # of one core
    memory_bytes: Levels_
    seen_s: float = 0.0
    stopped: bool = False
    probed: bool = True  # False: known by its events alone
    last: Gauge | None = None
    ready_s: float = 0.0
    cpu_now_percent: float | None = None

    def clear(self, place: int) -> None:
        """Forget one second."""
        for levels in (self.busy, self.slots, self.cpu_percent, self.memory_bytes):
            levels[place] = np.nan


@dataclass(slots=True)
class Levels:
    """All traces; the ring has `kept_s` places."""

    kept_s: int
    traces: dict[Lane, Trace] = field(default_factory=dict)
    depths: dict[str, Levels_] = field(default_factory=dict)
    depths_now: dict[str, int] = field(default_factory=dict)
    depths_at_s: int = 0

    def clear(self, place: int) -> None:
        """Forget one second."""
        for trace in self.traces.values():
            trace.clear(place)
        for depth in self.depths.values():
            depth[place] = np.nan

    def enter_gauge(self, lane: Lane, at_s: float, gauge: Gauge) -> Iterable[int]:
        """Enter a gauge and return the seconds it tells of."""
        trace = self._trace(lane)
        since_s = trace.seen_s if not trace.stopped else 0.0
        trace.cpu_now_percent = _cpu_percent(trace, at_s, gauge)
        seconds = _filled(since_s, at_s)
        places = np.array(seconds) % self.kept_s
        trace.busy[places] = gauge.busy
        trace.slots[places] = gauge.slots
        trace.cpu_percent[places] = _or_nan(trace.cpu_now_percent)
        trace.memory_bytes[places] = _or_nan(gauge.memory_bytes)
        trace.seen_s, trace.last, trace.stopped = at_s, gauge, False
        trace.ready_s, trace.probed = at_s - gauge.up_s, True
        return seconds

    def stop(self, lane: Lane, at_s: float) -> None:
        """Enter that a worker took its leave."""
        if (trace := self.traces.get(lane)) is not None and trace.seen_s <= at_s:
            trace.stopped = True

    def enter_queues(self, second: int, depths: dict[str, int]) -> Iterable[int]:
        """Enter depths and return the seconds they tell of."""
        for name in set(self.depths) - set(depths):
            if np.isnan(self.depths[name]).all():
                del self.depths[name]
        seconds = _filled(self.depths_at_s, second)
        places = np.array(seconds) % self.kept_s
        for name, depth in list(depths.items())[:MAX_QUEUES]:
            self.depths.setdefault(name, _empty(self.kept_s))[places] = depth
        self.depths_now, self.depths_at_s = depths, second
        return seconds

    def _trace(self, lane: Lane) -> Trace:
        if (trace := self.traces.get(lane)) is not None:
            return trace
        if len(self.traces) >= MAX_LANES:
            del self.traces[min(self.traces, key=lambda one: self.traces[one].seen_s)]
        levels = [_empty(self.kept_s) for _ in range(4)]
        self.traces[lane] = Trace(
            busy=levels[0], slots=levels[1], cpu_percent=levels[2], memory_bytes=levels[3]
        )
        return self.traces[lane]


def _filled(since_s: float, at_s: float) -> range:
    """Return the seconds up to `at_s` that a level counts for, after one at `since_s`."""
    last = int(at_s)
    first = int(since_s) + 1 if 0 < last - int(since_s) <= FILL_S else last
    return range(first, last + 1)


def _cpu_percent(trace: Trace, at_s: float, gauge: Gauge) -> float | None:
    before = trace.last
    if before is None or before.cpu_s is None or gauge.cpu_s is None:
        return None
    elapsed_s = at_s - trace.seen_s
    if elapsed_s <= 0 or gauge.up_s < before.up_s:
        return None
    return max(0.0, gauge.cpu_s - before.cpu_s) / elapsed_s * 100


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
