"""Every submission ends in one group, and what ran twice is blamed on the right thing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.chaos.judge import GROUPS, Evidence, account, lost_ids, recovery
from lab.chaos.trial.book import Sent
from lab.chaos.trial.injected import Injected
from tasks.chaos.ledger import Line


def line(event: str, at_s: float, pid: int = 1, task_id: str = "a") -> Line:
    return Line(event=event, task_id=task_id, pid=pid, at_s=at_s)


def sent(task_id: str = "a", *, known: bool = True, not_before_s: float | None = None) -> Sent:
    return Sent(task_id=task_id, at_s=0.0, known=known, not_before_s=not_before_s)


def fault(at_s: float, until_s: float, interrupted: dict[str, float] | None = None) -> Injected:
    return Injected(at_s=at_s, until_s=until_s, hit=True, interrupted=interrupted or {})


@pytest.mark.parametrize(
    ("lines", "left", "dead", "group"),
    [
        ([line("started", 1), line("ended", 2)], (), (), "finished"),
        ([line("started", 1), line("failed", 2)], (), (), "failed"),
        ([line("failed", 1), line("started", 2), line("ended", 3)], (), (), "finished"),
        ([line("revoked", 1)], (), (), "revoked"),
        ([line("gone", 1)], (), (), "refused"),
        ([line("started", 1), line("calmed", 2)], (), (), "held"),
        ([line("started", 1), line("calmed", 2)], (), ("a",), "dead"),
        ([line("gone", 1)], (), ("a",), "dead"),
        ([line("started", 1)], ("a",), (), "held"),
        ([line("started", 1), line("failed", 2)], ("a",), (), "held"),
        ([], ("a",), (), "held"),
        ([line("started", 1)], (), (), "lost"),
        ([], (), (), "lost"),
    ],
)
def test_each_submission_is_in_one_group(
    lines: list[Line], left: tuple[str, ...], dead: tuple[str, ...], group: str
) -> None:
    found = Evidence(
        sent=[sent()], lines=lines, faults=[], left=frozenset(left), dead=frozenset(dead)
    )
    result = account(found)
    assert {name: getattr(result, name) for name in GROUPS} == {
        name: int(name == group) for name in GROUPS
    }
    assert result.accounted == result.submitted == 1
    assert lost_ids(found) == (("a",) if group == "lost" else ())


def test_an_unconfirmed_submission_is_neither_lost_nor_finished() -> None:
    ran = [line("started", 1), line("ended", 2)]
    found = Evidence(sent=[sent(known=False), sent("b", known=False)], lines=ran, faults=[])
    result = account(found)
    assert (result.submitted, result.accounted, result.lost) == (0, 0, 0)
    assert (result.unknown, result.unknown_ran) == (2, 1)


@pytest.mark.parametrize(
    ("faults", "by_fault", "otherwise"),
    [
        ([], 0, 1),
        ([fault(2, 2)], 1, 0),
        ([fault(0.7, 0.8)], 1, 0),  # a worker already held the message
        ([fault(0.2, 0.6)], 1, 0),  # it was sent while the fault lasted
        ([fault(8, 9)], 0, 1),  # after the second start
        ([fault(0.1, 0.2)], 0, 1),  # before it was sent
    ],
)
def test_a_task_that_ended_twice_is_blamed_on_a_fault_in_between(
    faults: list[Injected], by_fault: int, otherwise: int
) -> None:
    lines = [line("started", 1), line("ended", 3), line("started", 4, 2), line("ended", 5, 2)]
    task = Sent(task_id="a", at_s=0.5, known=True)
    result = account(Evidence(sent=[task], lines=lines, faults=faults))
    assert (result.twice_by_fault, result.twice_otherwise) == (by_fault, otherwise)
    assert result.finished == 1


def test_a_task_that_starts_again_and_ends_once_did_not_run_twice() -> None:
    lines = [line("started", 1), line("started", 4, 2), line("ended", 5, 2)]
    result = account(Evidence(sent=[sent()], lines=lines, faults=[fault(2, 2)]))
    assert (result.twice_by_fault, result.twice_otherwise) == (0, 0)


@pytest.mark.parametrize(("started", "early"), [(9.0, 1), (10.5, 0)])
def test_a_task_that_starts_before_its_eta_is_early(started: float, early: int) -> None:
    found = Evidence(sent=[sent(not_before_s=10)], lines=[line("started", started)], faults=[])
    assert account(found).early == early


def test_recovery_is_from_the_fault_to_the_next_start_of_what_it_interrupted() -> None:
    lines = [
        *(line("started", 1, task_id=one) for one in "abc"),
        line("started", 5, 2, "b"),
        line("started", 9, 2, "a"),
    ]
    hit = fault(2, 2, {"a": 1, "b": 1, "c": 1})
    again = recovery(Evidence(sent=[], lines=lines, faults=[hit]))
    assert (again.first_s, again.last_s, again.never) == ((3,), (7,), 1)


def test_after_a_fault_that_stops_all_recovery_is_from_its_end_to_the_start_of_a_new_task() -> None:
    lines = [line("started", at_s, task_id=one) for at_s, one in enumerate("abcde", 3)]
    new = [replace(sent(one, known=one != "d"), at_s=4.5) for one in "cdex"]
    found = Evidence(
        sent=[sent(), sent("b"), *reversed(new)], lines=lines, faults=[fault(2, 4)], stops_all=True
    )
    assert recovery(found).first_s == (1,)
    unknown = replace(found, sent=[sent(), sent("b"), *new[1:]])
    assert recovery(unknown).first_s == (3,)


def test_a_fault_that_missed_does_not_count_for_recovery() -> None:
    missed = Injected(at_s=2, until_s=2, hit=False)
    found = Evidence(sent=[], lines=[line("started", 3)], faults=[missed], stops_all=True)
    assert recovery(found).first_s == ()
