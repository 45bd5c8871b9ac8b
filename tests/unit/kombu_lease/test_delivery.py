"""What a claimed message asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kombu_lease.delivery import decoded, delivery_count, due_s
from kombu_lease.errors import UndecodableError
from kombu_lease.keys import pack, unpack


@pytest.mark.parametrize(
    ("headers", "due"),
    [
        ({"eta": "2026-11-27T03:00:00+00:00"}, 1795748400.0),
        ({"eta": "2026-11-27T03:00:00Z"}, 1795748400.0),
        ({"eta": "2026-11-27T05:00:00+02:00"}, 1795748400.0),
        ({"eta": "2026-11-27T03:00:00"}, None),  # Celery knows the time zone
        ({"eta": None}, None),
        ({"eta": "soon"}, None),
        ({"eta": 5}, None),
        ({}, None),
        (None, None),
    ],
)
def test_when_a_task_is_due(headers: Any, due: float | None) -> None:
    assert due_s({"headers": headers}) == due


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "no properties"),
        (b'{"properties": []}', "no properties"),
        (b'{"properties": {"delivery_info": 3}}', "delivery_info"),
    ],
)
def test_what_is_no_message(message: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError, match=reason):
        decoded(message)


@pytest.mark.parametrize(
    ("info", "count"), [({}, 0), ({"deliveries": 3}, 3), ({"deliveries": "x"}, 0)]
)
def test_how_often_it_was_delivered(info: Any, count: int) -> None:
    message = json.dumps({"properties": {"delivery_info": info}}).encode()
    assert delivery_count(decoded(message)) == count


def test_a_value_names_the_list_of_its_message() -> None:
    for name in ("celery", "a:b\x06\x163", "ü" * 20, ""):
        assert unpack(pack(name, b"12:{}")) == (name, b"12:{}")
