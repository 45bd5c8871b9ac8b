"""What the lesson `pools` concludes from what it measured; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lab.format import words
from lab.learn.lessons.pools.measurements import PoolMeasurements
from lab.learn.lessons.pools.sweep import KNEE_SHARE, SweepStep, bytes_per_slot, knee
from lab.learn.lessons.pools.tables import tables
from lab.learn.lessons.pools.waves import WaveRun
from lab.learn.lessons.pools.wording import PLURAL, listed, slots_used
from lab.results.lesson import Claim, Findings
from worker.pools import POOLS

#: A process takes at least this many times the memory of a thread or greenlet.
MEMORY_RATIO: Final = 3.0
#: Throughput grows by less than this share of the growth in slots; it is little more than half of
#: it, even on machines with many cores.
IN_PROPORTION: Final = 0.85
#: The start is compared only if the largest worker has this many times the slots of the smallest.
FAR_APART: Final = 3
#: The start of the largest worker takes at least this many times the CPU time.
SLOWER_START: Final = 1.2


def judge(measured: PoolMeasurements) -> Findings:
    """Conclude from all that was measured."""
    return Findings(
        tables=tables(measured),
        claims=tuple(_claims(measured)),
        verdict=_verdict(measured),
    )


def _claims(measured: PoolMeasurements) -> Iterator[Claim]:
    for one in measured.wave_runs.values():
        yield from _fixed_size(one)
    for pool, steps in measured.sweeps.items():
        yield _less_than_proportional(steps)
        if POOLS[pool].parallel_python:
            if steps[-1].slots >= FAR_APART * steps[0].slots:
                yield _slower_start(steps)
            yield from _more_memory(measured, pool)


def _fixed_size(one: WaveRun) -> Iterator[Claim]:
    pool = POOLS[one.pool]
    yield Claim(
        says=f"{one.pool}: at most 5 of the 20 tasks run at once, and the others wait their turn",
        holds=one.at_once <= 5 and len(one.waves) >= one.tasks / 5,
        seen=f"at most {one.at_once} at once, in waves of {listed(one.waves)}",
    )
    if pool.kernel_scheduled:
        yield Claim(
            says=f"{one.pool}: the same {PLURAL[pool.slot]} are reused, and no others are created",
            holds=len(one.by_slot) <= 5,
            seen=f"{slots_used(one)} ran {listed(one.by_slot)} tasks",
        )


def _less_than_proportional(steps: Sequence[SweepStep]) -> Claim:
    first, last = steps[0], steps[-1]
    more = last.slots / first.slots
    gain = last.throughput_per_s / first.throughput_per_s
    return Claim(
        says=f"{last.pool}: throughput does not grow in proportion to the slots",
        holds=gain < IN_PROPORTION * more,
        seen=f"{words.times(more)} the slots give {words.times(gain)} the throughput",
    )


def _slower_start(steps: Sequence[SweepStep]) -> Claim:
    first, last = steps[0], steps[-1]
    return Claim(
        says=f"{last.pool}: more slots make start-up slower",
        holds=last.start_cpu_s > SLOWER_START * first.start_cpu_s,
        seen=f"{words.duration(first.start_cpu_s)} of CPU for {first.slots} slots, "
        f"{words.duration(last.start_cpu_s)} for {last.slots}",
    )


def _more_memory(measured: PoolMeasurements, pool: str) -> Iterator[Claim]:
    each = bytes_per_slot(measured.sweeps[pool])
    for other, steps in measured.sweeps.items():
        if POOLS[other].parallel_python:
            continue
        others = max(0.0, bytes_per_slot(steps))
        yield Claim(
            says=f"a {POOLS[pool].slot} takes several times the memory of a {POOLS[other].slot}",
            holds=each > MEMORY_RATIO * others,
            seen=f"{words.size(each)} and {words.size(others)}",
        )


def _verdict(measured: PoolMeasurements) -> str:
    wave_runs = list(measured.wave_runs.values())
    memory = ", ".join(
        f"a {POOLS[pool].slot} {words.size(max(0.0, bytes_per_slot(steps)))}"
        for pool, steps in measured.sweeps.items()
    )
    reused = [PLURAL[POOLS[one.pool].slot] for one in wave_runs if POOLS[one.pool].kernel_scheduled]
    again = f", and reused its {words.listed(reused)}" if reused else ""
    return (
        f"A pool of 5 ran 20 tasks {max(one.at_once for one in wave_runs)} at a time, in "
        f"{max(len(one.waves) for one in wave_runs)} waves{again}. "
        f"Nothing stops you from adding slots, but {_useful(measured)}. Each further slot costs "
        f"memory ({memory}) and, if it is a process, start-up time."
    )


def _useful(measured: PoolMeasurements) -> str:
    """Say with how many slots each pool was nearly as fast as it got."""
    early, late = [], []
    for pool, steps in measured.sweeps.items():
        slots = knee(steps).slots
        if slots < max(step.slots for step in steps):
            early.append(f"{pool} with {slots} slots")
        else:
            late.append(f"{pool} needed {slots} slots")
    share = f"at least {words.percent(KNEE_SHARE)} of the best throughput"
    most = f"{words.listed(late)}, the most that were tried" if late else ""
    if not early:
        return f"{most}, for {share}"
    return "; ".join([f"{words.listed(early)} already reached {share}", *([most] if late else [])])
