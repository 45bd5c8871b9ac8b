"""Figures of what was seen, per task and per worker: pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from lab.results.observation import TaskFigures, WorkerFigures
from producer.observation.hoarding import Hoard, held_while_idle
from producer.observation.seen import Attempt, Seen, WorkerSeen
from producer.observation.usage import busy_slots, cores
from producer.records import FAILURES
from producer.statistics import percentiles


def task_figures(seen: Seen) -> tuple[TaskFigures, ...]:
    """Return the figures of each task, those that took the most time first."""
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    started: dict[str, int] = defaultdict(int)
    rates_per_s: dict[str, float] = defaultdict(float)
    blind = set()  # tasks of workers that do not report redeliveries
    for worker in seen.workers:
        for task, number in Counter(one.task for one in worker.attempts).items():
            rates_per_s[task] += number / worker.covered_s(seen.span_s)
        for attempt in worker.attempts:
            attempts[attempt.task].append(attempt)
            if attempt.redelivered is None:
                blind.add(attempt.task)
        if worker.source == "inspection":
            for task, number in worker.started.items():
                started[task] += number
                rates_per_s[task] += number / seen.span_s
    names = sorted(
        attempts.keys() | started.keys(),
        key=lambda name: (-sum(run_times(attempts[name])), -started[name], name),
    )
    return tuple(
        _of_task(name, attempts[name], started[name], name in blind, rates_per_s[name])
        for name in names
    )


def _of_task(
    name: str, attempts: Sequence[Attempt], started: int, blind: bool, rate_per_s: float
) -> TaskFigures:
    run = _percentiles(run_times(attempts))
    queued = _percentiles(_between(attempts, "sent_s", "received_s"))
    held = _percentiles(
        [
            max(0.0, one.started_s - max(one.received_s, one.sent_s or one.received_s))
            for one in attempts
            if one.started_s is not None and one.received_s is not None
        ]
    )
    ended = len(attempts) + started
    known = bool(attempts)
    return TaskFigures(
        task=name,
        ended=ended,
        rate_per_s=rate_per_s,
        run_p50_s=run[0],
        run_p95_s=run[1],
        queued_p50_s=queued[0],
        queued_p95_s=queued[1],
        held_p50_s=held[0],
        held_p95_s=held[1],
        failures=sum(one.outcome in FAILURES for one in attempts) if known else None,
        retries=sum(one.outcome == "retried" for one in attempts) if known else None,
        redeliveries=sum(bool(one.redelivered) for one in attempts)
        if known and not blind
        else None,
    )


def _percentiles(samples: Sequence[float]) -> tuple[float | None, float | None]:
    if not samples:
        return None, None
    middle, high = percentiles(samples, 50, 95)
    return middle, high


def run_times(attempts: Iterable[Attempt]) -> list[float]:
    """Return the seconds from start to end of the attempts that started."""
    return _between(attempts, "started_s", "finished_s")


def _between(attempts: Iterable[Attempt], start: str, end: str) -> list[float]:
    """Return the seconds between two times; clocks may differ, so never less than 0."""
    pairs = ((getattr(one, start), getattr(one, end)) for one in attempts)
    return [max(0.0, to - since) for since, to in pairs if since is not None and to is not None]


def worker_figures(seen: Seen) -> tuple[WorkerFigures, ...]:
    """Return the figures of each worker, by name."""
    found = zip(seen.workers, held_while_idle(seen), strict=True)
    return tuple(
        _of_worker(worker, hoard, seen)
        for worker, hoard in sorted(found, key=lambda one: one[0].node)
    )


def _of_worker(worker: WorkerSeen, hoard: Hoard, seen: Seen) -> WorkerFigures:
    memory = [one.memory_bytes for one in worker.samples if one.memory_bytes is not None]
    waiting = [one.waiting for one in worker.samples if one.waiting is not None]
    return WorkerFigures(
        node=worker.node,
        pool=worker.pool_name,
        slots=worker.slots,
        source=worker.source,
        queues=worker.queues,
        busy_slots=busy_slots(worker, seen),
        cores=cores(worker),
        memory_bytes=memory[-1] if memory else None,
        memory_growth_bytes=memory[-1] - memory[0] if len(memory) > 1 else None,
        most_waiting=max(waiting) if waiting else None,
        held_idle_s=hoard.total_s if waiting else None,
    )
