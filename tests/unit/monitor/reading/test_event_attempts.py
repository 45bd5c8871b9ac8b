"""Events of workers without a probe become attempts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from monitor.reading.event_attempts import EventAttempts


def listener(**tasks: str) -> tuple[EventAttempts, Any]:
    """Return a listener, and what Flower calls with each event; Flower knows these tasks."""
    known = {task_id: SimpleNamespace(name=name) for task_id, name in tasks.items()}
    events = SimpleNamespace(state=SimpleNamespace(tasks=known), on_event=lambda _event: None)
    return EventAttempts(events, new_s=0.0), events


def event(kind: str, at_s: float, **changes: Any) -> dict[str, Any]:
    known = {"type": f"task-{kind}", "hostname": "a@x", "uuid": "1", "timestamp": at_s}
    return {**known, **changes}


def test_the_events_of_a_task_make_an_attempt() -> None:
    attempts, events = listener()
    events.on_event(event("received", 1.0, name="shop.pay"))
    events.on_event(event("started", 2.0))
    assert attempts.collect((), 9.0) == []
    events.on_event(event("succeeded", 4.0, runtime=2.0))
    [(node, one)] = attempts.collect((), 9.0)
    assert (node, one.task, one.outcome) == ("a@x", "shop.pay", "succeeded")
    assert (one.received_s, one.started_s, one.finished_s) == (1.0, 2.0, 4.0)
    assert attempts.collect((), 9.0) == []


def test_workers_with_a_probe_are_left_out() -> None:
    attempts, events = listener()
    events.on_event(event("failed", 1.0))
    events.on_event(event("failed", 1.0, uuid="2", hostname="b@x"))
    assert [node for node, _ in attempts.collect({"a@x"}, 9.0)] == ["b@x"]


def test_a_task_that_was_received_earlier_has_the_name_that_flower_knows() -> None:
    attempts, events = listener(known="shop.pay")
    events.on_event(event("failed", 1.0, uuid="known"))
    events.on_event(event("failed", 1.0, uuid="other"))
    assert [one.task for _, one in attempts.collect((), 9.0)] == ["shop.pay", "(received earlier)"]


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": None},
        {"timestamp": float("nan")},
        {"runtime": float("inf")},
        {"uuid": 5},
        {"hostname": ["a@x"]},
        {"type": 5},
        {"type": "task-sent"},
        {"type": "worker-heartbeat"},
    ],
)
def test_what_does_not_fit_is_left_out(changes: dict[str, Any]) -> None:
    attempts, events = listener()
    events.on_event({**event("failed", 1.0), **changes})
    events.on_event(event("failed", 1.0, hostname="after@x"))
    assert [node for node, _ in attempts.collect((), 9.0)] == ["after@x"]


@pytest.mark.parametrize("field", ["hostname", "uuid", "name"])
def test_an_attempt_can_be_encoded_whatever_its_names(field: str) -> None:
    attempts, events = listener()
    names = {"name": "shop.pay", field: "half a \ud800 character"}
    events.on_event(event("received", 1.0, **names))
    events.on_event(event("failed", 2.0, **names))
    [(node, one)] = attempts.collect((), 9.0)
    found = {"hostname": node, "uuid": one.task_id, "name": one.task}
    assert found[field].encode() == b"half a ? character"


def test_the_name_that_flower_knows_of_a_task_can_be_encoded() -> None:
    attempts, events = listener(known="half a \ud800 character")
    events.on_event(event("failed", 1.0, uuid="known"))
    [(_, one)] = attempts.collect((), 9.0)
    assert one.task.encode() == b"half a ? character"
