"""How the lesson `pools` writes slots and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lab.learn.lessons.pools.waves import WaveRun
from worker.pools import POOLS

#: The plural of each kind of slot.
PLURAL: Final = {"process": "processes", "thread": "threads", "greenlet": "greenlets"}


def slots_used(one: WaveRun) -> str:
    """Write how many slots ran the tasks: `5 processes`."""
    return f"{len(one.by_slot)} {PLURAL[POOLS[one.pool].slot]}"


def listed(counts: Sequence[int]) -> str:
    """Write each count, or the range if there are many: `5, 5, 5, 5`, `1`, `1–2`."""
    if len(counts) > 8:
        return f"{min(counts)}–{max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
    return ", ".join(map(str, counts))
