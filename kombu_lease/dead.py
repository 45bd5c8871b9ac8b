"""Dead letters: messages that nobody tries to run any more, whole, with the reason.

They are entries of one stream, `{global_keyprefix}_kombu.lease.dead`. An entry's id holds the time
by the server's clock. Its fields are:

    key         the list that the message came from, with the global prefix and the priority
    reason      one line
    deliveries  how often it was delivered without being acknowledged; 0 if unknown
    message     the message, byte for byte as it was in the list
    worker      the worker that gave it up, if that is known

Nothing is dropped unless someone asks. The client must not add a key prefix of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from kombu_lease.keys import keys
from kombu_lease.scripts import REQUEUE

#: Entries that are read at once; each may be large.
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that nobody tries to run any more."""

    key: str  # the Redis list that it came from
    message: bytes
    reason: str
    deliveries: int = 0  # without an acknowledgement
    worker: str = ""
    id: str = ""  # such as 1764207001123-0; empty if it is not in the stream yet

    def fields(self) -> list[str | bytes]:
        """Return the names and values of the entry's fields, in turn."""
        return [
            *("key", self.key, "message", self.message),
            *("reason", self.reason.encode(errors="backslashreplace")),  # it may quote the message
            *("deliveries", str(self.deliveries), "worker", self.worker),
        ]

    @property
    def died_at(self) -> float:
        """When it became a dead letter, in seconds since 1970 by the server's clock."""
        return int(self.id.partition("-")[0]) / 1000


def bury(
    client: redis.Redis, prefix: str, key: str, message: bytes, reason: str, deliveries: int = 0
) -> str:
    """Add a dead letter and return its id.

    Call it on a pipeline to take the message out of its old place in the same transaction.
    """
    letter = DeadLetter(key=key, message=message, reason=reason, deliveries=deliveries)
    fields = letter.fields()
    pairs: dict[Any, Any] = dict(zip(fields[::2], fields[1::2], strict=True))
    return _text(client.xadd(keys(prefix).dead, pairs))


def entries(
    client: redis.Redis, prefix: str = "", count: int = 100, after: str = ""
) -> list[DeadLetter]:
    """Return up to `count` dead letters, oldest first, that were added after the id `after`."""
    found: Any = client.xrange(keys(prefix).dead, f"({after}" if after else "-", "+", count)
    return [_dead_letter(entry, fields) for entry, fields in found]


def every(client: redis.Redis, prefix: str = "") -> Iterator[DeadLetter]:
    """Return all dead letters, oldest first, in pages."""
    after = ""
    while page := entries(client, prefix, PAGE, after):
        yield from page
        after = page[-1].id


def stream(prefix: str = "") -> str:
    """Return the key of the stream of applications with this `global_keyprefix`."""
    return keys(prefix).dead


def entry(client: redis.Redis, prefix: str, id: str) -> DeadLetter | None:
    """Return one dead letter; None if there is none with this id."""
    found: Any = client.xrange(keys(prefix).dead, id, id)
    return next((_dead_letter(entry, fields) for entry, fields in found), None)


def requeue(client: redis.Redis, prefix: str, ids: Sequence[str]) -> int:
    """Put dead letters back into their queues, behind all others; return how many there were.

    Their count of deliveries starts again.
    """
    return int(REQUEUE.run(client, [keys(prefix).dead], ids))


def drop(client: redis.Redis, prefix: str, ids: Sequence[str]) -> int:
    """Delete dead letters; return how many there were."""
    return int(client.xdel(keys(prefix).dead, *ids)) if ids else 0


def _dead_letter(entry: Any, fields: dict[Any, Any]) -> DeadLetter:
    values = {_text(name): value for name, value in fields.items()}
    deliveries = _text(values.get("deliveries", b""))
    return DeadLetter(
        id=_text(entry),
        key=_text(values.get("key", b"")),
        reason=_text(values.get("reason", b"")),
        deliveries=int(deliveries) if deliveries.isdigit() else 0,
        worker=_text(values.get("worker", b"")),
        message=_bytes(values.get("message", b"")),
    )


def _text(value: bytes | str | Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
