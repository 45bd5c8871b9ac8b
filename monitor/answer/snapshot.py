"""The current figures for the tiles and the worker table, from the last seconds of the history."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.answer.arrivals import arrived_per_s
from monitor.answer.limit import find_limit
from monitor.answer.queues_now import queues_now
from monitor.answer.roster import RosterEntry, is_shown, roster
from monitor.history import histogram
from monitor.history.gauge_history import WorkerGauges, WorkerKey
from monitor.history.history import History, SeriesKey
from monitor.history.latency_start import ORIGINS, latency_note
from monitor.history.tiers import FINE, RANGE_S

#: Seconds that the current rates and percentiles cover.
RECENT_S: Final = 5
#: The most workers in an answer.
MAX_ROWS: Final = 100


@dataclass(slots=True)
class RecentTotals:
    """Totals of the last seconds for one pool or worker."""

    finished: int = 0
    failed: int = 0
    latencies: NDArray[np.int64] = field(default_factory=lambda: np.zeros(histogram.BUCKETS, int))
    origins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(ORIGINS), int))

    def figures(self, seconds: int) -> dict[str, Any]:
        """Return rates, percentiles, and where the latencies start."""
        starts = dict(zip(ORIGINS, self.origins.tolist(), strict=True))
        p50_s, p95_s = (
            float(histogram.percentile_s(self.latencies[None, :], percent)[0])
            for percent in (50, 95)
        )
        return {
            "finished_per_s": round(self.finished / seconds, 2),
            "failed_per_s": round(self.failed / seconds, 2),
            "p50_s": None if np.isnan(p50_s) else round(p50_s, 6),
            "p95_s": None if np.isnan(p95_s) else round(p95_s, 6),
            "latency_from": [name for name, count in starts.items() if count],
            "latency_starts": starts,
            "latency_note": latency_note(starts),
        }


#: Totals of each worker, by its key, and of each pool, by its name.
TotalsByGroup = dict[WorkerKey | str, RecentTotals]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a snapshot is taken, and of what."""

    matches: Callable[[SeriesKey], bool]
    matches_worker: Callable[[str, str], bool]
    now_s: float
    until_s: int  # the end of the last second whose records are all there
    filtered: bool = False
    lasting_queues: Collection[str] = ()  # those that are shown even if nobody uses them


def snapshot(history: History, moment: Moment) -> tuple[dict[str, Any], int]:
    """Return the current state of pools, workers and queues, ready for JSON.

    With it comes how many workers were left out.
    """
    now_s = moment.now_s
    workers = history.gauges.workers
    recent = {key: one for key, one in workers.items() if now_s - one.seen_s < RANGE_S}
    known = {key: one for key, one in recent.items() if is_shown(one, now_s)}
    rows = [
        row
        for row in roster(recent)
        if row.key in known and moment.matches_worker(row.key.pool, row.key.node)
    ]
    totals = _totals(history, moment.matches, moment.until_s)
    shown = _first(rows, totals, now_s)
    found = {
        "seconds": RECENT_S,
        "finished_per_s": _finished_per_s(rows, totals, now_s),
        "arrived_per_s": None if moment.filtered else arrived_per_s(history, moment.until_s),
        "pools": _pools(rows, totals, history.gauges.depths_now, now_s),
        "workers": [_worker(row, totals, now_s) for row in shown],
        **queues_now(history.gauges, known, moment.lasting_queues, now_s),
    }
    return found, len(rows) - len(shown)


def _finished_per_s(rows: list[RosterEntry], totals: TotalsByGroup, now_s: float) -> float | None:
    """Return the rate of all workers together; None if nobody is there to report it."""
    finished = sum(one.finished for key, one in totals.items() if isinstance(key, WorkerKey))
    if not finished and not any(row.gauges.is_alive(now_s) for row in rows):
        return None
    return round(finished / RECENT_S, 2)


def _first(rows: list[RosterEntry], totals: TotalsByGroup, now_s: float) -> list[RosterEntry]:
    """Return at most `MAX_ROWS` workers, by pool and name: live ones first, then busy ones."""

    def rank(row: RosterEntry) -> tuple[bool, int, str, str]:
        finished = totals[row.key].finished if row.key in totals else 0
        return (not row.gauges.is_alive(now_s), -finished, row.key.pool, row.key.node)

    first = sorted(rows, key=rank)[:MAX_ROWS]
    return sorted(first, key=lambda row: (row.key.pool, row.key.node))


def _totals(history: History, matches: Callable[[SeriesKey], bool], until_s: int) -> TotalsByGroup:
    """Add up the last seconds for each worker and each pool."""
    rows = FINE.row_of(np.arange(until_s - RECENT_S, until_s))
    found: TotalsByGroup = {}
    for key, tiers in history.series.items():
        series = tiers[FINE]
        finished = int(series.finished[rows].sum())
        if not finished or not matches(key):
            continue
        for group in (key.pool, WorkerKey(pool=key.pool, node=key.node)):
            totals = found.setdefault(group, RecentTotals())
            totals.finished += finished
            totals.failed += int(series.failed[rows].sum())
            totals.latencies += series.latencies[rows].sum(axis=0, dtype=np.int64)
            totals.origins += series.origins[rows].sum(axis=0, dtype=np.int64)
    return found


def _pools(
    rows: list[RosterEntry], totals: TotalsByGroup, depths: dict[str, int], now_s: float
) -> list[dict[str, Any]]:
    """Return the figures of each pool, except of those whose workers have all stopped or left."""
    names = {row.key.pool for row in rows if not row.gauges.stopped}
    names |= {name for name in totals if isinstance(name, str)}
    return [
        _pool(
            name,
            [row.gauges for row in rows if row.key.pool == name and row.gauges.is_alive(now_s)],
            totals.get(name),
            depths,
        )
        for name in sorted(names)
    ]


def _pool(
    name: str, here: list[WorkerGauges], totals: RecentTotals | None, depths: dict[str, int]
) -> dict[str, Any]:
    last = [gauges.last for gauges in here if gauges.last is not None]
    figures = (totals or RecentTotals()).figures(RECENT_S)
    if not here and totals is None:  # no worker could have reported, so it need not be 0
        figures["finished_per_s"] = figures["failed_per_s"] = None
    queues = {queue for gauge in last for queue in gauge.queues}
    waiting = sum(depths.get(queue, 0) for queue in queues)
    limit = find_limit(waiting, [list(gauges.lately) for gauges in here])
    return {
        "pool": name,
        "workers": len(here),
        "busy": sum(gauge.busy for gauge in last),
        "slots": sum(gauge.slots for gauge in last),
        "waiting": waiting,
        "limit": None if limit is None else limit.plain(),
        **figures,
    }


def _worker(row: RosterEntry, totals: TotalsByGroup, now_s: float) -> dict[str, Any]:
    key, gauges = row.key, row.gauges
    gauge = gauges.last
    here = gauges.is_alive(now_s) and gauge is not None
    figures = totals.get(key, RecentTotals()).figures(RECENT_S)
    if not here and key not in totals:
        figures["finished_per_s"] = figures["failed_per_s"] = None
    return {
        "worker": key.node,
        "pool": key.pool,
        "was": row.was,
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
