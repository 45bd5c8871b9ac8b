"""What is held beside idle workers is what its definition says, at a cost that grows with them."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.observation.findings import findings
from producer.observation.hoarding import FRESH_S, Hoard, held_while_idle
from producer.observation.seen import Sample, Seen, WorkerSeen
from tests.unit.producer.observation.made import sample, samples, seen, worker


def plainly(one: WorkerSeen, within: Seen) -> Hoard:
    """Compare a worker with every other one."""
    others = [
        other
        for other in within.workers
        if other.node != one.node and one.queues and set(one.queues) <= set(other.queues)
    ]
    found = [_beside(one.samples, other) for other in others]
    best = max(found, key=lambda hoard: (hoard.longest_s, hoard.total_s), default=Hoard())
    return best if best.longest_s else Hoard()


def _beside(held: Sequence[Sample], other: WorkerSeen) -> Hoard:
    found = Hoard(idle=other.node)
    stretch_s, before_s = 0.0, None
    for one in held:
        if not one.waiting or not _is_idle(other.samples, one.at_s):
            stretch_s, before_s = 0.0, None
            continue
        step_s = 0.0
        if before_s is not None and _was_idle(other.samples, before_s, one.at_s):
            step_s = one.at_s - before_s
        else:
            stretch_s = 0.0
        stretch_s, before_s = stretch_s + step_s, one.at_s
        found = replace(
            found,
            total_s=found.total_s + step_s,
            longest_s=max(found.longest_s, stretch_s),
            most=max(found.most, one.waiting),
        )
    return found


def _is_idle(known: Sequence[Sample], at_s: float) -> bool:
    place = bisect_right(known, at_s, key=lambda one: one.at_s)
    if not place or at_s - known[place - 1].at_s > FRESH_S:
        return False
    return known[place - 1].busy < known[place - 1].slots and known[place - 1].waiting == 0


def _was_idle(known: Sequence[Sample], from_s: float, to_s: float) -> bool:
    """Return whether a worker that was idle at both moments was so all the time in between."""
    for place, one in enumerate(known):
        idle = one.busy < one.slots and one.waiting == 0
        if from_s < one.at_s <= to_s and not idle:
            return False
        expires_s = one.at_s + FRESH_S
        renewed = place + 1 < len(known) and known[place + 1].at_s <= expires_s
        if idle and not renewed and from_s <= expires_s < to_s:
            return False
    return True


#: Quarters of a second between samples, so that sums are exact, and what each sample shows.
MOMENTS = st.lists(
    st.tuples(st.integers(0, 16), st.sampled_from([0, 2]), st.sampled_from([None, 0, 0, 1, 5])),
    max_size=20,
)
QUEUES = st.sampled_from([(), ("a",), ("a",), ("b",), ("a", "b")])


@st.composite
def clusters(draw: st.DrawFn) -> Seen:
    found = []
    for number in range(draw(st.integers(0, 6))):
        at_s, known = 0.0, []
        for quarters, busy, waiting in draw(MOMENTS):
            at_s += quarters / 4
            known.append(sample(at_s, busy=busy, waiting=waiting))
        found.append(worker(f"{number}@x", queues=draw(QUEUES), samples=tuple(known)))
    return seen(*found)


@given(clusters())
def test_each_worker_is_as_if_compared_with_every_other_one(cluster: Seen) -> None:
    assert held_while_idle(cluster) == tuple(plainly(one, cluster) for one in cluster.workers)


def test_the_longest_stretch_counts_before_the_total_and_then_the_first_worker() -> None:
    hoards = worker("a@x", samples=samples(20, busy=2, waiting=3))
    often = worker("b@x", samples=samples(20, busy=lambda second: 2 if second % 5 == 0 else 0))
    long = [
        worker(name, samples=samples(20, busy=lambda second: 0 if second < 8 else 2))
        for name in ("c@x", "d@x")
    ]
    [hoard, *_] = held_while_idle(seen(hoards, often, *long))
    assert hoard == Hoard(total_s=7.0, longest_s=7.0, most=3, idle="c@x")


def test_who_was_busy_between_two_looks_was_not_idle_all_the_time() -> None:
    blocked = worker("a@x", samples=tuple(sample(at_s, busy=2, waiting=3) for at_s in (0, 4, 8)))
    other = worker("b@x", samples=samples(9, busy=lambda second: 0 if second % 4 == 0 else 2))
    [hoard, _] = held_while_idle(seen(blocked, other))
    assert hoard == Hoard()


def calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def crowd(number: int, *, held: bool) -> Seen:
    """Return workers of one queue; half of them hold messages, and half are idle now and then."""
    return seen(
        *(
            worker(f"{n}@x", samples=samples(60, busy=2, waiting=3 if held else 0))
            if n % 2
            else worker(
                f"{n}@x", samples=samples(60, busy=lambda second, n=n: 2 * ((second + n) % 7 == 0))
            )
            for n in range(number)
        ),
        span_s=60.0,
    )


@pytest.mark.parametrize("held", [False, True])
def test_the_work_grows_with_the_workers_and_not_with_their_pairs(*, held: bool) -> None:
    few, many = crowd(25, held=held), crowd(100, held=held)
    ratio = calls(lambda: findings(many)) / calls(lambda: findings(few))
    assert ratio < 6  # 4 times as many workers; in pairs, it was 16
