"""A queue that any thread may use without a lock."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

T = TypeVar("T")


class Waiting(deque[T]):
    """What waits to be sent, oldest first."""

    def take(self, limit: int = 1_000_000) -> list[T]:
        """Remove and return up to `limit` items."""
        taken: list[T] = []
        while self and len(taken) < limit:
            try:
                taken.append(self.popleft())
            except IndexError:  # another thread took it
                break
        return taken
