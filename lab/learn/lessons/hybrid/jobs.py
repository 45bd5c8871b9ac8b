"""The jobs of the lesson `hybrid`: how much they compute and wait, and how they are split; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: The three mixes.
WAITING, BOTH, COMPUTING = "mostly waiting", "some of both", "mostly computing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How long a job computes, and how long it waits."""

    name: str
    cpu_ms: float
    io_ms: float

    def __str__(self) -> str:
        return f"{self.name} ({self.cpu_ms:g} ms CPU, {self.io_ms:g} ms wait)"


#: Warms a worker up: jobs wait long enough for every slot to get one.
WARM_UP: Final = Mix(name="warm-up", cpu_ms=1, io_ms=60)
#: The jobs of the timelines, where each must be visible.
DRAWN: Final = Mix(name="both", cpu_ms=15, io_ms=45)


def split_evenly(jobs: int, parts: int) -> list[range]:
    """Split the numbers of the jobs into ranges of equal size, give or take one; none is empty."""
    bounds = [jobs * part // parts for part in range(parts + 1)]
    return [range(a, b) for a, b in pairwise(bounds) if a < b]
