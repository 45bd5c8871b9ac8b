"""The tables of the lesson `pools`; pure."""

from __future__ import annotations

from lab.format import words
from lab.learn.lessons.pools.measurements import PoolMeasurements
from lab.learn.lessons.pools.sweep import bytes_per_slot, knee, most_slots, start_cpu_per_slot_s
from lab.learn.lessons.pools.wording import listed, slots_used
from lab.results.lesson import Column, Table
from worker.pools import POOLS


def tables(measured: PoolMeasurements) -> tuple[Table, ...]:
    """Return who ran the 20 tasks, what each size gained and cost, and how many slots fit."""
    return (_waves(measured), _sweep(measured), _limits(measured))


def _waves(measured: PoolMeasurements) -> Table:
    return Table(
        title="20 tasks on a pool of 5",
        columns=(
            Column(heading="pool"),
            Column(heading="run by"),
            Column(heading="tasks each"),
            Column(heading="waves of"),
            Column(heading="time", unit="seconds"),
        ),
        rows=tuple(
            (pool, slots_used(one), listed(one.by_slot), listed(one.waves), one.makespan_s)
            for pool, one in measured.wave_runs.items()
        ),
    )


def _sweep(measured: PoolMeasurements) -> Table:
    return Table(
        title="Increasing slots; each task computes for 4 ms and waits for 30 ms",
        columns=(
            Column(heading="pool"),
            Column(heading="slots", unit="count"),
            Column(heading="start-up", unit="seconds"),
            Column(heading="CPU to start", unit="seconds"),
            Column(heading="memory", unit="bytes"),
            Column(heading="throughput", unit="per_s"),
            Column(heading="time per task", unit="seconds"),
        ),
        rows=tuple(
            (
                step.pool,
                step.slots,
                step.start_up_s,
                step.start_cpu_s,
                step.memory_bytes,
                step.throughput_per_s,
                step.task_s,
            )
            for steps in measured.sweeps.values()
            for step in steps
        ),
    )


def _limits(measured: PoolMeasurements) -> Table:
    machine = measured.machine
    return Table(
        title="How many slots are useful, and how many this machine could have at most: it has "
        f"{words.size(machine.memory_bytes)} of memory, and may start "
        f"{words.count(machine.processes)} more processes and threads",
        columns=(
            Column(heading="pool"),
            Column(heading="useful up to", unit="count"),
            Column(heading="memory per slot", unit="bytes"),
            Column(heading="CPU to start a slot", unit="seconds"),
            Column(heading="at most", unit="count"),
        ),
        rows=tuple(
            (
                pool,
                knee(steps).slots,
                max(0.0, bytes_per_slot(steps)),
                max(0.0, start_cpu_per_slot_s(steps)),
                most_slots(steps, POOLS[pool], machine),
            )
            for pool, steps in measured.sweeps.items()
        ),
    )
