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
    """More bytes must arrive; `needed` is how many there must be from the start of the value."""

    def __init__(self, needed: int = 0) -> None:
        self.needed = needed


#: Stands for a reply whose items have not all arrived.
_INCOMPLETE = object()


class _Open:
    """An array or a map whose items have not all arrived."""

    __slots__ = ("items", "kind", "size")

    def __init__(self, kind: bytes, size: int) -> None:
        self.kind = kind
        self.size = size
        self.items: list[Any] = []

    def whole(self) -> Any:
        """Return it once it has all items."""
        if self.kind == b"%":
            return dict(zip(map(_key, self.items[::2]), self.items[1::2], strict=True))
        return Push(self.items) if self.kind == b">" else self.items


class Reader:
    """Collects bytes and returns each complete reply; it looks at no byte of a value twice."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []  # what has arrived, from the start of an incomplete value
        self._length = 0  # of the chunks
        self._needed = 0  # how long they must be before it makes sense to look at them
        self._buffer = b""
        self._at = 0
        self._open: list[_Open] = []  # the innermost last

    def feed(self, data: bytes) -> list[Any]:
        """Add bytes that have arrived; return the replies that are complete now.

        Errors are returned, not raised.
        """
        if self._chunks:
            self._chunks.append(data)
            self._length += len(data)
            if self._length < self._needed:
                return []
            data = b"".join(self._chunks)
        self._buffer, self._at, self._needed = data, 0, 0
        replies = []
        while (start := self._at) < len(data):
            try:
                value = self._value()
            except _IncompleteError as error:
                self._at, self._needed = start, error.needed
                break
            if (reply := self._placed(value)) is not _INCOMPLETE:
                replies.append(reply)
        rest, self._buffer = data[self._at :], b""
        self._chunks, self._length = [rest] if rest else [], len(rest)
        return replies

    def _placed(self, value: Any) -> Any:
        """Put a value where it belongs; return the reply that it completes, if any."""
        if isinstance(value, _Open):
            if value.size:
                self._open.append(value)
                return _INCOMPLETE
            value = value.whole()
        while self._open:
            parent = self._open[-1]
            parent.items.append(value)
            if len(parent.items) < parent.size:
                return _INCOMPLETE
            value = self._open.pop().whole()
        return value

    def _value(self) -> Any:
        """Read a value, of an array or a map only the beginning."""
        start = self._at
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return self._bulk(start, int(rest))
        if kind in b"*>~%":
            size = int(rest)
            return None if size < 0 else _Open(kind, size * 2 if kind == b"%" else size)
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "replace"))
        if kind not in _SIMPLE:
            raise redis.InvalidResponse(f"unexpected reply from Redis: {line[:40]!r}")
        return _SIMPLE[kind](rest)

    def _line(self) -> bytes:
        end = self._buffer.find(b"\r\n", self._at)
        if end < 0:
            raise _IncompleteError
        line = self._buffer[self._at : end]
        self._at = end + 2
        return line

    def _bulk(self, start: int, length: int) -> bytes | None:
        if length < 0:
            return None
        end = self._at + length
        if len(self._buffer) < end + 2:
            raise _IncompleteError(end + 2 - start)
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
