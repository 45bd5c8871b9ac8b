"""The JSON response with the page's data, computed from the history and a query.

`docs/throughput.md` describes its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from monitor.answer.lines import (
    Lines,
    busiest,
    finished_in,
    latency_starts,
    queue_lines,
    task_lines,
    worker_lines,
)
from monitor.answer.points import DEFAULT_RANGE_S, STEPS_S, Points, gaps, points_of, queue_gaps
from monitor.answer.snapshot import Moment, snapshot
from monitor.history.gauge_history import CPU_PERCENT, SLOTS, WorkerGauges, WorkerKey
from monitor.history.history import OTHERS, History, SeriesKey
from monitor.history.latency_start import latency_note
from monitor.history.tiers import COARSE

#: Seconds until all records of a second have arrived: one flush of the probe plus one read.
SETTLE_S: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the page asks for; an empty name matches every name."""

    range_s: int = DEFAULT_RANGE_S
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

    @property
    def is_filtered(self) -> bool:
        """Whether the query leaves out some workers or tasks."""
        return bool(self.pool or self.worker or self.task)

    def line_of(self, pool: str, node: str) -> str | None:
        """Return the line of a worker, or None if it is filtered out."""
        if not self.matches_worker(pool, node):
            return None
        return pool if self.by == "pool" else node


def build_response(
    history: History, query: Query, now_s: float, lasting_queues: Collection[str] = ()
) -> dict[str, Any]:
    """Return what changed since the previous response, or the whole range.

    `lasting_queues` are shown even if they are empty and no worker consumes from them.
    The number of lines and rows is bounded; `left_out` counts the others.
    """
    until_s = int(now_s - SETTLE_S)
    parts = points_of(history, query.range_s, until_s)
    tasks = _task_weights(history, query, parts)
    names, workers = busiest(tasks.weights), _worker_weights(history, query)
    nodes = busiest(workers)
    moment = Moment(
        matches=query.matches,
        matches_worker=query.matches_worker,
        now_s=now_s,
        until_s=until_s,
        filtered=query.is_filtered,
        lasting_queues=lasting_queues,
    )
    recent, rows_left_out = snapshot(history, moment)
    known_from_s, missing = gaps(history, query.range_s, until_s)
    since = query.since
    news = parts if since is None else [part.changed(history, since) for part in parts]
    shown = _shown_workers(history, query)
    return {
        "now": round(now_s, 3),
        "revision": [history.revision, until_s],
        "whole": since is None,
        "range_s": query.range_s,
        "step_s": STEPS_S[query.range_s],
        "by": query.by,
        "known_from": known_from_s,
        "gaps": missing,
        "queue_gaps": queue_gaps(history, query.range_s, until_s),
        "at": [at_s for part in news for at_s in part.at_s.tolist()],
        "lines": _joined(
            news, lambda part: task_lines(history, tasks.line_of_key, names, query.line_of, part)
        ),
        "workers": _joined(news, lambda part: worker_lines(shown, nodes, part)),
        "queues": _joined(news, lambda part: {"": queue_lines(history.gauges.depths, part)})[""],
        "finished": tasks.finished,
        "latency_starts": tasks.latency_starts,
        "latency_note": latency_note(tasks.latency_starts),
        "recent": recent,
        "choices": _choices(history),
        "left_out": {
            "lines": len(tasks.weights) - len(names),
            "workers": len(workers) - len(nodes),
            "rows": rows_left_out,
            "unknown_workers": history.gauges.left_out(now_s),
        },
    }


def _joined(parts: Sequence[Points], lines_of: Callable[[Points], Lines]) -> Lines:
    """Join the lines of consecutive points."""
    older, newer = map(lines_of, parts)
    return {
        name: {field: older[name][field] + values for field, values in fields.items()}
        for name, fields in newer.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _TaskWeights:
    """The lines that an answer could have."""

    line_of_key: dict[SeriesKey, str]
    weights: dict[str, float]  # finished tasks in the whole range, by line
    finished: int
    latency_starts: dict[str, int]  # how many latencies start where, by name


def _task_weights(history: History, query: Query, parts: Sequence[Points]) -> _TaskWeights:
    """Weigh the lines by the whole range, so that each update has the same ones."""
    lines = {
        key: key.pool if query.by == "pool" else key.node
        for key in history.series
        if query.matches(key)
    }
    counts = np.sum([finished_in(history, lines, part) for part in parts], axis=0)
    weights: dict[str, float] = {}
    for name, count in zip(lines.values(), counts.tolist(), strict=True):
        weights[name] = weights.get(name, 0.0) + count
    for worker, gauges in history.gauges.workers.items():
        name_of_worker = query.line_of(worker.pool, worker.node)
        if name_of_worker is not None and not np.isnan(gauges.ring(COARSE, SLOTS)).all():
            weights.setdefault(name_of_worker, 0.0)
    for pool in history.gauges.sums:
        if (name_of_sum := query.line_of(pool, OTHERS)) is not None:
            weights.setdefault(name_of_sum, 0.0)
    return _TaskWeights(
        line_of_key=lines,
        weights=weights,
        finished=int(counts.sum()),
        latency_starts=latency_starts(history, lines, parts),
    )


def _shown_workers(history: History, query: Query) -> dict[WorkerKey, WorkerGauges]:
    return {
        key: gauges
        for key, gauges in history.gauges.workers.items()
        if query.matches_worker(key.pool, key.node) and gauges.probed
    }


def _worker_weights(history: History, query: Query) -> dict[str, float]:
    """Weigh workers by their CPU in all of the history."""
    weights: dict[str, float] = {}
    for key, gauges in _shown_workers(history, query).items():
        weights[key.node] = weights.get(key.node, 0.0) + float(
            np.nansum(gauges.ring(COARSE, CPU_PERCENT))
        )
    return weights


def _choices(history: History) -> dict[str, list[str]]:
    keys = list(history.active_keys())
    workers = history.gauges.workers
    return {
        "pools": sorted({key.pool for key in keys} | {worker.pool for worker in workers}),
        "workers": sorted({key.node for key in keys} | {worker.node for worker in workers}),
        "tasks": sorted({key.task for key in keys}),
    }
