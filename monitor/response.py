"""The JSON response with the page's data, computed from the history and a query.

`docs/throughput.md` describes its shape.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauge_history import GaugeArray
from monitor.history import KEPT_S, RANGE_S, History, SeriesKey
from monitor.snapshot import snapshot

#: Range of a query in seconds: the seconds that each point covers.
STEPS_S: Final = {60: 1, 300: 2, RANGE_S: 5}
#: Seconds until all records of a second have arrived: one flush of the probe plus one read.
SETTLE_S: Final = 0.6

Floats = NDArray[np.float64]
#: The values of each line by its name, then by field, one for each point; None means unknown.
Lines = dict[str, dict[str, list[float | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the page asks for; an empty name matches every name."""

    range_s: int = RANGE_S
    by: Literal["pool", "worker"] = "pool"
    pool: str = ""
    worker: str = ""
    task: str = ""
    since: tuple[int, int] | None = None  # revision and end of the previous response

    def matches(self, key: SeriesKey) -> bool:
        """Return whether a series passes the filters."""
        return self.matches_worker(key.pool, key.node) and self.task in {"", key.task}

    def matches_worker(self, pool: str, node: str) -> bool:
        """Return whether a worker passes the filters."""
        return self.pool in {"", pool} and self.worker in {"", node}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The points of the lines; each covers the seconds of one row of `indices`."""

    at_s: NDArray[np.int64]  # the first second of each point
    indices: NDArray[np.int64]
    complete: NDArray[np.bool_]  # whether each second is in the range and has ended


def build_response(history: History, query: Query, now_s: float) -> dict[str, Any]:
    """Return what changed since the previous response, or the whole range."""
    until_s = int(now_s - SETTLE_S)
    bins = _bins(history, query, until_s)
    return {
        "now": round(now_s, 3),
        "revision": [history.revision, until_s],
        "whole": query.since is None,
        "range_s": query.range_s,
        "step_s": STEPS_S[query.range_s],
        "by": query.by,
        "at": bins.at_s.tolist(),
        "lines": _lines(history, query, bins),
        "workers": _workers(history, query, bins),
        "queues": {name: _averages(depth, bins) for name, depth in history.gauges.depths.items()},
        "finished": _finished(history, query, until_s),
        "recent": snapshot(history, query.matches, query.matches_worker, now_s, until_s),
        "choices": _choices(history),
    }


def _bins(history: History, query: Query, until_s: int) -> Bins:
    step_s = STEPS_S[query.range_s]
    first_s = (until_s - query.range_s) // step_s * step_s
    at_s = np.arange(first_s, until_s, step_s)
    seconds = at_s[:, None] + np.arange(step_s)
    complete = (seconds >= until_s - query.range_s) & (seconds < until_s)
    indices = seconds % KEPT_S
    if query.since is not None:
        revision, was_until_s = query.since
        news = ((history.changed[indices] > revision) & complete).any(axis=1)
        news |= at_s + step_s > was_until_s
        at_s, indices, complete = at_s[news], indices[news], complete[news]
    return Bins(at_s=at_s, indices=indices, complete=complete)


def _lines(history: History, query: Query, bins: Bins) -> Lines:
    seconds = np.maximum(bins.complete.sum(axis=1), 1)
    finished: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(bins.at_s)))
    failed: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(bins.at_s)))
    counts: defaultdict[str, NDArray[np.int64]] = defaultdict(
        lambda: np.zeros((len(bins.at_s), histogram.BUCKETS), np.int64)
    )
    for key, series in history.series.items():
        if not query.matches(key):
            continue
        name = key.pool if query.by == "pool" else key.node
        done = np.where(bins.complete, series.finished[bins.indices], 0)
        finished[name] += done.sum(axis=1)
        failed[name] += np.where(bins.complete, series.failed[bins.indices], 0).sum(axis=1)
        busy = done.any(axis=1)  # skip idle seconds: most workers are idle most of the time
        latencies = series.latencies[bins.indices[busy]] * bins.complete[busy][:, :, None]
        counts[name][busy] += latencies.sum(axis=1, dtype=np.int64)
    all_slots = _slots(history, query, bins)
    names = sorted({*finished, *all_slots})
    nothing = np.full(len(bins.at_s), np.nan)
    lines: Lines = {}
    for name in names:
        busy_slots, slots = all_slots.get(name, (nothing, nothing))
        known = ~np.isnan(slots) | (finished[name] > 0)
        lines[name] = {
            "finished_per_s": _plain(np.where(known, finished[name] / seconds, np.nan), 2),
            "failed_per_s": _plain(np.where(known, failed[name] / seconds, np.nan), 2),
            "p50_s": _plain(histogram.percentile_s(counts[name], 50), 6),
            "p95_s": _plain(histogram.percentile_s(counts[name], 95), 6),
            "busy": _plain(busy_slots, 1),
            "slots": _plain(slots, 1),
        }
    return lines


def _slots(history: History, query: Query, bins: Bins) -> dict[str, tuple[Floats, Floats]]:
    """Add up the busy slots and all slots of each line's workers; NaN if unknown."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for worker, gauges in history.gauges.workers.items():
        if not query.matches_worker(worker.pool, worker.node):
            continue
        name = worker.pool if query.by == "pool" else worker.node
        pair = (_average(gauges.busy, bins), _average(gauges.slots, bins))
        if not np.isnan(pair[1]).all():
            before = found.get(name)
            found[name] = (
                pair if before is None else (_sum(before[0], pair[0]), _sum(before[1], pair[1]))
            )
    return found


def _workers(
    history: History, query: Query, bins: Bins
) -> dict[str, dict[str, list[float | None]]]:
    found: dict[str, dict[str, list[float | None]]] = {}
    for worker, gauges in history.gauges.workers.items():
        if query.matches_worker(worker.pool, worker.node) and gauges.probed:
            cpu, memory = _average(gauges.cpu_percent, bins), _average(gauges.memory_bytes, bins)
            known = found.setdefault(worker.node, {"cpu_percent": [], "memory_bytes": []})
            known["cpu_percent"] = _merged(known["cpu_percent"], _plain(cpu, 1))
            known["memory_bytes"] = _merged(known["memory_bytes"], _plain(memory, 0))
    return found


def _finished(history: History, query: Query, until_s: int) -> int:
    """Count the tasks that finished in the complete seconds of the range."""
    indices = np.arange(until_s - query.range_s, until_s) % KEPT_S
    kept = [series for key, series in history.series.items() if query.matches(key)]
    return int(sum(series.finished[indices].sum(dtype=np.int64) for series in kept))


def _choices(history: History) -> dict[str, list[str]]:
    keys = list(history.active_keys())
    workers = history.gauges.workers
    return {
        "pools": sorted({key.pool for key in keys} | {worker.pool for worker in workers}),
        "workers": sorted({key.node for key in keys} | {worker.node for worker in workers}),
        "tasks": sorted({key.task for key in keys}),
    }


def _average(ring: GaugeArray, bins: Bins) -> Floats:
    """Average a gauge over the seconds of each bin in which it is known."""
    values = np.where(bins.complete, ring[bins.indices], np.nan).astype(np.float64)
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=1)
    seconds = known.sum(axis=1)
    return np.where(seconds > 0, total / np.maximum(seconds, 1), np.nan)


def _averages(ring: GaugeArray, bins: Bins) -> list[float | None]:
    return _plain(_average(ring, bins), 1)


def _sum(one: Floats, other: Floats) -> Floats:
    return np.where(np.isnan(one), other, one + np.nan_to_num(other))


def _merged(earlier: list[float | None], later: list[float | None]) -> list[float | None]:
    """Merge the values of a worker before and after a pool switch; the later ones win."""
    if not earlier:
        return later
    return [a if b is None else b for a, b in zip(earlier, later, strict=True)]


def _plain(values: Floats, digits: int) -> list[float | None]:
    """Return rounded plain numbers, with None for NaN."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]  # noqa: PLR0124 - NaN
