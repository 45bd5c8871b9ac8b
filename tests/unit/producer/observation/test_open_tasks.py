"""Task events become attempts."""

from __future__ import annotations

from typing import Any

import pytest

from producer.observation.open_tasks import EARLIER, OpenTasks, TaskEvent
from producer.observation.seen import Attempt

NOON_S = 1_000_000_000.0


def event(kind: str, at_s: float, **known: Any) -> TaskEvent:
    return TaskEvent(type=f"task-{kind}", uuid="1", timestamp=NOON_S + at_s, **known)


def attempts(*events: TaskEvent, names: dict[str, str] | None = None) -> list[Attempt]:
    tasks = OpenTasks((names or {}).get)
    found = [tasks.add(one, one.timestamp - NOON_S) for one in events]
    return [one for one in found if one is not None]


SENT = event("sent", 1.0, name="shop.pay")
RECEIVED = event("received", 2.0, name="shop.pay")
STARTED = event("started", 3.0)
DONE = event("succeeded", 5.0, runtime=1.5)


def test_the_events_of_a_task_make_one_attempt() -> None:
    [one] = attempts(SENT, RECEIVED, STARTED, DONE)
    assert (one.task, one.outcome, one.redelivered) == ("shop.pay", "succeeded", None)
    assert (one.sent_s, one.received_s, one.started_s, one.finished_s) == (1.0, 2.0, 3.0, 5.0)


def test_a_start_that_was_dropped_is_calculated_from_the_run_time() -> None:
    [one] = attempts(RECEIVED, DONE)
    assert one.started_s == 3.5
    [one] = attempts(RECEIVED, event("failed", 5.0))
    assert one.started_s is None


@pytest.mark.parametrize("eta", ["2001-09-09T01:46:44+00:00", "2001-09-09T01:46:44"])
def test_a_task_with_an_eta_is_due_then(eta: str) -> None:
    [one] = attempts(SENT, event("received", 2.0, name="shop.pay", eta=eta), DONE)
    assert one.sent_s == 4.0


def test_a_task_received_earlier_is_counted_under_its_name_if_it_is_known() -> None:
    assert [one.task for one in attempts(DONE)] == [EARLIER]
    assert [one.task for one in attempts(STARTED, DONE, names={"1": "shop.pay"})] == ["shop.pay"]


def test_a_task_received_twice_was_redelivered_and_a_retry_was_not() -> None:
    assert attempts(RECEIVED, RECEIVED, DONE)[0].redelivered
    first, second = attempts(RECEIVED, event("retried", 2.5), RECEIVED, DONE)
    assert (first.outcome, first.redelivered, second.redelivered) == ("retried", None, None)


@pytest.mark.parametrize(("requeue", "outcome"), [(True, "requeued"), (False, "rejected")])
def test_a_rejected_message_may_be_requeued(requeue: bool, outcome: str) -> None:
    [one] = attempts(RECEIVED, event("rejected", 3.0, requeue=requeue))
    assert one.outcome == outcome
