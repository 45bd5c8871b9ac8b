"""What a reader must know before trusting a pool's figures: pure, drawn from the repeats alone."""

from __future__ import annotations

from lab.analysis.score import is_whole
from lab.format import words
from lab.results.race import PoolResult, PoolSummary, Repeat

#: Below this share of the ideal a pool's result is explained.
NEAR_IDEAL = 0.90
#: A generator that needed more than this share of the makespan to submit was in the way.
SUBMIT_SHARE = 0.25
#: A pool that kept this share of the cores it can use busy had no more to give.
SATURATED = 0.75


def remarks(pool: PoolResult, usable_cores: int) -> tuple[str, ...]:
    """Return what is to be said of `pool`, whose Python can use `usable_cores` cores at once."""
    found = [
        f"the worker died in repeat {number} ({repeat.worker_died}); that repeat is not ranked"
        for number, repeat in enumerate(pool.repeats, start=1)
        if repeat.worker_died
    ]
    if generator_was_in_the_way(pool):
        found.append(
            f"submitting took more than {SUBMIT_SHARE:.0%} of the makespan: "
            "the generator was in the way, so this pool is not ranked"
        )
    if others := sum(repeat.others for repeat in pool.repeats):
        found.append(f"{words.count(others)} tasks of others ran on this worker meanwhile")
    if pool.summary is not None and pool.summary.of_ideal < NEAR_IDEAL:
        found.append(_why_not_ideal(pool, pool.summary, usable_cores))
    return tuple(found)


def generator_was_in_the_way(pool: PoolResult) -> bool:
    """Whether the median repeat was bound by our submitting and not by the pool."""
    late = [repeat.submit_s > SUBMIT_SHARE * repeat.makespan_s for repeat in _whole(pool)]
    return sum(late) * 2 > len(late)


def _whole(pool: PoolResult) -> list[Repeat]:
    """Return the repeats that the figures are of; a broken one may have no makespan at all."""
    return [repeat for repeat in pool.repeats if is_whole(repeat)]


def _why_not_ideal(pool: PoolResult, summary: PoolSummary, usable_cores: int) -> str:
    """Name the largest known part of the time beyond the ideal."""
    lead = f"{words.percent(summary.of_ideal)} of the ideal"
    busy_cores = _busy_cores(pool)
    idle = (
        f"{lead}; a slot stood empty for {words.duration(_mean_idle_s(pool))} while tasks waited: "
        "a worker fetches messages one by one"
    )
    if busy_cores is None or summary.cpu_s_per_task is None:
        return f"{idle}, or no core left; its processes cannot be seen from here"
    cost = words.duration(summary.cpu_s_per_task)
    if busy_cores > SATURATED * usable_cores:
        limit = "one core" if usable_cores == 1 else f"{usable_cores} cores"
        return f"{lead}; {busy_cores:.2f} cores busy, its Python can use {limit}; {cost} a task"
    return f"{idle}; {cost} of CPU a task"


def _busy_cores(pool: PoolResult) -> float | None:
    used = [(repeat.cpu_s, repeat.makespan_s) for repeat in _whole(pool)]
    shares = [cpu_s / makespan_s for cpu_s, makespan_s in used if cpu_s is not None]
    return max(shares) if len(shares) == len(used) else None


def _mean_idle_s(pool: PoolResult) -> float:
    """Return how long a slot stood empty on average, while tasks still waited, in seconds.

    The integral of the empty slots from the due instant to the last start, over the slots; the
    worst repeat counts.
    """
    return max(_empty_slot_s(repeat, pool.concurrency) for repeat in _whole(pool))


def _empty_slot_s(repeat: Repeat, slots: int) -> float:
    changes = sorted(
        [(span.started_s, 1) for span in repeat.spans]
        + [(span.finished_s, -1) for span in repeat.spans]
    )
    last_start_s = max((span.started_s for span in repeat.spans), default=0.0)
    empty_s, running, since_s = 0.0, 0, 0.0
    for instant_s, change in changes:
        if instant_s > last_start_s:
            break
        empty_s += max(0, slots - running) * (instant_s - since_s)
        running, since_s = running + change, instant_s
    return empty_s / slots
