"""The tables of the lesson `parallelism`; pure."""

from __future__ import annotations

from typing import Final

from lab.learn.lessons.parallelism.timing import (
    BURN,
    COMPUTING,
    DIGEST,
    KINDS,
    SLEEP,
    TASKS,
    Timings,
    core_count,
)
from lab.results.lesson import Column, Table
from worker.pools import POOLS

#: What tasks of each kind do.
THEY: Final = {
    BURN: "compute in Python",
    DIGEST: "compute in C without the GIL",
    SLEEP: "wait",
}


def tables(timings: Timings) -> tuple[Table, ...]:
    """Return the lecture's table, how many could compute at once, and what the slots cost."""
    return (_makespans(timings), _runnable(timings), _memory(timings))


def _makespans(timings: Timings) -> Table:
    return Table(
        title="How long four tasks take",
        columns=(*_heading(timings), Column(heading="what they do")),
        rows=tuple(
            (
                kind,
                core_count(cores),
                *(f"{one.in_t:.1f} T" for one in timings.of(kind, cores)),
                THEY[kind],
            )
            for kind in KINDS
            for cores in timings.cores
        ),
    )


def _runnable(timings: Timings) -> Table:
    return Table(
        title="Tasks that ran, or needed only a free core (average while there was such a task)",
        columns=_heading(timings),
        rows=tuple(
            (
                kind,
                core_count(cores),
                *(f"{one.runnable:.1f}" for one in timings.of(kind, cores)),
            )
            for kind in COMPUTING
            for cores in timings.cores
        ),
    )


def _memory(timings: Timings) -> Table:
    return Table(
        title=f"What {TASKS} slots cost",
        columns=(
            Column(heading="pool"),
            Column(heading="processes", unit="count"),
            Column(heading="memory", unit="bytes"),
        ),
        rows=tuple(
            (pool, POOLS[pool].processes(TASKS), size)
            for pool, size in timings.memory_bytes.items()
        ),
    )


def _heading(timings: Timings) -> tuple[Column, ...]:
    return tuple(Column(heading=name) for name in ("four tasks", "on", *timings.pools))
