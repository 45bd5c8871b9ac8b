"""Limits how full a steady load makes the queues: a pure account, without a clock or a broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

#: How many messages may wait in a queue before the load sends only what the workers make room for.
MOST_WAITING: Final = 5_000
#: A queue counts as full until no more than this share of `MOST_WAITING` waits in it.
RELIEVED: Final = 0.5


class Room:
    """How many more tasks each queue may get until its depth is measured again."""

    def __init__(self, queues: Iterable[str], *, on_full: Callable[[str], None]) -> None:
        """Call `on_full(queue)` whenever a queue becomes full."""
        self._room = dict.fromkeys(queues, MOST_WAITING)
        self._on_full = on_full
        self.full: set[str] = set()
        self.skipped: Counter[str] = Counter()  # tasks that were due but not sent, by queue

    def measured(self, waiting: Mapping[str, int]) -> None:
        """Note how many messages wait in each queue now."""
        for queue, count in waiting.items():
            self._room[queue] = max(0, MOST_WAITING - count)
            if count <= RELIEVED * MOST_WAITING:
                self.full.discard(queue)

    def take(self, queue: str, wanted: int) -> int:
        """Return how many of `wanted` tasks may be sent to `queue`; count the others as skipped."""
        granted = min(wanted, self._room[queue])
        self._room[queue] -= granted
        if granted < wanted:
            self.skipped[queue] += wanted - granted
            if queue not in self.full:
                self.full.add(queue)
                self._on_full(queue)
        return granted
