"""How long a worker held messages that an idle worker could have run: pure functions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from producer.observation.seen import Sample, Seen, WorkerSeen

#: A sample describes a worker for this many seconds, unless a newer one exists.
FRESH_S: Final = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hoard:
    """Messages held by one worker while another one sat idle."""

    total_s: float = 0.0  # in all
    longest_s: float = 0.0  # without interruption
    most: int = 0  # messages held at once
    idle: str = ""  # the worker that was idle


def held_while_idle(worker: WorkerSeen, seen: Seen) -> Hoard:
    """Return how long a worker held waiting messages while another of its queues was idle.

    The other consumes from all queues of the worker, so that it could have had any of the messages,
    and it had a free slot and held none itself.
    """
    others = [
        one
        for one in seen.workers
        if one.node != worker.node and worker.queues and set(worker.queues) <= set(one.queues)
    ]
    found = [_beside(worker.samples, other) for other in others]
    return max(found, key=lambda one: (one.longest_s, one.total_s), default=Hoard())


def _beside(samples: tuple[Sample, ...], other: WorkerSeen) -> Hoard:
    total_s = longest_s = stretch_s = 0.0
    most = 0
    before: Sample | None = None
    for sample in samples:
        hoards = bool(sample.waiting) and _idle(other.samples, sample.at_s)
        if not hoards:
            before, stretch_s = None, 0.0
            continue
        if before is not None:
            step_s = sample.at_s - before.at_s
            total_s, stretch_s = total_s + step_s, stretch_s + step_s
        before = sample
        longest_s, most = max(longest_s, stretch_s), max(most, sample.waiting or 0)
    return Hoard(total_s=total_s, longest_s=longest_s, most=most, idle=other.node)


def _idle(samples: Sequence[Sample], at_s: float) -> bool:
    """Return whether a worker had a free slot and nothing to run at this moment."""
    place = bisect_right(samples, at_s, key=lambda sample: sample.at_s)
    if not place or at_s - samples[place - 1].at_s > FRESH_S:
        return False
    last = samples[place - 1]
    return last.busy < last.slots and last.waiting == 0
