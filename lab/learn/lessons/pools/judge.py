"""What the lesson `pools` says of what it measured: tables, claims, verdict; pure.

It must not know how anything was run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.machine import Machine
from lab.format import words
from lab.learn.lessons.pools.sweep import (
    ENOUGH,
    Step,
    bytes_per_slot,
    knee,
    start_cpu_per_slot_s,
)
from lab.learn.lessons.pools.waves import Served
from lab.results.lesson import Claim, Column, Table
from worker.pools import POOLS, Pool

#: How many times the memory of a thread or greenlet a process takes, at least.
DEARER: Final = 3.0
#: Share of the slots' growth that the throughput stays below; it is little more than half of it,
#: also where there are many cores.
IN_PROPORTION: Final = 0.85
#: Times the slots from which the start is longer beyond doubt.
FAR_APART: Final = 3
#: How much more CPU time the start of many processes takes, at least.
SLOWER_START: Final = 1.2
#: What to call several slots of a kind.
SEVERAL: Final = {"process": "processes", "thread": "threads", "greenlet": "greenlets"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Both parts of the lesson, each by pool."""

    served: Mapping[str, Served]
    steps: Mapping[str, Sequence[Step]]
    machine: Machine


def tables(measured: Measured) -> tuple[Table, ...]:
    """Return who served, what each size brought and cost, and how many there could be."""
    return (_served(measured), _sweep(measured), _room(measured))


def _served(measured: Measured) -> Table:
    return Table(
        title="20 tasks on a pool of 5",
        columns=(
            Column(heading="pool"),
            Column(heading="served by"),
            Column(heading="tasks of each"),
            Column(heading="in waves of"),
            Column(heading="time", unit="seconds"),
        ),
        rows=tuple(
            (pool, _who(one), _each(one.by_slot), _each(one.waves), one.makespan_s)
            for pool, one in measured.served.items()
        ),
    )


def _who(one: Served) -> str:
    return f"{len(one.by_slot)} {SEVERAL[POOLS[one.pool].slot]}"


def _each(counts: Sequence[int]) -> str:
    """Write counts in turn, short where they are many and alike."""
    if len(counts) > 8:
        return f"{min(counts)}–{max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
    return ", ".join(map(str, counts))


def _sweep(measured: Measured) -> Table:
    return Table(
        title="Ever more slots, with tasks that compute 4 ms and wait 30 ms",
        columns=(
            Column(heading="pool"),
            Column(heading="slots", unit="count"),
            Column(heading="start-up", unit="seconds"),
            Column(heading="CPU to start", unit="seconds"),
            Column(heading="memory", unit="bytes"),
            Column(heading="throughput", unit="per_s"),
            Column(heading="a task takes", unit="seconds"),
        ),
        rows=tuple(
            (
                one.pool,
                one.slots,
                one.start_up_s,
                one.start_cpu_s,
                one.memory_bytes,
                one.throughput_per_s,
                one.held_s,
            )
            for steps in measured.steps.values()
            for one in steps
        ),
    )


def _room(measured: Measured) -> Table:
    machine = measured.machine
    return Table(
        title=f"As many as we like? This machine has {words.size(machine.memory_bytes)} of memory",
        columns=(
            Column(heading="pool"),
            Column(heading="of use up to", unit="count"),
            Column(heading="each adds", unit="bytes"),
            Column(heading="and CPU to start", unit="seconds"),
            Column(heading="would fit", unit="count"),
        ),
        rows=tuple(
            (
                pool,
                knee(steps).slots,
                max(0.0, bytes_per_slot(steps)),
                max(0.0, start_cpu_per_slot_s(steps)),
                room(steps, POOLS[pool], machine),
            )
            for pool, steps in measured.steps.items()
        ),
    )


def room(steps: Sequence[Step], pool: Pool, machine: Machine) -> int | None:
    """Return how many slots memory and the system's limits would allow; None: not to be told."""
    each = bytes_per_slot(steps)
    by_memory = int(machine.memory_bytes / each) if each > 0 else None
    if not pool.kernel_scheduled:
        return by_memory
    return machine.processes if by_memory is None else min(by_memory, machine.processes)


def claims(measured: Measured) -> Iterator[Claim]:
    """Yield what the lesson says."""
    for one in measured.served.values():
        yield from _fixed(one)
    for pool, steps in measured.steps.items():
        yield _enough(steps)
        if POOLS[pool].parallel_python:
            if steps[-1].slots >= FAR_APART * steps[0].slots:
                yield _slower_start(steps)
            yield from _dearer(measured, pool)


def _fixed(one: Served) -> Iterator[Claim]:
    pool = POOLS[one.pool]
    slots = one.at_once
    yield Claim(
        says=f"{one.pool}: no more than 5 of the 20 tasks run at once, the others wait their turn",
        holds=slots <= 5 and len(one.waves) >= one.tasks / 5,
        seen=f"{slots} at once at most, in waves of {_each(one.waves)}",
    )
    if pool.kernel_scheduled:
        yield Claim(
            says=f"{one.pool}: the same {SEVERAL[pool.slot]} serve again and again, no others",
            holds=len(one.by_slot) <= 5,
            seen=f"{_who(one)} ran {_each(one.by_slot)}",
        )


def _enough(steps: Sequence[Step]) -> Claim:
    first, last = steps[0], steps[-1]
    more = last.slots / first.slots
    gain = last.throughput_per_s / first.throughput_per_s
    return Claim(
        says=f"{last.pool}: the throughput does not grow with the slots",
        holds=gain < IN_PROPORTION * more,
        seen=f"{words.times(more)} the slots bring {words.times(gain)} the throughput",
    )


def _slower_start(steps: Sequence[Step]) -> Claim:
    first, last = steps[0], steps[-1]
    return Claim(
        says=f"{last.pool}: each of them makes the start longer",
        holds=last.start_cpu_s > SLOWER_START * first.start_cpu_s,
        seen=f"{words.duration(first.start_cpu_s)} of CPU for {first.slots}, "
        f"{words.duration(last.start_cpu_s)} for {last.slots}",
    )


def _dearer(measured: Measured, pool: str) -> Iterator[Claim]:
    each = bytes_per_slot(measured.steps[pool])
    for other, steps in measured.steps.items():
        if POOLS[other].parallel_python:
            continue
        others = max(0.0, bytes_per_slot(steps))
        yield Claim(
            says=f"a {POOLS[pool].slot} takes many times the memory of a {POOLS[other].slot}",
            holds=each > DEARER * others,
            seen=f"{words.size(each)} and {words.size(others)}",
        )


def verdict(measured: Measured) -> str:
    """Say it in two sentences."""
    served = list(measured.served.values())
    enough = ", ".join(f"{pool} × {knee(steps).slots}" for pool, steps in measured.steps.items())
    cost = ", ".join(
        f"a {POOLS[pool].slot} {words.size(max(0.0, bytes_per_slot(steps)))}"
        for pool, steps in measured.steps.items()
    )
    return (
        f"A pool of 5 served 20 tasks {max(one.at_once for one in served)} at a time, in "
        f"{max(len(one.waves) for one in served)} waves, processes and threads again and again. "
        "Nobody stops you from opening more, but at least "
        f"{words.percent(ENOUGH)} of the best throughput was there with {enough}: whatever is "
        f"opened beyond costs memory ({cost}), and a longer start where it is a process."
    )
