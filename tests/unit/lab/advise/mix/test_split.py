"""Pairs of groups fit into the memory together, and variants change one group at a time."""

from __future__ import annotations

import pytest

from lab.advise.mix.measurement import in_whole_mixes
from lab.advise.mix.split import Split, pairs, variants
from lab.project.candidates import MEMORY_SHARE, Candidate, Room, needed_bytes
from tests.unit.lab.advise.test_search import COMPUTES, ROOM, WAITS
from worker.pools import POOLS

PROFILES = [COMPUTES, WAITS]
PREFORK = Candidate(pool=POOLS["prefork"], concurrency=2)
THREADS = Candidate(pool=POOLS["threads"], concurrency=64)
GEVENT = Candidate(pool=POOLS["gevent"], concurrency=100)
CPU, IO = frozenset({"parse"}), frozenset({"fetch", "mail"})


def test_the_best_of_each_part_are_paired_the_best_first() -> None:
    found = pairs([PREFORK, THREADS], [GEVENT, THREADS, PREFORK], PROFILES, ROOM)
    assert found[0] == Split(groups=(PREFORK, GEVENT))
    assert len(found) == 4
    assert found[0].label == "cpu: prefork ×2 + io: gevent ×100"
    assert (found[0].workers, found[0].slots) == (2, 102)


def test_a_pair_that_does_not_fit_gets_fewer_slots_in_its_larger_group() -> None:
    room = Room(cores=2, memory_bytes=200_000_000, processes=1_000)
    large = Candidate(pool=POOLS["prefork"], concurrency=20)
    [found] = pairs([large], [THREADS], PROFILES, room)
    needed = [needed_bytes(*pair) for pair in zip(found.groups, PROFILES, strict=True)]
    assert sum(needed) <= MEMORY_SHARE * room.memory_bytes
    assert found.groups[1] == THREADS
    assert 1 < found.groups[0].concurrency < 20


def test_a_pair_for_which_there_is_no_memory_at_all_is_left_out() -> None:
    room = Room(cores=2, memory_bytes=10_000_000, processes=1_000)
    assert pairs([PREFORK], [THREADS], PROFILES, room) == []


def test_variants_have_twice_or_half_the_slots_in_one_group() -> None:
    found = list(variants(Split(groups=(PREFORK, THREADS)), PROFILES, ROOM))
    sizes = [tuple(group.concurrency for group in one.groups) for one in found]
    assert sizes == [(2, 128), (1, 64), (4, 64), (2, 32)]


@pytest.mark.parametrize(
    ("by_task", "tasks"),
    [
        ({"parse": 20.0, "fetch": 120.0, "mail": 60.0}, 200.0),  # as in the mix
        ({"parse": 20.0, "fetch": 620.0, "mail": 360.0}, 200.0),  # cheap ones bring nothing
        ({"parse": 90.0, "fetch": 60.0, "mail": 30.0}, 100.0),
        ({"parse": 0.0, "fetch": 40.0, "mail": 20.0}, 60.0),  # too few to expect one that computes
    ],
)
def test_only_tasks_of_whole_mixes_count(by_task: dict[str, float], tasks: float) -> None:
    assert in_whole_mixes(by_task, [(CPU, 1), (IO, 9)]) == pytest.approx(tasks)
