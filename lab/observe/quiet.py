"""How long a worker does nothing else after the start of a task: pure functions."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from lab.observe.seen import Attempt, Sample, WorkerSeen

#: A quiet time begins at most this many seconds after a start: the worker may acknowledge the
#: message first, and meanwhile do something else.
NEAR_S: Final = 0.02
#: A quiet time counts if it has at least this share of the median.
LIKE_OTHERS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """The times after the starts of one task in which its worker did nothing else."""

    task: str
    starts: int
    alike: int  # starts that were followed by about the usual quiet time
    usual_s: float
    total_s: float


def quiet_times(attempts: Sequence[Attempt]) -> list[Quiet]:
    """Return the quiet times of each task of one worker, those with the longest first.

    A time is quiet if no task was received, started or ended in it.
    """
    moments = sorted(
        moment
        for one in attempts
        for moment in (one.received_s, one.started_s, one.finished_s)
        if moment is not None
    )
    after: dict[str, list[float]] = defaultdict(list)
    for one in attempts:
        if one.started_s is not None:
            first, last = (
                bisect_right(moments, one.started_s + later_s) for later_s in (-1e-9, NEAR_S)
            )
            gaps = [later - before for before, later in pairwise(moments[first : last + 1])]
            after[one.task].append(max(gaps, default=0.0))
    found = [_quiet(task, times) for task, times in after.items()]
    return sorted(found, key=lambda one: -one.total_s)


def _quiet(task: str, times: Sequence[float]) -> Quiet:
    usual_s = median(times)
    return Quiet(
        task=task,
        starts=len(times),
        alike=sum(one >= LIKE_OTHERS * usual_s for one in times),
        usual_s=usual_s,
        total_s=sum(times),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Starved:
    """Moments at which messages waited although the worker had free slots."""

    moments: int  # that were looked at
    waited: int  # at which messages waited
    most_waiting: int  # in its queues, or fetched
    most_busy: int  # slots at any of these moments


def starved(worker: WorkerSeen, depths: Mapping[str, Sequence[tuple[float, int]]]) -> Starved:
    """Count the samples that show waiting messages and free slots."""
    free = [
        (waiting, sample.busy)
        for sample in worker.samples
        if sample.busy < sample.slots and (waiting := _waiting(sample, worker.queues, depths))
    ]
    return Starved(
        moments=len(worker.samples),
        waited=len(free),
        most_waiting=max((waiting for waiting, _ in free), default=0),
        most_busy=max((busy for _, busy in free), default=0),
    )


def _waiting(
    sample: Sample, queues: Sequence[str], depths: Mapping[str, Sequence[tuple[float, int]]]
) -> int:
    """Return how many messages waited in the worker and, when last looked at, in its queues."""
    waiting = sample.waiting or 0
    for queue in queues:
        read = depths.get(queue, ())
        place = bisect_right([at_s for at_s, _ in read], sample.at_s)
        waiting += read[place - 1][1] if place else 0
    return waiting
