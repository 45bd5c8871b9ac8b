"""The history as the page asks for it: data in, data out; `docs/throughput.md` has the shape."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from monitor import histogram
from monitor.gauges import Levels_
from monitor.history import KEPT_S, RANGE_S, History, Key
from monitor.recent import recent

#: Ranges that can be asked for, with the seconds that one point of a line stands for.
STEPS_S: Final = {60: 1, 300: 2, RANGE_S: 5}
#: Seconds until all records of a second have come: a flush of the probe, a look of the reader.
SETTLE_S: Final = 0.6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a page wants to see; an empty name is every name."""

    range_s: int = RANGE_S
    by: Literal["pool", "worker"] = "pool"
    pool: str = ""
    worker: str = ""
    task: str = ""
    since: tuple[int, int] | None = None  # revision and last second of the answer before

    def wants(self, key: Key) -> bool:
        """Whether `key` passes the filters."""
        return self.wants_lane(key.pool, key.node) and self.task in {"", key.task}

    def wants_lane(self, pool: str, node: str) -> bool:
        """Whether a worker passes the filters."""
        return self.pool in {"", pool} and self.worker in {"", node}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The points of the lines: `at_s` are their first seconds, one row of `places` for each."""

    at_s: NDArray[np.int64]
    places: NDArray[np.int64]
    whole: NDArray[np.bool_]  # which of the places are within the range and complete


def answer(history: History, ask: Ask, now_s: float) -> dict[str, Any]:
    """Return what changed since the last answer, or all of the range."""
    until_s = int(now_s - SETTLE_S)
    bins = _bins(history, ask, until_s)
    return {
        "now": round(now_s, 3),
        "revision": [history.revision, until_s],
        "whole": ask.since is None,
        "range_s": ask.range_s,
        "step_s": STEPS_S[ask.range_s],
        "by": ask.by,
        "at": bins.at_s.tolist(),
        "lines": _lines(history, ask, bins),
        "workers": _workers(history, ask, bins),
        "queues": {name: _mean(depth, bins) for name, depth in history.levels.depths.items()},
        "finished": _finished(history, ask, until_s),
        "recent": recent(history, ask.wants, ask.wants_lane, now_s, until_s),
        "choices": _choices(history),
    }


def _bins(history: History, ask: Ask, until_s: int) -> Bins:
    step_s = STEPS_S[ask.range_s]
    first_s = (until_s - ask.range_s) // step_s * step_s
    at_s = np.arange(first_s, until_s, step_s)
    seconds = at_s[:, None] + np.arange(step_s)
    whole = (seconds >= until_s - ask.range_s) & (seconds < until_s)
    places = seconds % KEPT_S
    if ask.since is not None:
        revision, was_until_s = ask.since
        news = ((history.changed[places] > revision) & whole).any(axis=1)
        news |= at_s + step_s > was_until_s
        at_s, places, whole = at_s[news], places[news], whole[news]
    return Bins(at_s=at_s, places=places, whole=whole)


def _lines(history: History, ask: Ask, bins: Bins) -> dict[str, dict[str, list[float | None]]]:
    seconds = np.maximum(bins.whole.sum(axis=1), 1)
    finished: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(bins.at_s)))
    failed: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(bins.at_s)))
    counts: defaultdict[str, NDArray[np.int64]] = defaultdict(
        lambda: np.zeros((len(bins.at_s), histogram.BUCKETS), np.int64)
    )
    for key, series in history.series.items():
        if not ask.wants(key):
            continue
        name = key.pool if ask.by == "pool" else key.node
        ended = np.where(bins.whole, series.finished[bins.places], 0)
        finished[name] += ended.sum(axis=1)
        failed[name] += np.where(bins.whole, series.failed[bins.places], 0).sum(axis=1)
        busy = ended.any(axis=1)  # most workers rest most of the time: look no further there
        there = series.latencies[bins.places[busy]] * bins.whole[busy][:, :, None]
        counts[name][busy] += there.sum(axis=1, dtype=np.int64)
    levels = _slots(history, ask, bins)
    names = sorted({*finished, *levels})
    nothing = np.full(len(bins.at_s), np.nan)
    lines = {}
    for name in names:
        busy_slots, slots = levels.get(name, (nothing, nothing))
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


def _slots(history: History, ask: Ask, bins: Bins) -> dict[str, tuple[Floats, Floats]]:
    """Add up busy slots and slots of the workers of each line; NaN where none said any."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for lane, trace in history.levels.traces.items():
        if not ask.wants_lane(lane.pool, lane.node):
            continue
        name = lane.pool if ask.by == "pool" else lane.node
        pair = (_level(trace.busy, bins), _level(trace.slots, bins))
        if not np.isnan(pair[1]).all():
            before = found.get(name)
            found[name] = (
                pair if before is None else (_sum(before[0], pair[0]), _sum(before[1], pair[1]))
            )
    return found


def _workers(history: History, ask: Ask, bins: Bins) -> dict[str, dict[str, list[float | None]]]:
    found: dict[str, dict[str, list[float | None]]] = {}
    for lane, trace in history.levels.traces.items():
        if ask.wants_lane(lane.pool, lane.node) and trace.probed:
            cpu, memory = _level(trace.cpu_percent, bins), _level(trace.memory_bytes, bins)
            known = found.setdefault(lane.node, {"cpu_percent": [], "memory_bytes": []})
            known["cpu_percent"] = _over(known["cpu_percent"], _plain(cpu, 1))
            known["memory_bytes"] = _over(known["memory_bytes"], _plain(memory, 0))
    return found


def _finished(history: History, ask: Ask, until_s: int) -> int:
    """Count what has ended in the whole seconds of the range."""
    places = np.arange(until_s - ask.range_s, until_s) % KEPT_S
    kept = [series for key, series in history.series.items() if ask.wants(key)]
    return int(sum(series.finished[places].sum(dtype=np.int64) for series in kept))


def _choices(history: History) -> dict[str, list[str]]:
    keys = list(history.tasks())
    lanes = history.levels.traces
    return {
        "pools": sorted({key.pool for key in keys} | {lane.pool for lane in lanes}),
        "workers": sorted({key.node for key in keys} | {lane.node for lane in lanes}),
        "tasks": sorted({key.task for key in keys}),
    }


def _level(levels: Levels_, bins: Bins) -> Floats:
    """Average a level over the seconds of each bin that know it."""
    there = np.where(bins.whole, levels[bins.places], np.nan).astype(np.float64)
    known = ~np.isnan(there)
    total = np.where(known, there, 0).sum(axis=1)
    seconds = known.sum(axis=1)
    return np.where(seconds > 0, total / np.maximum(seconds, 1), np.nan)


def _mean(levels: Levels_, bins: Bins) -> list[float | None]:
    return _plain(_level(levels, bins), 1)


def _sum(one: Floats, other: Floats) -> Floats:
    return np.where(np.isnan(one), other, one + np.nan_to_num(other))


def _over(under: list[float | None], top: list[float | None]) -> list[float | None]:
    """Lay the later pool of a worker over the one before."""
    if not under:
        return top
    return [a if b is None else b for a, b in zip(under, top, strict=True)]


def _plain(values: Floats, digits: int) -> list[float | None]:
    """Return plain numbers, None where there is none."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]  # noqa: PLR0124 - NaN
