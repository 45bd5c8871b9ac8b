"""What the lesson `free-threading` makes of its figures: tables, claims, verdict; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from lab.format import words
from lab.learn.engine.trials import Trial, Trials
from lab.learn.lessons.free_threading.play import Count
from lab.results.lesson import Cell, Claim, Column, Findings, Table
from lab.session.interpreter import Interpreter

#: Cores that threads with the GIL may keep busy: the kernel's work for them comes on top.
ONE_CORE: Final = 1.25
#: Share of their time for which threads may keep each other off without a GIL; 0 in theory.
KEPT_OFF: Final = 0.05
#: Share of their time without a core beyond which makespans tell of others.
SHORT_OF_CORES: Final = 0.15
#: How fast threads without a GIL are at least, as a share of what processes make of the same cores.
#: Not of twice one core: two of them may be the halves of one that runs two threads at a time.
LIKE_PROCESSES: Final = 0.75
#: How many times as much CPU is worth a remark.
DEARER: Final = 1.2
#: What the tasks compute with, where it is a number that all threads share.
SHARED: Final = ", shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that was measured."""

    cores: int
    on: str  # names of the ways: threads with the GIL,
    off: str  # threads without,
    processes: str  # prefork with it
    tried: Mapping[str, Trials]
    bare: Mapping[str, Count]  # by way, of the two with threads
    guarded: Mapping[str, Count]

    def gils(self, way: str) -> list[bool]:
        """Tell for each task whether the GIL was on."""
        return [value["gil"] for trial in self.tried[way].trials for value in trial.values]

    def spent(self, way: str, what: str) -> float:
        """Return the share of the tasks' time that they spent so: "asleep_s" or "queued_s"."""
        return _share(self.tried[way].trials, what)

    def cpu_s(self, way: str) -> float:
        """Return the CPU seconds of all tasks together."""
        return median(trial.cpu_s for trial in self.tried[way].trials)

    @property
    def undisturbed(self) -> list[Trial]:
        """The trials without the GIL whose threads had the cores, chosen by that alone."""
        trials = self.tried[self.off].trials
        return [one for one in trials if _share([one], "queued_s") <= SHORT_OF_CORES]

    @property
    def best_s(self) -> float:
        """The makespan of the quickest of those; needs one."""
        return min(trial.makespan_s for trial in self.undisturbed)

    def as_fast_as(self, way: str) -> float:
        """How many times as fast that was as the quickest of another way."""
        return min(self.tried[way].makespans_s) / self.best_s


def _share(trials: Sequence[Trial], what: str) -> float:
    values = [value for trial in trials for value in trial.values]
    total_s = sum(v["cpu_s"] + v["asleep_s"] + (v["queued_s"] or 0.0) for v in values)
    return float(max(0.0, sum(value[what] or 0.0 for value in values) / total_s))


def concluded(outcome: Outcome, python: Interpreter, tasks: int) -> Findings:
    """Write the tables, the claims and the verdict."""
    return Findings(
        tables=(_computing(outcome, tasks), _counting(outcome)),
        claims=tuple(claims(outcome)),
        verdict=_verdict(outcome),
        remarks=tuple(_remarks(outcome, python)),
    )


def _computing(outcome: Outcome, tasks: int) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            way,
            own.makespan_s,
            outcome.cpu_s(way) / tasks,
            own.cores_busy,
            outcome.spent(way, "asleep_s"),
            outcome.spent(way, "queued_s"),
        )
        for way, own in outcome.tried.items()
    ]
    return Table(
        title=f"{tasks} tasks that compute, the median of {len(outcome.tried[outcome.on].trials)}",
        columns=(
            Column(heading="on"),
            Column(heading="time", unit="seconds"),
            Column(heading="CPU per task", unit="seconds"),
            Column(heading="cores busy", unit="number"),
            Column(heading="waits for each other", unit="share"),
            Column(heading="for a core", unit="share"),
        ),
        rows=tuple(rows),
    )


def _counting(outcome: Outcome) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (f"{way}, {how}", count.of, count.lost, count.rounds, count.makespan_s)
        for how, counts in (("no mutex", outcome.bare), ("mutex", outcome.guarded))
        for way, count in counts.items()
    ]
    return Table(
        title="A counter that all threads take 1 from, without a pause",
        columns=(
            Column(heading="on"),
            Column(heading="updates", unit="count"),
            Column(heading="lost", unit="count"),
            Column(heading="in round", unit="count"),
            Column(heading="time", unit="seconds"),
        ),
        rows=tuple(rows),
    )


def claims(outcome: Outcome) -> Iterator[Claim]:
    """Judge what must be so; how much sooner it ends only where the cores were to be had."""
    on, off = outcome.on, outcome.off
    yield Claim(
        says=f"{off}: the worker, with Celery and redis-py in it, runs without the GIL",
        holds=not any(outcome.gils(off)) and all(outcome.gils(on)),
        seen=f"off in {outcome.gils(off).count(False)} of {len(outcome.gils(off))} tasks",
    )
    busy = outcome.tried[on].cores_busy
    yield Claim(
        says=f"{on}: keeps no more than one core busy",
        holds=busy <= ONE_CORE,
        seen=f"{busy:.2f} cores",
    )
    apart = outcome.spent(off, "asleep_s")
    yield Claim(
        says=f"{off}: no thread is kept off by another",
        holds=apart <= KEPT_OFF,
        seen=f"{words.percent(apart)} of the time, {words.percent(outcome.spent(on, 'asleep_s'))} "
        "with the GIL",
    )
    if outcome.undisturbed:
        faster, share = outcome.as_fast_as(on), outcome.as_fast_as(outcome.processes)
        yield Claim(
            says=f"{off}: faster than the quickest with the GIL",
            holds=faster > 1,
            seen=f"{words.times(faster)}, where it had the cores: "
            f"{len(outcome.undisturbed)} of {len(outcome.tried[off].trials)} trials",
        )
        yield Claim(
            says=f"{off}: at least {LIKE_PROCESSES:g} times as fast as {outcome.processes}",
            holds=share >= LIKE_PROCESSES,
            seen=f"{words.times(share)}, the quickest of each",
        )
    bare, guarded = outcome.bare[off], outcome.guarded[off]
    yield Claim(
        says="without the GIL a counter loses updates even without a pause",
        holds=bare.lost > 0,
        seen=f"{words.count(bare.lost)} of {words.count(bare.of)} lost in round {bare.rounds}",
    )
    yield Claim(
        says="without the GIL a mutex around each update loses none",
        holds=guarded.lost == 0,
        seen=f"{words.count(guarded.lost)} of {words.count(guarded.of)} lost",
    )


def _verdict(outcome: Outcome) -> str:
    tried, on, off = outcome.tried, outcome.on, outcome.off
    bare = outcome.bare
    return (
        f"Without the GIL {words.pool('threads', outcome.cores)} kept {tried[off].cores_busy:.2f} "
        f"cores busy instead of {tried[on].cores_busy:.2f} and took "
        f"{words.duration(tried[off].makespan_s)} instead of "
        f"{words.duration(tried[on].makespan_s)}, where {outcome.processes} took "
        f"{words.duration(tried[outcome.processes].makespan_s)}. What the GIL hid "
        f"shows then: a counter without a mutex lost {words.count(bare[off].lost)} of "
        f"{words.count(bare[off].of)} updates, with the GIL {words.count(bare[on].lost)}."
    )


def _remarks(outcome: Outcome, python: Interpreter) -> Iterator[str]:
    if not outcome.undisturbed:
        yield (
            "Others on this machine kept the threads without the GIL off the cores for "
            f"{words.percent(outcome.spent(outcome.off, 'queued_s'))} of the time, and never for "
            f"less than {words.percent(SHORT_OF_CORES)}: how much sooner is not judged."
        )
    shared, own = outcome.cpu_s(outcome.off + SHARED), outcome.cpu_s(outcome.off)
    if shared > DEARER * own:
        yield (
            f"A number that all threads use, 1,000,003 in cpu.burn, cost "
            f"{words.times(shared / own)} the CPU without the GIL: threads count references to the "
            "same object, which then travels between the cores; small numbers need no count."
        )
    yield (
        f"All of it on Python {python.version}, {python.path}. Left to itself it "
        + ("keeps" if python.stays_off else "does not keep")
        + " the GIL off with Celery and redis-py imported; an extension module that is not made "
        "for that turns it on again."
    )
