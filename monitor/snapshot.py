"""The current figures for the tiles and the worker table, from the last seconds of the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauge_history import GONE_S, WorkerGauges, WorkerKey
from monitor.history import KEPT_S, ORIGINS, History, SeriesKey

#: Seconds that the current rates and percentiles cover.
RECENT_S: Final = 5
#: The most workers in an answer.
MAX_ROWS: Final = 100
#: Seconds of silence after which a worker is no longer shown.
FORGOTTEN_S: Final = 15 * 60


@dataclass(slots=True)
class RecentTotals:
    """Totals of the last seconds for one pool or worker."""

    finished: int = 0
    failed: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(histogram.BUCKETS, int))
    origins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(ORIGINS), int))

    def figures(self, seconds: int) -> dict[str, Any]:
        """Return rates, percentiles, and where the latencies start."""
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


#: Totals of each worker, by its key, and of each pool, by its name.
TotalsByGroup = dict[WorkerKey | str, RecentTotals]


def snapshot(
    history: History,
    matches: Callable[[SeriesKey], bool],
    matches_worker: Callable[[str, str], bool],
    now_s: float,
    until_s: int,
) -> tuple[dict[str, Any], int]:
    """Return the current state of pools, workers and queues, ready for JSON.

    With it comes how many workers were left out.
    """
    workers = {
        key: gauges
        for key, gauges in history.gauges.workers.items()
        if matches_worker(key.pool, key.node) and now_s - gauges.seen_s < FORGOTTEN_S
    }
    totals = _totals(history, matches, until_s)
    shown = _first(workers, totals, now_s)
    depths = history.gauges.depths_now
    fresh = now_s - history.gauges.depths_at_s < GONE_S
    found = {
        "seconds": RECENT_S,
        "pools": _pools(workers, totals, now_s),
        "workers": [_worker(key, gauges, totals, now_s) for key, gauges in shown],
        "queues": dict(sorted(depths.items())) if fresh else {},
        "waiting": sum(depths.values()) if fresh else None,
    }
    return found, len(workers) - len(shown)


def _first(
    workers: dict[WorkerKey, WorkerGauges], totals: TotalsByGroup, now_s: float
) -> list[tuple[WorkerKey, WorkerGauges]]:
    """Return at most `MAX_ROWS` workers, by pool and name: live ones first, then busy ones."""

    def rank(item: tuple[WorkerKey, WorkerGauges]) -> tuple[bool, int, str, str]:
        key, gauges = item
        finished = totals[key].finished if key in totals else 0
        return (not _is_alive(gauges, now_s), -finished, key.pool, key.node)

    first = sorted(workers.items(), key=rank)[:MAX_ROWS]
    return sorted(first, key=lambda item: (item[0].pool, item[0].node))


def _is_alive(gauges: WorkerGauges, now_s: float) -> bool:
    """Return whether a worker was seen recently and has not stopped since."""
    return not gauges.stopped and now_s - gauges.seen_s < GONE_S


def _totals(history: History, matches: Callable[[SeriesKey], bool], until_s: int) -> TotalsByGroup:
    """Add up the last seconds for each worker and each pool."""
    indices = np.arange(until_s - RECENT_S, until_s) % KEPT_S
    found: TotalsByGroup = {}
    for key, series in history.series.items():
        finished = int(series.finished[indices].sum())
        if not finished or not matches(key):
            continue
        for group in (key.pool, WorkerKey(pool=key.pool, node=key.node)):
            totals = found.setdefault(group, RecentTotals())
            totals.finished += finished
            totals.failed += int(series.failed[indices].sum())
            totals.latencies += series.latencies[indices].sum(axis=0, dtype=np.int64)
            totals.origins += series.origins[indices].sum(axis=0, dtype=np.int64)
    return found


def _pools(
    workers: dict[WorkerKey, WorkerGauges], totals: TotalsByGroup, now_s: float
) -> list[dict[str, Any]]:
    names = {key.pool for key in workers} | {name for name in totals if isinstance(name, str)}
    found = []
    for name in sorted(names):
        here = [g for key, g in workers.items() if key.pool == name and _is_alive(g, now_s)]
        last = [gauges.last for gauges in here if gauges.last is not None]
        figures = totals.get(name, RecentTotals()).figures(RECENT_S)
        if not here and name not in totals:  # nobody is there to tell, so it need not be 0
            figures["finished_per_s"] = figures["failed_per_s"] = None
        found.append(
            {
                "pool": name,
                "workers": len(here),
                "busy": sum(gauge.busy for gauge in last),
                "slots": sum(gauge.slots for gauge in last),
                **figures,
            }
        )
    return found


def _worker(
    key: WorkerKey, gauges: WorkerGauges, totals: TotalsByGroup, now_s: float
) -> dict[str, Any]:
    gauge = gauges.last
    here = _is_alive(gauges, now_s) and gauge is not None
    figures = totals.get(key, RecentTotals()).figures(RECENT_S)
    if not here and key not in totals:
        figures["finished_per_s"] = figures["failed_per_s"] = None
    return {
        "worker": key.node,
        "pool": key.pool,
        "state": "here" if here else "stopped" if gauges.stopped else "silent",
        "source": "probe" if gauges.probed else "events",
        "slots": gauge.slots if gauge else None,
        "busy": gauge.busy if gauge and here else None,
        "cpu_percent": _rounded(gauges.cpu_now_percent) if here else None,
        "memory_bytes": gauge.memory_bytes if gauge and here else None,
        "memory": gauge.memory if gauge else None,
        "queues": list(gauge.queues) if gauge else [],
        "since": round(gauges.ready_s, 3) if gauges.probed else None,
        "seen": round(gauges.seen_s, 3),
        **figures,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
