"""What more slots gain and cost, and the knee beyond which they are not worth it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cluster.machine import Machine
from worker.pools import Pool

#: Share of the best throughput at which the knee is: beyond it, more slots are not worth it.
KNEE_SHARE: Final = 0.8
#: The most processes to try: a worker's main process cannot keep more busy with short tasks.
MOST_PROCESSES: Final = 80
#: Share of the memory that the largest worker may take, and the assumed memory of a process.
SHARE_OF_MEMORY, PROCESS_BYTES = 0.25, 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStep:
    """One pool with a given number of slots."""

    pool: str
    slots: int
    start_up_s: float
    start_cpu_s: float  # CPU time of the start: other programs on the machine do not affect it
    memory_bytes: int
    throughput_per_s: float  # of the best round
    task_s: float  # how long a task took in that round, median


def knee(steps: Sequence[SweepStep]) -> SweepStep:
    """Return the step with the fewest slots that reaches KNEE_SHARE of the best throughput.

    Raises ValueError if there are no steps.
    """
    best = max(step.throughput_per_s for step in steps)
    good = [step for step in steps if step.throughput_per_s >= KNEE_SHARE * best]
    return min(good, key=lambda step: step.slots)


def bytes_per_slot(steps: Sequence[SweepStep]) -> float:
    """Return how much memory each additional slot takes, in bytes.

    Raises ValueError if all steps have the same number of slots.
    """
    first, last = _ends(steps)
    return (last.memory_bytes - first.memory_bytes) / (last.slots - first.slots)


def start_cpu_per_slot_s(steps: Sequence[SweepStep]) -> float:
    """Return how much CPU time each additional slot adds to the start, in seconds.

    Raises ValueError if all steps have the same number of slots.
    """
    first, last = _ends(steps)
    return (last.start_cpu_s - first.start_cpu_s) / (last.slots - first.slots)


def most_slots(steps: Sequence[SweepStep], pool: Pool, machine: Machine) -> int | None:
    """Return how many slots memory and the system's limits allow; None if it is unknown."""
    each = bytes_per_slot(steps)
    by_memory = int(machine.memory_bytes / each) if each > 0 else None
    if not pool.kernel_scheduled:
        return by_memory
    return machine.processes if by_memory is None else min(by_memory, machine.processes)


def sizes(first: int, *, processes: bool, machine: Machine) -> tuple[int, ...]:
    """Return the numbers of slots to try, the fewest first.

    Processes compute on every core and take much memory, so their number depends on both.
    """
    if not processes:
        return (first, 4 * first, 12 * first)
    affordable = int(machine.memory_bytes * SHARE_OF_MEMORY / PROCESS_BYTES)
    most = max(2 * first, min(max(4 * first, 10 * machine.cores), MOST_PROCESSES, affordable))
    return (first, *((most // 2,) if most // 2 > first else ()), most)


def _ends(steps: Sequence[SweepStep]) -> tuple[SweepStep, SweepStep]:
    first = min(steps, key=lambda step: step.slots)
    last = max(steps, key=lambda step: step.slots)
    if first.slots == last.slots:
        raise ValueError("a sweep needs two sizes")
    return first, last
