"""How big a race is: sizes and counts of the tasks, before the machine's speed is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

#: Seconds that a waiting workload may take on the worker with the fewest slots.
LONGEST_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How big a race is."""

    burn_ms: float
    burns: int
    wait_ms: int
    waits: int
    mixed: int
    #: Seconds for which one task body runs repeatedly in this process, before and after.
    bare_s: float
    #: Slots of the smallest borrowed worker; None: the race starts its own workers.
    fewest_slots: int | None = None

    def waiting_count(self, count: int, task_s: float) -> int:
        """Cut `count` tasks of `task_s` seconds to what the smallest worker ends in LONGEST_S."""
        if self.fewest_slots is None:
            return count
        return min(count, max(1, int(LONGEST_S * self.fewest_slots / task_s)))


FULL: Final = Scale(burn_ms=150, burns=12, wait_ms=1_000, waits=200, mixed=200, bare_s=0.4)
QUICK: Final = Scale(burn_ms=100, burns=8, wait_ms=500, waits=80, mixed=200, bare_s=0.15)


def fitted(scale: Scale, fewest_slots: int) -> Scale:
    """Return `scale` for borrowed workers, the smallest of which has `fewest_slots`.

    Their concurrency stays as it is, and two processes would wait minutes for 200 tasks.
    """
    return replace(scale, fewest_slots=fewest_slots)
