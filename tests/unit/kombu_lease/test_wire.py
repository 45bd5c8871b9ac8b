"""Replies are read the same however the bytes are cut."""

from __future__ import annotations

import itertools
import sys
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


def calls(messages: int) -> int:
    """Return how many functions are called to read a long reply that arrives in small pieces."""
    bulk = b"$10000\r\n" + b"x" * 10_000 + b"\r\n"
    stream = b"*%d\r\n" % messages + bulk * messages
    reader, count, replies = Reader(), 0, []

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        for start in range(0, len(stream), 1000):
            replies += reader.feed(stream[start : start + 1000])
    finally:
        sys.setprofile(None)
    assert replies == [[b"x" * 10_000] * messages]
    return count


def test_the_work_grows_only_with_the_length_of_a_reply() -> None:
    assert calls(80) < 10 * calls(10)


def test_what_is_not_resp_is_an_error() -> None:
    with pytest.raises(redis.InvalidResponse, match="HTTP"):
        Reader().feed(b"HTTP/1.1 400 Bad Request\r\n")
