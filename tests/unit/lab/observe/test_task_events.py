"""Messages of task events are read, and what does not fit is left out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lab.observe.replies import task_events


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
