"""What costs throughput or work in what was seen, with its evidence and its fix: pure functions.

A rule claims only what the figures prove, so that a healthy cluster has no findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from producer.observation.blocking import gevent_blocked, one_core
from producer.observation.finding import Finding
from producer.observation.hoarding import Hoard, held_while_idle
from producer.observation.outcomes import outcome_findings
from producer.observation.seen import Seen, WorkerSeen
from producer.quantities import duration, size

#: Seconds without interruption that messages are held next to an idle worker.
HOARDS_S: Final = 3.0
#: Seconds between the first and the last sample from which growth of memory counts,
GROWS_S: Final = 30.0
#: and the growth itself: as a share, and in bytes.
GROWS_SHARE, GROWS_BYTES = 0.1, 20_000_000

#: Yields what it finds, worker by worker.
Rule = Callable[[Seen], Iterable[Finding]]


def findings(seen: Seen) -> tuple[Finding, ...]:
    """Return everything that was found, the most useful first, each kind once."""
    found: list[Finding] = []
    for rule in _RULES:
        found += _merged(list(rule(seen)))
    return (*found, *outcome_findings(seen))


def _merged(found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the first finding of a kind, which names the other workers."""
    if not found:
        return
    others = ", ".join(one.worker for one in found[1:4])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    yield replace(
        found[0],
        evidence=f"{found[0].evidence}; the same on {others}{more}"
        if others
        else found[0].evidence,
    )


def _each(examine: Callable[[WorkerSeen, Seen], Finding | None]) -> Rule:
    """Return a rule that examines one worker at a time."""

    def rule(seen: Seen) -> Iterator[Finding]:
        return (found for worker in seen.workers if (found := examine(worker, seen)))

    return rule


def hoarding(seen: Seen) -> Iterator[Finding]:
    """Messages that a worker has fetched can be run by no other worker."""
    for worker, hoard in zip(seen.workers, held_while_idle(seen), strict=True):
        if hoard.longest_s >= HOARDS_S:
            yield _hoarding(worker, hoard)


def _hoarding(worker: WorkerSeen, hoard: Hoard) -> Finding:
    ran = f"ran {', '.join(worker.long_tasks)} and " if worker.long_tasks else ""
    messages = "1 message" if hoard.most == 1 else f"up to {hoard.most} messages"
    broken = hoard.longest_s < 0.9 * hoard.total_s
    held = f"{messages} for {duration(hoard.total_s)}"
    if broken:
        held = (
            f"{messages}, for {duration(hoard.total_s)} in all and up to "
            f"{duration(hoard.longest_s)} at a time"
        )
    return Finding(
        name="prefetch-hoarding",
        worker=worker.node,
        text=f"{worker.node} holds messages that an idle worker could run",
        evidence=f"{worker.node} {ran}reserved {held}, while {hoard.idle} had a free slot and "
        "nothing to run",
        fix=_fetch_less(worker),
    )


def _fetch_less(worker: WorkerSeen) -> str:
    """Say how a worker fetches fewer messages; see `worker/prefetch_rules.py` for the reasons."""
    least = 1 if worker.pool is None else worker.pool.prefetch_multiplier
    without = "--disable-prefetch"
    fetched = worker.prefetch_count
    if fetched is not None and 0 < fetched <= worker.slots * least:
        return (
            f"start it with {without}, or set task_acks_late = True if its tasks are safe to run "
            "twice. The prefetch multiplier is already low enough, but it limits only "
            "unacknowledged messages: without late acks, a task is acknowledged when it starts, so "
            "the worker fetches one more message for each busy slot"
        )
    return (
        f"if its tasks are safe to run twice, set --prefetch-multiplier {least} and "
        f"task_acks_late = True; if they are not, use {without}"
    )


def memory_growth(worker: WorkerSeen, seen: Seen) -> Finding | None:
    """Memory of the last third that is always above that of the first third."""
    read = [(one.at_s, one.memory_bytes) for one in worker.samples if one.memory_bytes is not None]
    third = len(read) // 3
    if third < 2 or read[-1][0] - read[0][0] < GROWS_S:
        return None
    parts = [
        [size for _, size in part] for part in (read[:third], read[third:-third], read[-third:])
    ]
    before, after = _middle(parts[0]), _middle(parts[2])
    steady = max(parts[0]) < min(parts[2]) and before < _middle(parts[1]) < after
    if not steady or after - before < max(GROWS_BYTES, GROWS_SHARE * before):
        return None
    pool = worker.pool
    able = pool is not None and pool.max_memory_per_child
    passed_s = read[-1][0] - read[0][0]
    ended = len(worker.attempts) * passed_s / worker.covered_s(seen.span_s)
    per_task = f", {size((read[-1][1] - read[0][1]) / ended)} per task" if ended else ""
    return Finding(
        name="memory-grows",
        worker=worker.node,
        text=f"the memory of {worker.node} grows",
        evidence=f"from {size(before)} to {size(after)} within "
        f"{duration(passed_s)}{per_task}; observe it for longer to see whether it stops",
        fix="set --max-memory-per-child, which replaces a process that has become too large"
        if able
        else "restart it from time to time, or use prefork with --max-memory-per-child: "
        f"{worker.pool_name} has no such limit",
    )


def _middle(values: Iterable[int]) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // 2])


def full(worker: WorkerSeen, seen: Seen) -> Finding | None:
    """All slots are busy in every sample, and messages wait in the queue all the time."""
    if len(worker.samples) < 3 or any(one.busy < one.slots for one in worker.samples):
        return None
    for queue in worker.queues:
        depths = [depth for _, depth in seen.depths.get(queue, ())]
        if len(depths) >= 3 and min(depths) > 0 and depths[-1] >= depths[0]:
            return Finding(
                name="slots-full",
                worker=worker.node,
                text=f"{worker.node} has no free slot, and its queue does not get shorter",
                evidence=f"no slot was free in any of {len(worker.samples)} samples; messages in "
                f"{queue}: {depths[0]:,} at the start, {depths[-1]:,} at the end",
                fix="start more workers, or raise --concurrency if cores and memory are left; "
                "poolwise advise measures how many slots are best",
            )
    return None


#: The rules, the most useful first: each illness explains those after it.
_RULES: Final[tuple[Rule, ...]] = (
    _each(gevent_blocked),
    _each(one_core),
    hoarding,
    _each(memory_growth),
    _each(full),
)
