"""What this worker still owes its broker, because a connection failed while it was paid.

The event loop and the pool's slots add to it; the heart's thread pays it on its own connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """A message that goes back to its queue."""

    queue: str  # the key of the queue's list, without the project's prefix
    text: str | bytes  # the message as it is stored
    tag: str = ""  # its delivery tag, if it has one
    unregistered: bool = False  # it may be in memory only


@dataclass(frozen=True, slots=True)
class Owed:
    """Acknowledgements and hand-backs. Both are atomic deques, so threads can share them."""

    acks: deque[str] = field(default_factory=deque)
    hand_backs: deque[HandBack] = field(default_factory=deque)

    def __bool__(self) -> bool:
        """Return whether anything is owed."""
        return bool(self.acks or self.hand_backs)


#: There is one worker in a process.
OWED = Owed()
