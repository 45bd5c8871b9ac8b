"""The figures of a pool, computed from its repeats; pure, without a judgement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from lab.measure.calibrate import Bare
from lab.results.race import Account, Interval, PoolResult, PoolSummary, Repeat
from producer import statistics

N = TypeVar("N", int, float)


def ideal_makespan_s(*, count: int, slots: int, cores: int, bare: Bare) -> float | None:
    """Return the shortest possible makespan of `count` tasks, in seconds; None if it is unknown.

    Two bounds, and the greater counts: the CPU work over the cores that can do it, and the waves
    of tasks that the slots make necessary. `bare` is what one task costs alone. If its CPU time
    includes what Celery does, the first bound is too high; then only the second is used, and only
    if the first cannot be the greater one.
    """
    work_s = count * bare.cpu_s / min(cores, slots)
    waves_s = math.ceil(count / slots) * bare.wall_s
    if bare.basis == "body":
        return max(work_s, waves_s)
    known = bare.basis == "worker" and (slots <= cores or work_s <= waves_s)
    return waves_s if known else None


def total(accounts: Sequence[Account]) -> Account:
    """Sum accounts."""
    return Account(
        submitted=sum(a.submitted for a in accounts),
        finished=sum(a.finished for a in accounts),
        failed=sum(a.failed for a in accounts),
        lost=sum(a.lost for a in accounts),
        timed_out=sum(a.timed_out for a in accounts),
        unserved=sum(a.unserved for a in accounts),
        duplicated=sum(a.duplicated for a in accounts),
        lost_ids=tuple(task_id for a in accounts for task_id in a.lost_ids),
    )


def is_whole(repeat: Repeat) -> bool:
    """Whether every task finished, so that the makespan covers them all, and times are known."""
    finished = repeat.account.finished == repeat.account.submitted
    return finished and not repeat.worker_died and not repeat.clock_moved_s


def timed(pool: PoolResult) -> list[Repeat]:
    """Return the complete repeats whose makespan can be compared as a ratio."""
    return [repeat for repeat in pool.repeats if is_whole(repeat) and repeat.makespan_s > 0]


def summarise(repeats: Sequence[Repeat], ideal_s: float | None) -> PoolSummary | None:
    """Return the figures of the complete repeats with the account of all, or None without one."""
    whole = [repeat for repeat in repeats if is_whole(repeat)]
    if not whole:
        return None
    latencies_s = [latency_s for repeat in whole for latency_s in repeat.latencies_s]
    p50, p95, p99 = statistics.percentiles(latencies_s, 50, 95, 99)
    makespan_s = _interval([repeat.makespan_s for repeat in whole])
    finished = sum(repeat.account.finished for repeat in whole)
    cpu_s = _if_all([repeat.cpu_s for repeat in whole], sum)
    return PoolSummary(
        makespan_s=makespan_s,
        throughput_per_s=_interval([repeat.throughput_per_s for repeat in whole]),
        latency_p50_s=p50,
        latency_p95_s=p95,
        latency_p99_s=p99,
        cpu_s_per_task=None if cpu_s is None else cpu_s / finished,
        peak_pss_bytes=_if_all([repeat.peak_pss_bytes for repeat in whole], max),
        of_ideal=None if ideal_s is None else ideal_s / makespan_s.median,
        account=total([repeat.account for repeat in repeats]),
    )


def _if_all(values: Sequence[N | None], combine: Callable[[list[N]], N]) -> N | None:
    """Combine `values`; None if one is unknown."""
    known = [value for value in values if value is not None]
    return combine(known) if len(known) == len(values) else None


def _interval(values: Sequence[float]) -> Interval:
    spread = statistics.spread(values)
    return Interval(median=spread.median, low=spread.low, high=spread.high)
