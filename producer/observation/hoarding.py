"""How long workers held messages that an idle worker could have run: pure functions.

There may be hundreds of workers, so no worker is compared with each of the others. A set of workers
is a number: bit n stands for worker n of `Seen.workers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import and_, itemgetter
from typing import Final

from producer.observation.seen import Sample, Seen, WorkerSeen

#: A sample describes a worker for this many seconds, unless a newer one exists.
FRESH_S: Final = 2.5

#: What happens at one moment, in this order: a worker becomes idle or busy, a worker that holds
#: messages looks for idle ones, and a sample is too old to prove that its worker is idle.
_CHANGES, _LOOKS, _EXPIRES = range(3)

#: A set of workers.
Workers = int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hoard:
    """Messages held by one worker while another one sat idle."""

    total_s: float = 0.0  # in all
    longest_s: float = 0.0  # without interruption
    most: int = 0  # messages held at once
    idle: str = ""  # the worker that was idle


def held_while_idle(seen: Seen) -> tuple[Hoard, ...]:
    """Return how long each worker held waiting messages while another of its queues was idle.

    The other consumes from all queues of the worker, so that it could have had any of the messages,
    and it had a free slot and held none itself. If there are several, the one counts that was idle
    longest without interruption, then the one that was idle longest in all.
    """
    workers = seen.workers
    if not any(sample.waiting for worker in workers for sample in worker.samples):
        return (Hoard(),) * len(workers)
    return tuple(
        _hoard(worker.samples, idle, workers)
        for worker, idle in zip(workers, _idle(workers), strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Idle:
    """Who was idle and could have run what a worker held when it was looked at."""

    now: Workers = 0
    throughout: Workers = 0  # those that were idle all the time since it was looked at before


def _idle(workers: Sequence[WorkerSeen]) -> list[list[_Idle]]:
    """Return who was idle beside each worker, for each of its samples."""
    able = _able(workers)
    found = [[_Idle()] * len(worker.samples) for worker in workers]
    moments = [one for number, worker in enumerate(workers) for one in _moments(number, worker)]
    ends = _Ends(sum(kind != _LOOKS and not value for _, kind, _, value in moments))
    looked = [0] * len(workers)
    idle = 0
    for _, kind, number, value in sorted(moments, key=itemgetter(0, 1)):
        if kind == _LOOKS:
            now = idle & able[number]
            found[number][value] = _Idle(now=now, throughout=now & ~ends.since(looked[number]))
            looked[number] = ends.count
        elif value:
            idle |= 1 << number
        else:
            idle &= ~(1 << number)
            ends.add(number)
    return found


class _Ends:
    """The moments at which a worker ceased to be idle, and who did since any of them.

    A Fenwick tree of sets, the last moment first, so that both take logarithmic time. Source:
    P. M. Fenwick, A New Data Structure for Cumulative Frequency Tables, 1994.
    """

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most = most
        self._sets: list[Workers] = [0] * (most + 1)

    def add(self, number: int) -> None:
        """Note that a worker is no longer idle, or no longer known to be."""
        place = self._most - self.count
        self.count += 1
        while place <= self._most:
            self._sets[place] |= 1 << number
            place += place & -place

    def since(self, count: int) -> Workers:
        """Return those that were added after the first `count`."""
        place, found = self._most - count, 0
        while place > 0:
            found |= self._sets[place]
            place -= place & -place
        return found


def _able(workers: Sequence[WorkerSeen]) -> list[Workers]:
    """Return for each worker the others that consume from all of its queues."""
    consumers: defaultdict[str, Workers] = defaultdict(int)
    namesakes: defaultdict[str, Workers] = defaultdict(int)
    for number, worker in enumerate(workers):
        namesakes[worker.node] |= 1 << number
        for queue in worker.queues:
            consumers[queue] |= 1 << number
    return [
        reduce(and_, (consumers[queue] for queue in one.queues)) & ~namesakes[one.node]
        if one.queues
        else 0
        for one in workers
    ]


def _moments(number: int, worker: WorkerSeen) -> Iterator[tuple[float, int, int, int]]:
    """Yield when something happens, what, to which worker, and whether it is idle or its sample."""
    samples = worker.samples
    for place, sample in enumerate(samples):
        idle = sample.busy < sample.slots and sample.waiting == 0
        yield sample.at_s, _CHANGES, number, idle
        if sample.waiting:
            yield sample.at_s, _LOOKS, number, place
        until_s = sample.at_s + FRESH_S
        if idle and (place + 1 == len(samples) or samples[place + 1].at_s > until_s):
            yield until_s, _EXPIRES, number, 0


def _hoard(
    samples: Sequence[Sample], idle: Sequence[_Idle], workers: Sequence[WorkerSeen]
) -> Hoard:
    """Return how long a worker held messages; `idle` has who could have run them, per sample."""
    longest_s, best = _longest(samples, idle)
    if not longest_s:
        return Hoard()
    total_s, most_idle = _most_in_all(samples, idle, best)
    other = most_idle & -most_idle  # the first of them
    return Hoard(
        total_s=total_s,
        longest_s=longest_s,
        most=max(
            one.waiting or 0
            for one, beside in zip(samples, idle, strict=True)
            if beside.now & other
        ),
        idle=workers[other.bit_length() - 1].node,
    )


def _longest(samples: Sequence[Sample], idle: Sequence[_Idle]) -> tuple[float, Workers]:
    """Return the longest time without interruption, and the workers that were idle that long."""
    longest_s, best = 0.0, 0
    before_s = 0.0
    stretches: list[tuple[float, Workers]] = []  # for how long they have been idle by now
    for sample, beside in zip(samples, idle, strict=True):
        step_s, before_s = sample.at_s - before_s, sample.at_s
        kept = beside.throughout
        still = [(length_s + step_s, one & kept) for length_s, one in stretches if one & kept]
        new = beside.now & ~sum(one for _, one in still)  # no worker is in two of them
        stretches = [*still, (0.0, new)] if new else still
        for length_s, one in still:
            if length_s > longest_s:
                longest_s, best = length_s, one
            elif length_s == longest_s:
                best |= one
    return longest_s, best


def _most_in_all(
    samples: Sequence[Sample], idle: Sequence[_Idle], some: Workers
) -> tuple[float, Workers]:
    """Return the longest time in all, and which of some workers were idle that long."""
    totals_s: dict[float, Workers] = {0.0: some}  # how long they have been idle by now
    for (earlier, before), (later, after) in pairwise(zip(samples, idle, strict=True)):
        both = before.now & after.throughout
        if not both & some:
            continue
        sums: defaultdict[float, Workers] = defaultdict(int)
        for total_s, ones in totals_s.items():
            sums[total_s] |= ones & ~both
            sums[total_s + (later.at_s - earlier.at_s)] |= ones & both
        totals_s = {total_s: ones for total_s, ones in sums.items() if ones}
    return max(totals_s.items())
