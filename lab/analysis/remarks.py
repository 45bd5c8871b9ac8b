"""What a reader must know before trusting a pool's figures; pure, from the repeats alone."""

from __future__ import annotations

from typing import Final

from lab.analysis.disturbance import QUIET
from lab.analysis.score import is_whole
from lab.format import words
from lab.results.race import PoolResult, PoolSummary, Repeat

#: Below this share of ideal, a remark explains the result.
NEAR_IDEAL = 0.90
#: The load generator was the bottleneck if submitting took more than this share of the makespan.
SUBMIT_SHARE = 0.25
#: Why slots may sit idle, by transport; `lease` claims as many messages at once as it can use.
FETCHES: Final = {
    "stock": ": the worker fetches messages one after another, so the slots do not all get a task "
    "at the same moment (the lease transport fetches many at once: docs/transport.md)",
}
#: A pool that kept this share of its usable cores busy was limited by them.
SATURATED = 0.75


def remarks(pool: PoolResult, usable_cores: int) -> tuple[str, ...]:
    """Return the remarks on `pool`, whose tasks can use `usable_cores` cores at once."""
    found = [
        _why_not_ranked(number, repeat)
        for number, repeat in enumerate(pool.repeats, start=1)
        if not is_whole(repeat)
    ]
    if generator_was_the_bottleneck(pool):
        found.append(
            f"submitting took more than {words.percent(SUBMIT_SHARE)} of the makespan, so the load "
            "generator was the bottleneck and this pool is not ranked"
        )
    found += _of_others(pool)
    share = pool.summary.of_ideal if pool.summary is not None else None
    if pool.summary is not None and share is not None and share < NEAR_IDEAL:
        lead = f"{words.percent(share)} of ideal"
        found.append(f"{lead}; {_why_not_ideal(pool, pool.summary, usable_cores)}")
    return tuple(found)


def _why_not_ranked(number: int, repeat: Repeat) -> str:
    """Say why a repeat does not count, and what to do about it."""
    lead = f"repeat {number} is not ranked, because"
    if repeat.worker_died:
        return f"{lead} the worker died ({repeat.worker_died})"
    account = repeat.account
    late = account.timed_out + account.unserved
    counts = (
        (account.failed, "failed"),
        (account.lost, "got lost"),
        (late, "had not ended when the time was up"),
    )
    ends = [f"{words.counted(number, 'task')} {end}" for number, end in counts if number]
    if repeat.clock_moved_s:
        moved = words.duration(abs(repeat.clock_moved_s))
        ends.append(f"the clock of the records' server moved by {moved} during it")
    advice = ": race again while the machine and its workers do nothing else" if late else ""
    return f"{lead} {' and '.join(ends)}{advice}"


def _of_others(pool: PoolResult) -> list[str]:
    """Say what else the worker and the machine did during the repeats."""
    found = []
    if others := sum(repeat.others for repeat in pool.repeats):
        share = max(repeat.others_slot_share for repeat in pool.repeats)
        found.append(
            f"during its repeats, this worker also ran {words.counted(others, 'task')} from other "
            f"clients, which took up to {words.percent(share)} of its slots' time"
        )
    for label, shares in (
        ("other processes used", [repeat.others_cpu_share for repeat in pool.repeats]),
        ("the hypervisor withheld", [repeat.stolen_cpu_share for repeat in pool.repeats]),
    ):
        known = [share for share in shares if share is not None]
        if known and max(known) > QUIET:
            found.append(f"{label} {_range(known)} of the machine's CPU during its repeats")
    return found


def _range(shares: list[float]) -> str:
    low, high = words.percent(min(shares)), words.percent(max(shares))
    return low if low == high else f"{low} to {high}"


def generator_was_the_bottleneck(pool: PoolResult) -> bool:
    """Whether submitting, not the pool, limited most of the repeats."""
    late = [repeat.submit_s > SUBMIT_SHARE * repeat.makespan_s for repeat in _whole(pool)]
    return sum(late) * 2 > len(late)


def _whole(pool: PoolResult) -> list[Repeat]:
    """Return the repeats that the figures come from; a broken one may have no makespan at all."""
    return [repeat for repeat in pool.repeats if is_whole(repeat)]


def _why_not_ideal(pool: PoolResult, summary: PoolSummary, usable_cores: int) -> str:
    """Explain the largest known part of the time beyond ideal."""
    busy = busy_cores(pool)
    idle = (
        f"slots sat idle for {words.duration(_mean_idle_s(pool))} on average while tasks "
        f"were queued{FETCHES.get(pool.transport, '')}"
    )
    if busy is None or summary.cpu_s_per_task is None:
        return (
            "either no core was free (the CPU time of the worker's processes cannot be read from "
            f"here), or {idle}"
        )
    cost = words.duration(summary.cpu_s_per_task)
    if busy > SATURATED * usable_cores:
        limit = "one core" if usable_cores == 1 else f"{usable_cores} cores"
        return (
            f"{busy:.2f} cores busy, and for these tasks the pool can use at most {limit}; "
            f"{cost} of CPU per task"
        )
    return f"{idle}; {cost} of CPU per task"


def busy_cores(pool: PoolResult) -> float | None:
    """Return how many cores its processes kept busy, at most; None if that is not known."""
    used = [(repeat.cpu_s, repeat.makespan_s) for repeat in _whole(pool)]
    shares = [cpu_s / makespan_s for cpu_s, makespan_s in used if cpu_s is not None]
    return max(shares) if shares and len(shares) == len(used) else None


def _mean_idle_s(pool: PoolResult) -> float:
    """Return how long slots sat idle on average while tasks were queued, in seconds.

    The number of idle slots, integrated from the due instant to the last start, divided by the
    number of slots; the worst repeat counts.
    """
    return max(_idle_s(repeat, pool.concurrency) for repeat in _whole(pool))


def _idle_s(repeat: Repeat, slots: int) -> float:
    changes = sorted(
        [(span.started_s, 1) for span in repeat.spans]
        + [(span.finished_s, -1) for span in repeat.spans]
    )
    last_start_s = max((span.started_s for span in repeat.spans), default=0.0)
    idle_s, running, since_s = 0.0, 0, 0.0
    for instant_s, change in changes:
        if instant_s > last_start_s:
            break
        idle_s += max(0, slots - running) * (instant_s - since_s)
        running, since_s = running + change, instant_s
    return idle_s / slots
