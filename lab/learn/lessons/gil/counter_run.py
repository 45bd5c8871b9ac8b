"""What became of one counter that many tasks updated by one method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: How a counter in a worker's memory is updated.
NO_PAUSE, PAUSE, MUTEX = "no pause", "pause", "pause, mutex"
#: How the counter in Redis is updated, as the task `take_shared` calls it.
GET_SET, REDIS_LOCK, DECR = "GET, SET", "lock", "DECR"
#: Where the counter is that all workers share.
REDIS: Final = "Redis, all pools"


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRun:
    """One scene: each task subtracted 1 from a counter that started at the number of tasks."""

    place: str  # a pool whose processes keep the counter, or REDIS
    method: str
    tasks: int
    final_values: tuple[int, ...]  # of each process that had a counter, or of the one in Redis
    makespan_s: float

    @property
    def lost(self) -> int:
        """How many updates no counter kept."""
        return self.tasks - sum(self.tasks - final for final in self.final_values)
