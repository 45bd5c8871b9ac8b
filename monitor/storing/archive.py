"""Converts coarse steps of the history to what is stored of them, and back; it knows no Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

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

#: A part of a step that can be added up.
Part = TypeVar("Part", StoredSeries, StoredWorker)

#: How many series, workers and queues of a step are stored by name, if it would be too long with
#: more.
SIZES: Final = (512, 256, 128, 64, 32, 16, 8, 4, 1, 0)

#: The longest name of a pool, in characters, that is kept when series and workers are added up,
MAX_POOL: Final = 100
#: and the most pools; if there are more, everything is added up to one.
MAX_POOLS: Final = 10
#: The most busy slots, or slots, of workers that were added up.
MAX_SLOTS: Final = 1e6


def body_of(history: History, at_s: int, through: EntryId) -> bytes:
    """Return the step that begins at `at_s`, to be stored.

    If it is too long, its least busy series are added up; if it still is, its last workers are
    added up, too; and only then are its last queues left out.
    """
    step = step_of(history, at_s, through)
    series = sorted(step.series, key=lambda one: -one.finished)
    workers = sorted(step.workers, key=lambda one: one.node == OTHERS)

    def body(series_size: int, workers_size: int, queues_size: int) -> bytes:
        return encode(
            StoredStep(
                at_s=at_s,
                through=through,
                series=[*series[:series_size], *_added_up(series[series_size:], _sum)],
                workers=_named(workers, workers_size),
                queues=step.queues[:queues_size],
                watched=step.watched,
            )
        )

    whole = body(SIZES[0], SIZES[0], SIZES[0])
    if len(whole) <= MAX_BYTES:
        return whole
    queues_size = _largest(lambda size: body(0, 0, size))
    workers_size = _largest(lambda size: body(0, size, queues_size))
    return body(
        _largest(lambda size: body(size, workers_size, queues_size)), workers_size, queues_size
    )


def _largest(body: Callable[[int], bytes]) -> int:
    """Return the largest size of which the body is not too long."""
    return next((size for size in SIZES if len(body(size)) <= MAX_BYTES), 0)


def _named(workers: Sequence[StoredWorker], size: int) -> list[StoredWorker]:
    """Return the first workers by name, and the others as sums; sums never have a name."""
    named = [one for one in workers[:size] if one.node != OTHERS]
    return [*named, *_added_up(workers[len(named) :], _sum_of_workers)]


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
    for pool, sums in history.gauges.sums.items():
        busy, slots = (
            None if np.isnan(one) else round(float(one), 1) for one in sums.rings[COARSE][:, row]
        )
        if slots is not None:
            yield StoredWorker(
                pool=pool,
                node=OTHERS,
                probed=False,
                busy=busy,
                slots=slots,
                cpu_percent=None,
                memory_bytes=None,
            )


def _stop(worker: WorkerGauges, at_s: int) -> StoredStop | None:
    after_s = worker.seen_s - at_s
    if worker.last is None or not worker.stopped or not 0 <= after_s < COARSE.step_s:
        return None
    return StoredStop(after_s=after_s, gauge=worker.last)


def _added_up(parts: Sequence[Part], add_up: Callable[[str, Sequence[Part]], Part]) -> list[Part]:
    """Add up parts to one for each pool, or to a single one if there are many pools."""
    one_for_all = len({one.pool for one in parts}) > MAX_POOLS
    groups: defaultdict[str, list[Part]] = defaultdict(list)
    for one in parts:
        groups[OTHERS if one_for_all or len(one.pool) > MAX_POOL else one.pool].append(one)
    return [add_up(pool, members) for pool, members in groups.items()]


def _sum_of_workers(pool: str, workers: Sequence[StoredWorker]) -> StoredWorker:
    """Add up the slots; the sum of the CPU or memory of many workers would be no worker's."""

    def total(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(min(sum(known), MAX_SLOTS), 1) if known else None

    return StoredWorker(
        pool=pool,
        node=OTHERS,
        probed=False,
        busy=total(one.busy for one in workers),
        slots=total(one.slots for one in workers),
        cpu_percent=None,
        memory_bytes=None,
    )


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


def add_step(history: History, step: StoredStep, complete_from_s: float) -> None:
    """Add a stored step to a history that counts nothing in that step yet.

    All gauges since `complete_from_s` will be added, too: those of each worker, so that sums of
    workers would count twice.
    """
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
        if worker.node != OTHERS:
            _add_worker(history, worker, step.at_s)
        elif step.at_s + COARSE.step_s <= complete_from_s:
            _add_sum(history, worker, step.at_s)
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


def _add_sum(history: History, stored: StoredWorker, at_s: int) -> None:
    levels = history.gauges.sum_of(stored.pool)
    if levels is not None:
        levels.average(at_s, levels_of(stored.busy, stored.slots), COARSE.step_s)


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
