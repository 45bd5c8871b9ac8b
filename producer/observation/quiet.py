"""How long a worker does nothing else after the start of a task: pure functions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from producer.observation.seen import Attempt, Sample, WorkerSeen

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
            first = bisect_left(moments, one.started_s)
            last = bisect_right(moments, one.started_s + NEAR_S)
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
    """Count the moments that show waiting messages and free slots.

    If it is known when tasks ran, they are those at which the queues were looked at, because a
    worker that is blocked has few samples. Otherwise they are those of the samples.
    """
    looked = sorted({at_s for queue in worker.queues for at_s, _ in depths.get(queue, ())})
    moments = (
        [at_s for at_s in looked if at_s >= worker.attempts_from_s]
        if worker.attempts
        else [sample.at_s for sample in worker.samples]
    )
    ran = [one for one in worker.attempts if one.started_s is not None]
    starts, ends = (
        sorted(one.started_s or 0.0 for one in ran),
        sorted(one.finished_s for one in ran),
    )
    found = []
    for at_s in moments:
        # The last sample may be old, and attempts lack the tasks that have not ended.
        sample = _sample(worker, at_s)
        busy = max(
            bisect_right(starts, at_s) - bisect_right(ends, at_s),
            0 if sample is None else sample.busy,
        )
        if busy < worker.slots and (waiting := _waiting(worker, sample, depths, at_s)):
            found.append((waiting, busy))
    return Starved(
        moments=len(moments),
        waited=len(found),
        most_waiting=max((waiting for waiting, _ in found), default=0),
        most_busy=max((busy for _, busy in found), default=0),
    )


def _waiting(
    worker: WorkerSeen,
    sample: Sample | None,
    depths: Mapping[str, Sequence[tuple[float, int]]],
    at_s: float,
) -> int:
    """Return how many messages waited in the worker and, when last looked at, in its queues."""
    waiting = 0 if sample is None else sample.waiting or 0
    for queue in worker.queues:
        read = depths.get(queue, ())
        place = bisect_right(read, at_s, key=lambda moment: moment[0])
        waiting += read[place - 1][1] if place else 0
    return waiting


def _sample(worker: WorkerSeen, at_s: float) -> Sample | None:
    """Return the last sample until then."""
    place = bisect_right(worker.samples, at_s, key=lambda sample: sample.at_s)
    return worker.samples[place - 1] if place else None
