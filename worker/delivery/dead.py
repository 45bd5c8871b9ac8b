"""Dead letters: the stream in which messages that were given up are kept, whole, with the reason.

The transport `kombu_lease` writes the same stream. Clients are passed in; they must take the names
of keys as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Name of the stream, after the project's key prefix.
STREAM: Final = "_kombu.lease.dead"
#: Entries that are read at once; each may be large.
PAGE: Final = 50

#: Puts a message back at the end of its queue. KEYS the stream · ARGV an entry's id
_REQUEUE: Final = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local fields = {}
for at = 1, #found[2], 2 do fields[found[2][at]] = found[2][at + 1] end
redis.call('LPUSH', fields['key'], fields['message'])
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that is given up."""

    key: str  # the list that it came from, with the project's prefix and the priority's suffix
    message: bytes  # exactly what the list contained
    reason: str  # one line
    deliveries: int = 0  # how often it was delivered and not acknowledged; 0: unknown
    worker: str = ""  # the worker that gave it up
    id: str = ""  # of the stream's entry: milliseconds since 1970 by the server's clock, a number

    def fields(self) -> list[str | bytes]:
        """Return the names and values of the stream entry's fields, in turn."""
        return [
            *("key", self.key, "message", self.message, "reason", self.reason),
            *("deliveries", str(self.deliveries), "worker", self.worker),
        ]

    @property
    def at_s(self) -> float:
        """When it was given up, in seconds since 1970."""
        return int(self.id.partition("-")[0]) / 1_000


def stream(prefix: str) -> str:
    """Return the key of the stream for a project's key prefix."""
    return f"{prefix}{STREAM}"


def entries(client: Any, prefix: str) -> Iterator[DeadLetter]:
    """Return all dead letters, the oldest first."""
    after = "-"
    while page := client.xrange(stream(prefix), after, "+", count=PAGE):
        yield from (_letter(entry, fields) for entry, fields in page)
        after = f"({page[-1][0].decode()}"


def entry(client: Any, prefix: str, entry_id: str) -> DeadLetter | None:
    """Return one dead letter, None if there is none."""
    found = client.xrange(stream(prefix), entry_id, entry_id)
    return _letter(*found[0]) if found else None


def requeue(client: Any, prefix: str, entry_id: str) -> bool:
    """Put a message back at the end of its queue; return whether it was there."""
    return bool(client.eval(_REQUEUE, 1, stream(prefix), entry_id))


def drop(client: Any, prefix: str, entry_ids: Sequence[str]) -> int:
    """Delete dead letters; return how many there were."""
    return int(client.xdel(stream(prefix), *entry_ids)) if entry_ids else 0


def _letter(entry_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    deliveries = text(b"deliveries")
    return DeadLetter(
        id=entry_id.decode(),
        key=text(b"key"),
        message=fields.get(b"message", b""),
        reason=text(b"reason"),
        deliveries=int(deliveries) if deliveries.isdigit() else 0,
        worker=text(b"worker"),
    )
