"""Replies are read the same however the bytes are cut."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from kombu_lease.wire import Push, Reader, ReplyError

STREAM = (
    b"+OK\r\n"
    b"*3\r\n$2\r\nok\r\n$-1\r\n:12\r\n"
    b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nq\r\n"
    b"-NOSCRIPT No matching script.\r\n"
    b"_\r\n*-1\r\n#t\r\n,1.5\r\n%1\r\n$1\r\na\r\n*0\r\n"
    b"$6\r\na\r\nb\r\n\r\n"
)
EXPECTED: list[Any] = [
    b"OK",
    [b"ok", None, 12],
    [b"invalidate", [b"q"]],
    "NOSCRIPT No matching script.",
    *(None, None, True, 1.5, {b"a": []}, b"a\r\nb\r\n"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_replies_do_not_depend_on_how_they_arrive(cuts: list[int]) -> None:
    reader, replies = Reader(), []
    places = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(places):
        replies += reader.feed(STREAM[start:end])
    assert [str(r) if isinstance(r, ReplyError) else r for r in replies] == EXPECTED
    assert [i for i, reply in enumerate(replies) if isinstance(reply, Push)] == [2]


def test_what_is_not_resp_is_an_error() -> None:
    with pytest.raises(redis.InvalidResponse, match="HTTP"):
        Reader().feed(b"HTTP/1.1 400 Bad Request\r\n")
