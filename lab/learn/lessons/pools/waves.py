"""How a pool of a few slots worked off more tasks than it has slots; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lab.learn.engine.atonce import most_at_once
from lab.learn.engine.scene_run import SceneRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Tasks alike, by one pool."""

    pool: str
    tasks: int
    by_slot: tuple[int, ...]  # tasks that each process, thread or greenlet ran, the most first
    at_once: int  # at most
    waves: tuple[int, ...]
    makespan_s: float  # from the first task's beginning to the last one's end


def served(ran: SceneRun, pool: str, hold_s: float) -> Served:
    """Read what the tasks handed in: when each began, by one clock for all."""
    held = [(one.value, one.value + hold_s) for one in ran.tasks]
    counted = Counter(one.slot for one in ran.tasks)
    return Served(
        pool=pool,
        tasks=len(ran.tasks),
        by_slot=tuple(count for _, count in counted.most_common()),
        at_once=most_at_once(held),
        waves=waves([began_s for began_s, _ in held], hold_s),
        makespan_s=max(ended_s for _, ended_s in held) - min(began_s for began_s, _ in held),
    )


def waves(began_s: Sequence[float], hold_s: float) -> tuple[int, ...]:
    """Count the tasks of each wave: all that begin before the first of the wave has ended."""
    counts: list[int] = []
    until_s = float("-inf")
    for at_s in sorted(began_s):
        if at_s >= until_s:
            counts.append(0)
            until_s = at_s + hold_s
        counts[-1] += 1
    return tuple(counts)
