"""How a pool worked through more tasks than it has slots, wave by wave; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lab.learn.engine.atonce import most_at_once
from lab.learn.engine.scene_run import SceneRun


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveRun:
    """Identical tasks on one pool."""

    pool: str
    tasks: int
    by_slot: tuple[int, ...]  # tasks that each process, thread or greenlet ran, the most first
    at_once: int  # the most that ran at the same time
    waves: tuple[int, ...]  # tasks in each wave
    makespan_s: float  # from the first task's start to the last one's end


def wave_run(ran: SceneRun, pool: str, hold_s: float) -> WaveRun:
    """Read when each task started, by one clock for all; each took `hold_s`."""
    spans = [(one.value, one.value + hold_s) for one in ran.tasks]
    by_slot = Counter(one.slot for one in ran.tasks)
    return WaveRun(
        pool=pool,
        tasks=len(ran.tasks),
        by_slot=tuple(count for _, count in by_slot.most_common()),
        at_once=most_at_once(spans),
        waves=wave_sizes([started_s for started_s, _ in spans], hold_s),
        makespan_s=max(ended_s for _, ended_s in spans) - min(started_s for started_s, _ in spans),
    )


def wave_sizes(started_s: Sequence[float], hold_s: float) -> tuple[int, ...]:
    """Count the tasks of each wave: all that start before its first task has ended."""
    counts: list[int] = []
    until_s = float("-inf")
    for at_s in sorted(started_s):
        if at_s >= until_s:
            counts.append(0)
            until_s = at_s + hold_s
        counts[-1] += 1
    return tuple(counts)
