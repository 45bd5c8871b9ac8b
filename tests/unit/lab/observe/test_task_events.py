"""Task events become attempts, and what does not fit is left out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lab.observe.replies import TaskEvent, task_events
from lab.observe.seen import Attempt
from lab.observe.task_events import EARLIER, OpenTasks

NOON_S = 1_000_000_000.0


def event(kind: str, at_s: float, **known: Any) -> TaskEvent:
    return TaskEvent(type=f"task-{kind}", uuid="1", timestamp=NOON_S + at_s, **known)


def attempts(*events: TaskEvent, names: dict[str, str] | None = None) -> list[Attempt]:
    tasks = OpenTasks()
    found = [tasks.add(one, one.timestamp - NOON_S, names or {}) for one in events]
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


def message(body: Any, content_type: str = "application/json") -> bytes:
    coded = base64.b64encode(json.dumps(body).encode()).decode()
    return json.dumps({"body": coded, "content-type": content_type}).encode()


GOOD = {"type": "task-started", "uuid": "1", "timestamp": 5.0, "hostname": "a@x"}


def test_a_message_holds_one_event_or_several() -> None:
    assert [one.uuid for one in task_events(message(GOOD))] == ["1"]
    assert len(task_events(message([GOOD, {**GOOD, "uuid": "2"}, {**GOOD, "uuid": 3}]))) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"body": 1, "content-type": "application/json"}',
        b'{"body": "%", "content-type": "application/json"}',
        message(GOOD, "application/x-python-serialize"),
        message({**GOOD, "type": "worker-heartbeat"}),
        message({**GOOD, "timestamp": "now"}),
        message({**GOOD, "uuid": "x" * 2_000}),
        message("[" * 10_000),
    ],
)
def test_what_is_no_task_event_is_left_out(content: bytes) -> None:
    assert task_events(content) == ()
