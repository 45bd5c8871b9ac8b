"""Converts coarse steps of the history to what is stored of them, and back; it knows no Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from monitor.history import histogram
from monitor.history.gauge_history import MAX_QUEUES, WorkerGauges, WorkerKey, levels_of
from monitor.history.history import OTHERS, History, SeriesKey
from monitor.history.tiers import COARSE, FINE
from monitor.storing.stored_step import (
    MAX_BYTES,
    MAX_COUNT,
    EntryId,
    StoredSeries,
    StoredStep,
    StoredStop,
    StoredWorker,
    encode,
)

#: How many series, workers and queues of a step are stored, if it would be too long with more.
SIZES: Final = (256, 128, 64, 32, 16, 8, 4, 1, 0)

#: The longest name of a pool, in characters, that is kept when series are added up.
MAX_POOL: Final = 100


def body_of(history: History, at_s: int, through: EntryId) -> bytes:
    """Return the step that begins at `at_s`, to be stored.

    If it is too long, its least busy series are added up, and its last workers left out.
    """
    step = step_of(history, at_s, through)
    series = sorted(step.series, key=lambda one: -one.finished)
    for size in SIZES:
        body = encode(
            StoredStep(
                at_s=at_s,
                through=through,
                series=[*series[:size], *_added_up(series[size:])],
                workers=step.workers[:size],
                queues=step.queues[:size],
                watched=step.watched,
            )
        )
        if len(body) <= MAX_BYTES:
            break
    return body


def step_of(history: History, at_s: int, through: EntryId) -> StoredStep:
    """Return everything that is known of the step that begins at `at_s`."""
    row = COARSE.row_of(at_s)
    return StoredStep(
        at_s=at_s,
        through=through,
        series=list(_series(history, row)),
        workers=list(_workers(history, at_s)),
        queues=[
            (name, round(depth, 1))
            for name, levels in history.gauges.depths.items()
            if not np.isnan(depth := float(levels.rings[COARSE][0, row]))
        ],
        watched=not history.unwatched[row],
    )


def _series(history: History, row: int) -> Iterable[StoredSeries]:
    for key, tiers in history.series.items():
        counts = tiers[COARSE]
        if not (finished := min(int(counts.finished[row]), MAX_COUNT)):
            continue
        latencies = counts.latencies[row]
        buckets = np.flatnonzero(latencies)
        yield StoredSeries(
            pool=key.pool,
            node=key.node,
            task=key.task,
            finished=finished,
            failed=min(int(counts.failed[row]), MAX_COUNT),
            origins=tuple(np.minimum(counts.origins[row], MAX_COUNT).tolist()),
            latencies=tuple(zip(buckets.tolist(), latencies[buckets].tolist(), strict=True)),
        )


def _workers(history: History, at_s: int) -> Iterable[StoredWorker]:
    row = COARSE.row_of(at_s)
    for key, worker in history.gauges.workers.items():
        levels = worker.levels.rings[COARSE][:, row]
        if not np.isnan(levels).all():
            busy, slots, cpu_percent, memory_bytes = (
                None if np.isnan(one) else round(float(one), 1) for one in levels
            )
            yield StoredWorker(
                pool=key.pool,
                node=key.node,
                probed=worker.probed,
                busy=busy,
                slots=slots,
                cpu_percent=cpu_percent,
                memory_bytes=memory_bytes,
                stop=_stop(worker, at_s),
            )


def _stop(worker: WorkerGauges, at_s: int) -> StoredStop | None:
    after_s = worker.seen_s - at_s
    if worker.last is None or not worker.stopped or not 0 <= after_s < COARSE.step_s:
        return None
    return StoredStop(after_s=after_s, gauge=worker.last)


def _added_up(series: Sequence[StoredSeries]) -> list[StoredSeries]:
    """Add up series to one for each pool, or to a single one if there are many pools."""
    one_for_all = len({one.pool for one in series}) > len(SIZES)
    groups: defaultdict[str, list[StoredSeries]] = defaultdict(list)
    for one in series:
        groups[OTHERS if one_for_all or len(one.pool) > MAX_POOL else one.pool].append(one)
    return [_sum(pool, members) for pool, members in groups.items()]


def _sum(pool: str, series: Sequence[StoredSeries]) -> StoredSeries:
    latencies: defaultdict[int, int] = defaultdict(int)
    for one in series:
        for bucket, count in one.latencies:
            latencies[bucket] += count
    return StoredSeries(
        pool=pool,
        node=OTHERS,
        task=OTHERS,
        finished=_total(one.finished for one in series),
        failed=_total(one.failed for one in series),
        origins=tuple(map(_total, zip(*(one.origins for one in series), strict=True))),
        latencies=tuple(
            (bucket, min(count, int(histogram.FULL))) for bucket, count in sorted(latencies.items())
        ),
    )


def _total(counts: Iterable[int]) -> int:
    return min(sum(counts), MAX_COUNT)


def add_step(history: History, step: StoredStep) -> None:
    """Add a stored step to a history that counts nothing in that step yet."""
    row = COARSE.row_of(step.at_s)
    for one in step.series:
        key = history.kept_key(SeriesKey(pool=one.pool, node=one.node, task=one.task))
        counts = history.series[key][COARSE]
        counts.finished[row] += one.finished
        counts.failed[row] += one.failed
        counts.origins[row] += np.array(one.origins, np.uint32)
        for bucket, count in one.latencies:
            sum_ = int(counts.latencies[row, bucket]) + count
            counts.latencies[row, bucket] = min(sum_, int(histogram.FULL))
    for worker in step.workers:
        _add_worker(history, worker, step.at_s)
    history.unwatched[row] = not step.watched
    for name, depth in step.queues:
        if name in history.gauges.depths or len(history.gauges.depths) < MAX_QUEUES:
            _add_queue(history, name, depth, step.at_s)


def _add_queue(history: History, name: str, depth: float, at_s: int) -> None:
    levels = history.gauges.queue(name)
    levels.average(at_s, levels_of(depth), COARSE.step_s)
    # The seconds of everything else come from the records, which have no depths.
    if at_s >= history.oldest_s(FINE):
        seconds = np.arange(at_s, at_s + COARSE.step_s)
        levels.rings[FINE][0, FINE.row_of(seconds)] = depth


def _add_worker(history: History, stored: StoredWorker, at_s: int) -> None:
    stop = stored.stop
    seen_s = float(at_s + COARSE.step_s - 1) if stop is None else at_s + stop.after_s
    worker = history.gauges.worker(WorkerKey(pool=stored.pool, node=stored.node), seen_s)
    if worker is None:
        return
    values = (stored.busy, stored.slots, stored.cpu_percent, stored.memory_bytes)
    worker.levels.average(at_s, levels_of(*values), COARSE.step_s)
    if worker.seen_s <= seen_s:  # otherwise more is known of it by now
        worker.seen_s, worker.probed, worker.stopped = seen_s, stored.probed, stop is not None
        worker.last = None if stop is None else stop.gauge
        worker.ready_s = 0.0 if stop is None else seen_s - stop.gauge.up_s
