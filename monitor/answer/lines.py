"""The points of the charts, computed from the history; a bounded number of lines in each answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.answer.points import Points
from monitor.history import histogram
from monitor.history.gauge_history import (
    BUSY,
    CPU_PERCENT,
    MEMORY_BYTES,
    SLOTS,
    WorkerGauges,
    WorkerKey,
)
from monitor.history.history import OTHERS, History, SeriesKey
from monitor.history.latency_start import ORIGINS
from monitor.history.levels import GaugeArray, Levels

#: The most lines of an answer, in each group of charts; the page draws twelve.
MAX_LINES: Final = 40

Floats = NDArray[np.float64]
#: The values of each line by its name, then by field, one for each point; None means unknown.
Lines = dict[str, dict[str, list[float | None]]]
#: Returns the line of a worker, by its pool and node; None if it is filtered out.
LineOf = Callable[[str, str], str | None]


def finished_in(history: History, keys: Collection[SeriesKey], points: Points) -> Floats:
    """Return how many tasks of each key finished in the points."""
    rows = points.rows[points.complete]
    return np.array([history.series[key][points.tier].finished[rows].sum() for key in keys], float)


def latency_starts(
    history: History, keys: Collection[SeriesKey], parts: Sequence[Points]
) -> dict[str, int]:
    """Return how many latencies in the points start where."""
    found = np.zeros(len(ORIGINS), np.int64)
    for part in parts:
        rows = part.rows[part.complete]
        for key in keys:
            found += history.series[key][part.tier].origins[rows].sum(axis=0, dtype=np.int64)
    return dict(zip(ORIGINS, found.tolist(), strict=True))


def busiest(weights: dict[str, float]) -> list[str]:
    """Return the names with the largest weights, in alphabetical order; at most `MAX_LINES`."""
    first = sorted(weights, key=lambda name: (-weights[name], name))[:MAX_LINES]
    return sorted(first)


def task_lines(
    history: History,
    keys: dict[SeriesKey, str],
    names: Collection[str],
    line_of: LineOf,
    points: Points,
) -> Lines:
    """Return the lines of `names`; `keys` maps each matching series to its line."""
    seconds = np.maximum(points.seconds.sum(axis=1), 1)
    finished = {name: np.zeros(len(points.at_s)) for name in names}
    failed = {name: np.zeros(len(points.at_s)) for name in names}
    latencies = {name: np.zeros((len(points.at_s), histogram.BUCKETS), np.int64) for name in names}
    for key, name in keys.items():
        if name not in finished:
            continue
        series = history.series[key][points.tier]
        done = np.where(points.complete, series.finished[points.rows], 0)
        finished[name] += done.sum(axis=1)
        failed[name] += np.where(points.complete, series.failed[points.rows], 0).sum(axis=1)
        busy = done.any(axis=1)  # skip idle points: most workers are idle most of the time
        counts = series.latencies[points.rows[busy]]
        counts *= points.complete[busy][:, :, None]
        latencies[name][busy] += counts.sum(axis=1, dtype=np.int64)
    slots = _slots(history, set(names), line_of, points)
    lines: Lines = {}
    for name in names:
        busy_slots, all_slots = slots[name]
        known = ~np.isnan(all_slots) | (finished[name] > 0)
        lines[name] = {
            "finished_per_s": _plain(np.where(known, finished[name] / seconds, np.nan), 2),
            "failed_per_s": _plain(np.where(known, failed[name] / seconds, np.nan), 2),
            "p50_s": _plain(histogram.percentile_s(latencies[name], 50), 6),
            "p95_s": _plain(histogram.percentile_s(latencies[name], 95), 6),
            "busy": _plain(busy_slots, 1),
            "slots": _plain(all_slots, 1),
        }
    return lines


def worker_lines(
    workers: dict[WorkerKey, WorkerGauges], names: Collection[str], points: Points
) -> Lines:
    """Return CPU and memory of the workers in `names`, all of their pools merged."""
    shown = {key: gauges for key, gauges in workers.items() if key.node in names}
    cpu = averages([one.ring(points.tier, CPU_PERCENT) for one in shown.values()], points)
    memory = averages([one.ring(points.tier, MEMORY_BYTES) for one in shown.values()], points)
    found: Lines = {}
    for index, key in enumerate(shown):
        known = found.setdefault(key.node, {"cpu_percent": [], "memory_bytes": []})
        known["cpu_percent"] = _merged(known["cpu_percent"], _plain(cpu[index], 1))
        known["memory_bytes"] = _merged(known["memory_bytes"], _plain(memory[index], 0))
    return found


def queue_lines(depths: dict[str, Levels], points: Points) -> dict[str, list[float | None]]:
    """Return the depth of each queue."""
    found = averages([one.rings[points.tier][0] for one in depths.values()], points)
    return {name: _plain(found[index], 1) for index, name in enumerate(depths)}


def averages(rings: Collection[GaugeArray], points: Points) -> Floats:
    """Average each gauge over the rows of each point in which it is known; a row per gauge."""
    if not rings:
        return np.full((0, len(points.at_s)), np.nan)
    values = np.stack([ring[points.rows] for ring in rings]).astype(np.float64)
    known = points.complete & ~np.isnan(values)
    seconds = known.sum(axis=2)
    total = np.where(known, values, 0).sum(axis=2)
    return np.where(seconds > 0, total / np.maximum(seconds, 1), np.nan)


def _slots(
    history: History, names: set[str], line_of: LineOf, points: Points
) -> dict[str, tuple[Floats, Floats]]:
    """Add up the busy slots and all slots of each line's workers; NaN if unknown."""
    members: dict[str, list[Levels]] = {name: [] for name in names}
    known = [(key.pool, key.node, one.levels) for key, one in history.gauges.workers.items()]
    sums = [(pool, OTHERS, levels) for pool, levels in history.gauges.sums.items()]
    for pool, node, levels in (*known, *sums):
        if (name := line_of(pool, node)) in names:
            members[name].append(levels)
    return {
        name: (
            _total(averages([one.rings[points.tier][BUSY] for one in some], points)),
            _total(averages([one.rings[points.tier][SLOTS] for one in some], points)),
        )
        for name, some in members.items()
    }


def _total(rows: Floats) -> Floats:
    """Add up rows; NaN where all are NaN."""
    return np.where(np.isnan(rows).all(axis=0), np.nan, np.nansum(rows, axis=0))


def _merged(earlier: list[float | None], later: list[float | None]) -> list[float | None]:
    """Merge the values of a worker before and after a pool switch; the later ones win."""
    if not earlier:
        return later
    return [a if b is None else b for a, b in zip(earlier, later, strict=True)]


def _plain(values: Floats, digits: int) -> list[float | None]:
    """Return rounded plain numbers, with None for NaN."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]  # noqa: PLR0124 - NaN
