"""What more and more slots bring and cost, and where more is no longer worth it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cluster.machine import Machine

#: Share of the best throughput from which more slots are not worth it.
ENOUGH: Final = 0.8
#: Processes at most: a worker's main process cannot keep more of them busy with short tasks.
MOST_PROCESSES: Final = 80
#: Share of the memory that the largest size may take, and what one process is taken to need.
SHARE_OF_MEMORY, PROCESS_BYTES = 0.25, 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One pool with so many slots."""

    pool: str
    slots: int
    start_up_s: float
    start_cpu_s: float  # CPU time of its start: others on the machine do not touch it
    memory_bytes: int
    throughput_per_s: float  # of the best round
    held_s: float  # how long one task held its slot, median of that round


def knee(steps: Sequence[Step]) -> Step:
    """Return the step with the fewest slots that has ENOUGH of the best throughput.

    Raises ValueError where there are no steps.
    """
    best = max(step.throughput_per_s for step in steps)
    good = [step for step in steps if step.throughput_per_s >= ENOUGH * best]
    return min(good, key=lambda step: step.slots)


def bytes_per_slot(steps: Sequence[Step]) -> float:
    """Return what each slot beyond the first step's adds to the memory, in bytes.

    Raises ValueError where the steps have the same slots.
    """
    first, last = _ends(steps)
    return (last.memory_bytes - first.memory_bytes) / (last.slots - first.slots)


def start_cpu_per_slot_s(steps: Sequence[Step]) -> float:
    """Return what each slot beyond the first step's adds to the start, in CPU seconds.

    Raises ValueError where the steps have the same slots.
    """
    first, last = _ends(steps)
    return (last.start_cpu_s - first.start_cpu_s) / (last.slots - first.slots)


def _ends(steps: Sequence[Step]) -> tuple[Step, Step]:
    first = min(steps, key=lambda step: step.slots)
    last = max(steps, key=lambda step: step.slots)
    if first.slots == last.slots:
        raise ValueError("a sweep needs two sizes")
    return first, last


def sizes(first: int, *, processes: bool, machine: Machine) -> tuple[int, ...]:
    """Return the slots to try, the fewest first.

    Processes compute on every core, and are dear: their number follows the cores and the memory.
    """
    if not processes:
        return (first, 4 * first, 12 * first)
    affordable = int(machine.memory_bytes * SHARE_OF_MEMORY / PROCESS_BYTES)
    most = max(2 * first, min(max(4 * first, 10 * machine.cores), MOST_PROCESSES, affordable))
    return (first, *((most // 2,) if most // 2 > first else ()), most)
