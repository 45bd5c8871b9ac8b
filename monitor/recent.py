"""How things stand now: tiles and the workers' table, from the last seconds of the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauges import Lane, Trace
from monitor.history import KEPT_S, ORIGINS, History, Key

#: Seconds that rates and percentiles of the moment are taken from.
RECENT_S: Final = 5
#: Seconds of silence after which a worker counts as gone, and those after which it is not shown.
GONE_S: Final = 6
FORGOTTEN_S: Final = 15 * 60


@dataclass(slots=True)
class Sums:
    """What ended lately in some group of series."""

    finished: int = 0
    failed: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(histogram.BUCKETS, int))
    origins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(ORIGINS), int))

    def figures(self, seconds: int) -> dict[str, Any]:
        """Return rates, percentiles, and what the latencies count from."""
        p50_s, p95_s = (
            float(histogram.percentile_s(self.latencies[None, :], percent)[0])
            for percent in (50, 95)
        )
        return {
            "finished_per_s": round(self.finished / seconds, 2),
            "failed_per_s": round(self.failed / seconds, 2),
            "p50_s": None if np.isnan(p50_s) else round(p50_s, 6),
            "p95_s": None if np.isnan(p95_s) else round(p95_s, 6),
            "latency_from": [name for name, n in zip(ORIGINS, self.origins, strict=True) if n],
        }


def recent(
    history: History,
    wants: Callable[[Key], bool],
    wants_lane: Callable[[str, str], bool],
    now_s: float,
    until_s: int,
) -> dict[str, Any]:
    """Return the last seconds of pools, workers and queues as plain data."""
    lanes = {
        lane: trace
        for lane, trace in history.levels.traces.items()
        if wants_lane(lane.pool, lane.node) and now_s - trace.seen_s < FORGOTTEN_S
    }
    sums = _sums(history, wants, until_s)
    depths = history.levels.depths_now
    fresh = now_s - history.levels.depths_at_s < GONE_S
    return {
        "seconds": RECENT_S,
        "pools": _pools(lanes, sums, now_s),
        "workers": [_worker(lane, trace, sums, now_s) for lane, trace in sorted_(lanes)],
        "queues": dict(sorted(depths.items())) if fresh else {},
        "waiting": sum(depths.values()) if fresh else None,
    }


def sorted_(lanes: dict[Lane, Trace]) -> list[tuple[Lane, Trace]]:
    """Order by pool and name."""
    return sorted(lanes.items(), key=lambda item: (item[0].pool, item[0].node))


def alive(trace: Trace, now_s: float) -> bool:
    """Whether a worker has been heard of lately and has not taken its leave."""
    return not trace.stopped and now_s - trace.seen_s < GONE_S


def _sums(history: History, wants: Callable[[Key], bool], until_s: int) -> dict[Lane | str, Sums]:
    """Add up the last seconds for each worker and, by its name, each pool."""
    places = np.arange(until_s - RECENT_S, until_s) % KEPT_S
    found: dict[Lane | str, Sums] = {}
    for key, series in history.series.items():
        finished = int(series.finished[places].sum())
        if not finished or not wants(key):
            continue
        for group in (key.pool, Lane(pool=key.pool, node=key.node)):
            sums = found.setdefault(group, Sums())
            sums.finished += finished
            sums.failed += int(series.failed[places].sum())
            sums.latencies += series.latencies[places].sum(axis=0, dtype=np.int64)
            sums.origins += series.origins[places].sum(axis=0, dtype=np.int64)
    return found


def _pools(
    lanes: dict[Lane, Trace], sums: dict[Lane | str, Sums], now_s: float
) -> list[dict[str, Any]]:
    names = {lane.pool for lane in lanes} | {name for name in sums if isinstance(name, str)}
    found = []
    for name in sorted(names):
        here = [t for lane, t in lanes.items() if lane.pool == name and alive(t, now_s)]
        last = [trace.last for trace in here if trace.last is not None]
        found.append(
            {
                "pool": name,
                "workers": len(here),
                "busy": sum(gauge.busy for gauge in last),
                "slots": sum(gauge.slots for gauge in last),
                **sums.get(name, Sums()).figures(RECENT_S),
            }
        )
    return found


def _worker(lane: Lane, trace: Trace, sums: dict[Lane | str, Sums], now_s: float) -> dict[str, Any]:
    gauge = trace.last
    here = alive(trace, now_s) and gauge is not None
    return {
        "worker": lane.node,
        "pool": lane.pool,
        "state": "here" if here else "stopped" if trace.stopped else "silent",
        "source": "probe" if trace.probed else "events",
        "slots": gauge.slots if gauge else None,
        "busy": gauge.busy if gauge and here else None,
        "cpu_percent": _rounded(trace.cpu_now_percent) if here else None,
        "memory_bytes": gauge.memory_bytes if gauge and here else None,
        "memory": gauge.memory if gauge else None,
        "queues": list(gauge.queues) if gauge else [],
        "since": round(trace.ready_s, 3) if trace.probed else None,
        "seen": round(trace.seen_s, 3),
        **sums.get(lane, Sums()).figures(RECENT_S),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
