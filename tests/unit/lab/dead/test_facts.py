"""What is shown about a dead letter."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kombu_lease.dead import DeadLetter
from lab.dead.facts import facts, lines, queue_of, whole

BODY = base64.b64encode(b'[["a secret"], {}, {}]').decode()
MESSAGE = json.dumps(
    {
        "body": BODY,
        "headers": {"task": "shop.pay", "id": "abc"},
        "properties": {"body_encoding": "base64"},
    }
).encode()


def letter(message: bytes = MESSAGE, **more: Any) -> DeadLetter:
    return DeadLetter(
        **{
            "id": "1764207001123-0",
            "key": "shop:work\x06\x166",
            "message": message,
            "reason": "because",
            "deliveries": 5,
            **more,
        }
    )


def test_facts_name_the_task_and_hide_its_arguments() -> None:
    known = facts(letter(), "shop:")
    assert (known["task"], known["task_id"], known["queue"]) == ("shop.pay", "abc", "work")
    assert known["deliveries"] == 5
    assert "secret" not in json.dumps(known)
    assert BODY not in json.dumps(known)


def test_the_whole_message_is_shown_decoded() -> None:
    assert whole(letter(), "shop:")["body"] == [["a secret"], {}, {}]
    assert any("a secret" in line for line in lines(letter(), "shop:"))


@pytest.mark.parametrize(
    "message", [b"", b"\xff\x00", b"5", b"[1]", b'{"headers": 5}', b'{"headers": {"task": 5}}']
)
def test_a_malformed_message_is_shown_as_it_is(message: bytes) -> None:
    known = whole(letter(message), "")
    assert (known["task"], known["task_id"]) == ("", "")
    kept = known.get("message", "").encode() or base64.b64decode(known.get("message_base64", ""))
    assert kept == message
    assert all(line.isprintable() for line in lines(letter(message), ""))


def test_control_characters_reach_no_terminal() -> None:
    shown = lines(letter(b"\x1b[31m", reason="\x1b]0;title\x07", key="a\nb"), "")
    assert all(line.isprintable() for line in shown)


def test_the_queue_has_neither_prefix_nor_priority() -> None:
    assert queue_of(letter(), "shop:") == "work"
    assert queue_of(letter(key="work"), "") == "work"
