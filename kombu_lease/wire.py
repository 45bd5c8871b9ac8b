"""Reads the replies and the push messages of a RESP3 connection from the bytes that have arrived.

redis-py's own parser waits for the rest of a reply, and hides push messages in ways that differ
between its versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis


class Push(list[Any]):
    """A message that Redis sent by itself, such as `invalidate`."""


class ReplyError(Exception):
    """An error reply; its first word is the kind, such as READONLY."""


class _IncompleteError(Exception):
    pass


class Reader:
    """Collects bytes and returns each complete reply."""

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0

    def feed(self, data: bytes) -> list[Any]:
        """Add bytes that have arrived; return the replies that are complete now.

        Errors are returned, not raised.
        """
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        replies = []
        while self._at < len(self._buffer):
            start = self._at
            try:
                replies.append(self._value())
            except _IncompleteError:
                self._at = start
                break
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        return replies

    def _line(self) -> bytes:
        end = self._buffer.find(b"\r\n", self._at)
        if end < 0:
            raise _IncompleteError
        line = self._buffer[self._at : end]
        self._at = end + 2
        return line

    def _value(self) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self._bulk(int(rest))
        if kind in b"*>~":
            if rest == b"-1":
                return None
            items = [self._value() for _ in range(int(rest))]
            return Push(items) if kind == b">" else items
        if kind == b"%":
            return {_key(self._value()): self._value() for _ in range(int(rest))}
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        if kind not in _SIMPLE:
            raise redis.InvalidResponse(f"unexpected reply from Redis: {line[:40]!r}")
        return _SIMPLE[kind](rest)

    def _bulk(self, length: int) -> bytes | None:
        if length < 0:
            return None
        end = self._at + length
        if len(self._buffer) < end + 2:
            raise _IncompleteError
        value = self._buffer[self._at : end]
        self._at = end + 2
        return value


def _key(value: Any) -> Any:
    return value if isinstance(value, bytes) else repr(value)


_SIMPLE: dict[bytes, Callable[[bytes], Any]] = {
    b"+": bytes,
    b":": int,
    b"_": lambda _rest: None,
    b"#": lambda rest: rest == b"t",
    b",": float,
    b"(": int,
}
