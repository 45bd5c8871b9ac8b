"""What the sources of an observation could not tell: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from producer.observation.seen import Seen, WorkerSeen


def notes(seen: Seen) -> tuple[str, ...]:
    """Return a sentence for each thing that the figures leave out."""
    by_source = {
        source: [one for one in seen.workers if one.source == source]
        for source in ("events", "inspection")
    }
    silent = [one for one in seen.workers if not one.samples]
    found = []
    if by_source["events"]:
        found.append(_of_events(by_source["events"]))
    if any(_starts_missing(one) for one in by_source["events"]):
        found.append(
            "up to Celery 5.6, a threads worker drops more than half of its task-started events "
            "(celery#10434): starts of tasks that succeeded are calculated from their run time, "
            "those of other tasks may be missing"
        )
    if by_source["inspection"]:
        found.append(
            f"{_named(by_source['inspection'])}: no probe and no task events, so run times, waits "
            "and outcomes are unknown; rates count started tasks. Load the probe with "
            "-I worker.probe, or start the workers with -E"
        )
    if silent:
        found.append(f"{_named(silent)} did not answer in time: busy, blocked or gone")
    return tuple(found)


def _of_events(workers: Sequence[WorkerSeen]) -> str:
    return (
        f"{_named(workers)}: these figures come from task events. They do not show memory, the CPU "
        "of child processes, or redeliveries of messages that were received once; an event that "
        "nobody receives is missing; times are those of each machine's own clock"
    )


def _starts_missing(worker: WorkerSeen) -> bool:
    pool = worker.pool
    return pool is not None and pool.slot == "thread"


def _named(workers: Sequence[WorkerSeen]) -> str:
    names = ", ".join(one.node for one in workers[:3])
    return names if len(workers) <= 3 else f"{names} and {len(workers) - 3} more"
