"""The points of the charts, computed from the history; a bounded number of lines in each answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauge_history import GaugeArray, WorkerGauges, WorkerKey
from monitor.history import KEPT_S, History, SeriesKey

#: The most lines of an answer, in each group of charts; the page draws twelve.
MAX_LINES: Final = 40

Floats = NDArray[np.float64]
#: The values of each line by its name, then by field, one for each point; None means unknown.
Lines = dict[str, dict[str, list[float | None]]]
#: Returns the line of a worker, by its pool and node; None if it is filtered out.
LineOf = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The points of the lines; each covers the seconds of one row of `indices`."""

    at_s: NDArray[np.int64]  # the first second of each point
    indices: NDArray[np.int64]
    complete: NDArray[np.bool_]  # whether each second is in the range and has ended


def finished_in(history: History, keys: Collection[SeriesKey], seconds: Iterable[int]) -> Floats:
    """Return how many tasks of each key finished in `seconds`."""
    indices = np.fromiter(seconds, np.int64) % KEPT_S
    return np.array([history.series[key].finished[indices].sum() for key in keys], float)


def busiest(weights: dict[str, float]) -> list[str]:
    """Return the names with the largest weights, in alphabetical order; at most `MAX_LINES`."""
    first = sorted(weights, key=lambda name: (-weights[name], name))[:MAX_LINES]
    return sorted(first)


def task_lines(
    history: History,
    keys: dict[SeriesKey, str],
    names: Collection[str],
    line_of: LineOf,
    bins: Bins,
) -> Lines:
    """Return the lines of `names`; `keys` maps each matching series to its line."""
    seconds = np.maximum(bins.complete.sum(axis=1), 1)
    finished = {name: np.zeros(len(bins.at_s)) for name in names}
    failed = {name: np.zeros(len(bins.at_s)) for name in names}
    latencies = {name: np.zeros((len(bins.at_s), histogram.BUCKETS), np.int64) for name in names}
    for key, name in keys.items():
        if name not in finished:
            continue
        series = history.series[key]
        done = np.where(bins.complete, series.finished[bins.indices], 0)
        finished[name] += done.sum(axis=1)
        failed[name] += np.where(bins.complete, series.failed[bins.indices], 0).sum(axis=1)
        busy = done.any(axis=1)  # skip idle seconds: most workers are idle most of the time
        counts = series.latencies[bins.indices[busy]]
        counts *= bins.complete[busy][:, :, None]
        latencies[name][busy] += counts.sum(axis=1, dtype=np.int64)
    slots = _slots(history, set(names), line_of, bins)
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
    workers: dict[WorkerKey, WorkerGauges], names: Collection[str], bins: Bins
) -> Lines:
    """Return CPU and memory of the workers in `names`, all of their pools merged."""
    shown = {key: gauges for key, gauges in workers.items() if key.node in names}
    cpu = averages([gauges.cpu_percent for gauges in shown.values()], bins)
    memory = averages([gauges.memory_bytes for gauges in shown.values()], bins)
    found: Lines = {}
    for index, key in enumerate(shown):
        known = found.setdefault(key.node, {"cpu_percent": [], "memory_bytes": []})
        known["cpu_percent"] = _merged(known["cpu_percent"], _plain(cpu[index], 1))
        known["memory_bytes"] = _merged(known["memory_bytes"], _plain(memory[index], 0))
    return found


def queue_lines(depths: dict[str, GaugeArray], bins: Bins) -> dict[str, list[float | None]]:
    """Return the depth of each queue."""
    found = averages(list(depths.values()), bins)
    return {name: _plain(found[index], 1) for index, name in enumerate(depths)}


def averages(rings: Collection[GaugeArray], bins: Bins) -> Floats:
    """Average each gauge over the seconds of each bin in which it is known; a row per gauge."""
    if not rings:
        return np.full((0, len(bins.at_s)), np.nan)
    values = np.stack([ring[bins.indices] for ring in rings]).astype(np.float64)
    known = bins.complete & ~np.isnan(values)
    seconds = known.sum(axis=2)
    total = np.where(known, values, 0).sum(axis=2)
    return np.where(seconds > 0, total / np.maximum(seconds, 1), np.nan)


def _slots(
    history: History, names: set[str], line_of: LineOf, bins: Bins
) -> dict[str, tuple[Floats, Floats]]:
    """Add up the busy slots and all slots of each line's workers; NaN if unknown."""
    members: dict[str, list[WorkerGauges]] = {name: [] for name in names}
    for key, gauges in history.gauges.workers.items():
        if (name := line_of(key.pool, key.node)) in names:
            members[name].append(gauges)
    return {
        name: (
            _total(averages([one.busy for one in some], bins)),
            _total(averages([one.slots for one in some], bins)),
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
