"""The gate checks a pool once, with runs that overlap, and leaves no workers with old work."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.advise.risks import gate as module
from lab.advise.risks.gate import OVERLAP, Gate
from lab.advise.risks.safety import SafetyCheck, Together
from lab.advise.trial.failures import Tally
from lab.project.candidates import Candidate
from lab.project.first_tries import FirstTries
from lab.results.advice import Profile
from tests.unit.lab.advise.test_search import COMPUTES, ROOM, profile
from worker.pools import POOLS

THREADS = Candidate(pool=POOLS["threads"], concurrency=16)


class FakeBench:
    """Notes which workers were started, and which of them were dropped."""

    def __init__(self) -> None:
        self.started: list[Candidate] = []
        self.dropped: list[Candidate] = []

    def group(self, candidate: Candidate) -> Candidate:
        self.started.append(candidate)
        return candidate

    def drop(self, candidate: Candidate) -> None:
        self.dropped.append(candidate)


def gate(
    bench: FakeBench,
    monkeypatch: pytest.MonkeyPatch,
    *,
    left: int = 0,
    wrong: int = 0,
    of: Profile = COMPUTES,
) -> Gate:
    """Return a gate whose checks find so much in threads, and nothing in processes."""

    def run_together(_session: object, group: Candidate, *_: object) -> Together:
        found = Together(tally=Tally(runs=24, failed=0), left=left)
        return (
            found
            if group.pool.slot == "process"
            else Together(
                tally=found.tally, left=left, wrong=wrong, difference="'b' instead of 'a'"
            )
        )

    monkeypatch.setattr(module, "run_together", run_together)
    nothing: Any = SimpleNamespace(of_safety=lambda _pool, _why: None)
    fake: Any = bench
    tried = FirstTries(profile=of, results={})
    return Gate(nothing, nothing, fake, SafetyCheck(calls=[], tried=tried), nothing)


@pytest.mark.parametrize("left", [0, 3])
def test_workers_that_still_hold_runs_of_the_check_are_not_measured(
    left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = FakeBench()
    assert gate(bench, monkeypatch, left=left).is_safe(THREADS, ROOM)
    assert bench.dropped == (bench.started if left else [])


def test_each_pool_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = FakeBench()
    checked = gate(bench, monkeypatch, wrong=1)
    assert not checked.is_safe(THREADS, ROOM)
    assert not checked.is_safe(Candidate(pool=POOLS["threads"], concurrency=32), ROOM)
    assert [one.pool.name for one in bench.started] == ["threads", "prefork"]
    assert checked.is_safe(Candidate(pool=POOLS["prefork"], concurrency=2), ROOM)


#: It computes for 60 % of its time, so that one core begins with one slot.
MIXED = profile(run_s=0.1, cpu_s=0.06)
ONE_CORE = replace(ROOM, cores=1)


@pytest.mark.parametrize(
    ("first", "of", "checked"),
    [
        (1, MIXED, OVERLAP),
        (4, MIXED, OVERLAP),
        (64, MIXED, 64),
        (1, profile(run_s=2.0, cpu_s=1.5), 3),  # a check of more would take too long
        (1, profile(run_s=60.0, cpu_s=60.0), 2),
    ],
)
def test_runs_of_a_check_overlap_although_the_search_begins_with_one_slot(
    first: int, of: Profile, checked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = FakeBench()
    one = Candidate(pool=POOLS["threads"], concurrency=first)
    assert not gate(bench, monkeypatch, wrong=1, of=of).is_safe(one, ONE_CORE)
    assert bench.started[0] == replace(one, concurrency=checked)


def test_a_pool_with_room_for_one_slot_gets_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = FakeBench()
    one = Candidate(pool=POOLS["threads"], concurrency=1)
    checked = gate(bench, monkeypatch, wrong=1, of=MIXED)
    assert checked.is_safe(one, replace(ONE_CORE, processes=2))
    assert bench.started == []
    assert not checked.is_safe(one, ONE_CORE)
