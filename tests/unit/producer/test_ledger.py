"""The ledger counts every submitted task once, whatever is recorded and in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producer.ledger import Ledger
from producer.records import Record
from tests.unit.producer.sample import record

OUTCOMES = (
    "succeeded",
    "failed",
    "time-limit",
    "revoked",
    "rejected",
    "ignored",
    "retried",
    "requeued",
    "slot-lost",
)
IDS = [f"task-{number}" for number in range(6)]


records = st.lists(st.builds(record, st.sampled_from(IDS), st.sampled_from(OUTCOMES)), max_size=30)


@given(
    st.sets(st.sampled_from(IDS)),
    records,
    st.sets(st.sampled_from(IDS)),
    st.booleans(),
    st.booleans(),
)
def test_every_submitted_task_is_in_exactly_one_group(
    submitted: set[str],
    recorded: list[Record],
    waiting: set[str],
    worker_alive: bool,
    records_first: bool,
) -> None:
    ledger = Ledger("run")
    if records_first:
        ledger.enter(recorded)
    ledger.submit(submitted)
    if not records_first:
        ledger.enter(recorded)
    still_open = ledger.open
    totals = ledger.close(waiting=waiting, worker_alive=worker_alive)
    finished = {r.task_id for r in totals.finished}
    ends = [finished, totals.failed, totals.lost, totals.unserved, totals.timed_out]
    assert sum(map(len, ends)) == len(submitted)
    assert set().union(*ends) == submitted
    assert still_open == len(totals.lost | totals.unserved | totals.timed_out)


def test_a_second_success_is_a_duplicate_and_the_first_one_counts() -> None:
    ledger = Ledger("run")
    ledger.submit(["a"])
    ledger.enter([record("a", at=2.0), record("a", at=3.0)])
    totals = ledger.close(waiting=(), worker_alive=True)
    assert totals.duplicated == 1
    assert [r.finished for r in totals.finished] == [2.0]


def test_a_task_that_was_given_up_with_its_slot_has_failed() -> None:
    ledger = Ledger("run")
    ledger.submit(["a"])
    ledger.enter([record("a", "slot-lost")])
    assert ledger.open == 0
    assert ledger.close(waiting=(), worker_alive=True).failed == {"a"}


def test_a_task_that_will_run_again_has_not_ended() -> None:
    ledger = Ledger("run")
    ledger.submit(["a"])
    ledger.enter([record("a", "retried"), record("a", "requeued")])
    assert ledger.open == 1
    ledger.enter([record("a")])
    assert ledger.open == 0
    assert ledger.close(waiting=(), worker_alive=True).duplicated == 0


def test_records_of_another_run_are_ignored() -> None:
    ledger = Ledger("run")
    ledger.submit(["a"])
    assert ledger.enter([record("a", run="another")]) == []
    assert ledger.open == 1


def test_an_id_that_was_never_submitted_does_not_count() -> None:
    ledger = Ledger("run")
    ledger.enter([record("a")])
    totals = ledger.close(waiting=(), worker_alive=True)
    assert (totals.submitted, totals.finished, totals.duplicated) == (0, (), 0)


def test_open_tasks_are_lost_with_a_dead_worker_and_timed_out_with_a_living_one() -> None:
    for alive in (True, False):
        ledger = Ledger("run")
        ledger.submit(["held", "waiting"])
        totals = ledger.close(waiting=["waiting"], worker_alive=alive)
        assert totals.unserved == {"waiting"}
        assert (totals.timed_out if alive else totals.lost) == {"held"}
        assert (totals.lost if alive else totals.timed_out) == frozenset()
