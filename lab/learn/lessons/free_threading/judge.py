"""What the lesson `free-threading` concludes: tables, claims, verdict; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lab.format import words
from lab.learn.lessons.free_threading.comparison import (
    SHARED,
    SHORT_OF_CORES,
    CountDown,
    GilComparison,
)
from lab.results.lesson import Cell, Claim, Column, Findings, Table
from lab.session.interpreter import Interpreter

#: The most cores that threads with the GIL may keep busy, including the kernel's work for them.
ONE_CORE: Final = 1.25
#: Share of their time that threads without the GIL may wait for each other; 0 in theory.
LITTLE_WAITING: Final = 0.05
#: How fast threads without the GIL must be, compared with processes on the same cores. Not compared
#: with one core: two cores may be hyperthreads of a single one.
AS_FAST_AS_PROCESSES: Final = 0.75
#: How many times the CPU time of shared numbers must be to be worth a remark.
REMARKABLE: Final = 1.2


def judge(runs: GilComparison, python: Interpreter) -> Findings:
    """Conclude from all that was measured."""
    return Findings(
        tables=(_computing_table(runs), _counting_table(runs)),
        claims=(*_computing_claims(runs), *_counting_claims(runs)),
        verdict=_verdict(runs),
        remarks=tuple(_remarks(runs, python)),
    )


def _computing_table(runs: GilComparison) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            variant,
            own.makespan_s,
            runs.cpu_s(variant) / runs.tasks,
            own.cores_busy,
            runs.share(variant, "asleep_s"),
            runs.share(variant, "queued_s"),
        )
        for variant, own in runs.trials.items()
    ]
    repeats = len(runs.trials[runs.on].trials)
    return Table(
        title=f"{runs.tasks} tasks that compute, median of {repeats}",
        columns=(
            Column(heading="worker"),
            Column(heading="time", unit="seconds"),
            Column(heading="CPU per task", unit="seconds"),
            Column(heading="cores busy", unit="number"),
            Column(heading="waits for threads", unit="share"),
            Column(heading="waits for a core", unit="share"),
        ),
        rows=tuple(rows),
    )


def _counting_table(runs: GilComparison) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (f"{variant}, {how}", count.of, count.lost, count.rounds, count.makespan_s)
        for how, counts in (("no mutex", runs.bare), ("mutex", runs.guarded))
        for variant, count in counts.items()
    ]
    return Table(
        title="A counter that all threads decrement, without a pause",
        columns=(
            Column(heading="worker"),
            Column(heading="updates", unit="count"),
            Column(heading="lost", unit="count"),
            Column(heading="rounds", unit="count"),
            Column(heading="time", unit="seconds"),
        ),
        rows=tuple(rows),
    )


def _computing_claims(runs: GilComparison) -> Iterator[Claim]:
    """Judge what must be true; judge speed only if the threads had the cores to themselves."""
    on, off = runs.on, runs.off
    off_states = runs.gil_states(off)
    yield Claim(
        says=f"{off}: the worker runs without the GIL, with Celery and redis-py imported",
        holds=not any(off_states) and all(runs.gil_states(on)),
        seen=f"off in {off_states.count(False)} of {len(off_states)} tasks",
    )
    busy = runs.trials[on].cores_busy
    yield Claim(
        says=f"{on}: keeps no more than one core busy",
        holds=busy <= ONE_CORE,
        seen=f"{busy:.2f} cores",
    )
    waiting, with_gil = runs.share(off, "asleep_s"), runs.share(on, "asleep_s")
    if waiting is not None and with_gil is not None:
        yield Claim(
            says=f"{off}: no thread waits for another",
            holds=waiting <= LITTLE_WAITING,
            seen=f"{words.percent(waiting)} of the time, {words.percent(with_gil)} with the GIL",
        )
    if runs.undisturbed:
        speed_up, relative = runs.speed_up(on), runs.speed_up(runs.processes)
        yield Claim(
            says=f"{off}: faster than the fastest trial with the GIL",
            holds=speed_up > 1,
            seen=f"{words.times(speed_up)}; {len(runs.undisturbed)} of "
            f"{words.counted(len(runs.trials[off].trials), 'trial')} had the cores to themselves",
        )
        yield Claim(
            says=f"{off}: at least {AS_FAST_AS_PROCESSES:g} times as fast as {runs.processes}",
            holds=relative >= AS_FAST_AS_PROCESSES,
            seen=f"{words.times(relative)}, fastest trials compared",
        )


def _counting_claims(runs: GilComparison) -> Iterator[Claim]:
    bare, guarded = runs.bare[runs.off], runs.guarded[runs.off]
    yield Claim(
        says="without the GIL, a counter loses updates even without a pause",
        holds=bare.lost > 0,
        seen=f"{words.count(bare.lost)} of {words.count(bare.of)} lost in round {bare.rounds}"
        if bare.lost
        else f"none of {words.count(bare.of)} lost in any of {words.counted(bare.rounds, 'round')}",
    )
    yield Claim(
        says="without the GIL, a mutex around each update prevents that",
        holds=guarded.lost == 0,
        seen=f"{words.count(guarded.lost)} of {words.count(guarded.of)} lost",
    )


def _verdict(runs: GilComparison) -> str:
    trials, on, off = runs.trials, runs.on, runs.off
    bare = runs.bare
    return (
        f"Without the GIL, {words.pool('threads', runs.cores)} kept {trials[off].cores_busy:.2f} "
        f"cores busy instead of {trials[on].cores_busy:.2f} and took "
        f"{words.duration(trials[off].makespan_s)} instead of "
        f"{words.duration(trials[on].makespan_s)}; {words.pool('prefork', runs.cores)} with the "
        f"GIL took {words.duration(trials[runs.processes].makespan_s)}. "
        f"{_race(bare[off], bare[on])}"
    )


def _race(without: CountDown, with_gil: CountDown) -> str:
    if not without.lost:
        return "A counter without a mutex lost no update this time, which was luck."
    hidden = "" if with_gil.lost else " that the GIL had hidden"
    return (
        f"But race conditions{hidden} now show: a counter without a mutex lost "
        f"{words.count(without.lost)} of {words.count(without.of)} updates, and "
        f"{words.count(with_gil.lost)} with the GIL."
    )


def _remarks(runs: GilComparison, python: Interpreter) -> Iterator[str]:
    queued = runs.share(runs.off, "queued_s")
    if queued is None:
        yield (
            "The kernel does not report how long a thread waits for a core, so neither the speed "
            "of the threads without the GIL nor their waiting is judged."
        )
    elif not runs.undisturbed:
        yield (
            "Other programs kept the threads without the GIL waiting for a core: for "
            f"{words.percent(queued)} of the time over all trials, and for more than "
            f"{words.percent(SHORT_OF_CORES)} in each. So their speed is not judged."
        )
    shared_s, own_s = runs.cpu_s(runs.off + SHARED), runs.cpu_s(runs.off)
    if shared_s > REMARKABLE * own_s:
        yield (
            "Without the GIL, tasks that all use the same number object (1,000,003 in cpu.burn) "
            f"took {words.times(shared_s / own_s)} the CPU time of tasks that use only small "
            "integers: every use of a shared object changes its reference count, so its memory "
            "moves from core to core. The reference count of small integers never changes."
        )
    keeps = "stays off" if python.stays_off else "comes back on"
    yield (
        f"All of this ran on Python {python.version}, {python.path}. The lesson turned its GIL on "
        f"and off (PYTHON_GIL=1 and 0). If PYTHON_GIL is not set, the GIL {keeps} when Celery and "
        "redis-py are imported; an extension module that does not support running without the GIL "
        "turns it on again."
    )
