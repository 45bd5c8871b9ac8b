"""Dead letters: the stream in which messages that were given up are kept, whole, with the reason.

The transport `kombu_lease` writes the same stream. This module knows the format and no connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Name of the stream, after the project's key prefix.
STREAM: Final = "_kombu.lease.dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that is given up."""

    key: str  # the list that it came from, with the project's prefix and the priority's suffix
    message: bytes  # exactly what the list contained
    reason: str  # one line
    deliveries: int = 0  # how often it was delivered and not acknowledged; 0: unknown
    worker: str = ""  # the worker that gave it up

    def fields(self) -> list[str | bytes]:
        """Return the names and values of the stream entry's fields, in turn."""
        return [
            *("key", self.key, "message", self.message, "reason", self.reason),
            *("deliveries", str(self.deliveries), "worker", self.worker),
        ]


def stream(prefix: str) -> str:
    """Return the key of the stream for a project's key prefix."""
    return f"{prefix}{STREAM}"
