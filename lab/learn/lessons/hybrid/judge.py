"""What the lesson `hybrid` concludes from its trials: tables, claims, verdict; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.format import words
from lab.learn.engine.trials import Trials, fastest
from lab.learn.lessons.hybrid.jobs import COMPUTING, WAITING
from lab.learn.lessons.hybrid.layouts import Layout
from lab.learn.lessons.hybrid.play import MixRuns
from lab.results.lesson import Cell, Claim, Column, Findings, Table

#: The most cores that a process with one GIL may keep busy, including the kernel's work for it.
ONE_CORE: Final = 1.25
#: The fewest cores that two such processes must have work for; one may finish before the other.
MORE_THAN_ONE: Final = 1.3
#: Share of the cores it had work for, below which other programs are said to have used the rest.
GOT: Final = 0.8
#: How many times as long waiting in few slots must take at least; in theory it is 4 or more.
TIMES_LONGER: Final = 2.0


def judge(runs: MixRuns, jobs: int) -> Findings:
    """Conclude from all trials."""
    return Findings(
        tables=(_fastest_table(runs), *(_mix_table(runs, mix, jobs) for mix in runs.mixes)),
        claims=tuple(_claims(runs)),
        verdict=_verdict(runs),
        remarks=tuple(_remarks(runs)),
    )


def _fastest_table(runs: MixRuns) -> Table:
    layouts = runs.layouts
    rows = [
        (
            str(mix),
            _fastest_of(layouts.same_slots, runs.trials[name]),
            _fastest_of(layouts.same_memory, runs.trials[name]),
        )
        for name, mix in runs.mixes.items()
    ]
    return Table(
        title="Fastest layout (several if the differences are within noise)",
        columns=(
            Column(heading="jobs"),
            Column(heading=f"same cores, {layouts.slots} slots each"),
            Column(heading=f"same memory, {words.size(layouts.budget_bytes)}"),
        ),
        rows=tuple(rows),
    )


def _fastest_of(layouts: Sequence[Layout], trials: Mapping[str, Trials]) -> str:
    own = {one.name: trials[one.name] for one in layouts}
    names = fastest(own)
    return "no difference" if len(names) == len(own) else ", ".join(names)


def _mix_table(runs: MixRuns, mix: str, jobs: int) -> Table:
    layouts, trials = runs.layouts, runs.trials[mix]
    rows: list[tuple[Cell, ...]] = [
        (
            one.name,
            trials[one.name].makespan_s,
            jobs / trials[one.name].makespan_s,
            trials[one.name].cores_busy,
            layouts.pss_bytes[one.name],
        )
        for one in layouts.every
    ]
    repeats = len(trials[layouts.few.name].trials)
    return Table(
        title=f"{jobs} jobs, {runs.mixes[mix]}; median of {repeats}",
        columns=(
            Column(heading="layout"),
            Column(heading="time", unit="seconds"),
            Column(heading="jobs", unit="per_s"),
            Column(heading="cores busy", unit="number"),
            Column(heading="memory", unit="bytes"),
        ),
        rows=tuple(rows),
    )


def _claims(runs: MixRuns) -> Iterator[Claim]:
    """Judge only what must be true whatever else the machine does."""
    layouts = runs.layouts
    waiting, computing = runs.trials[WAITING], runs.trials[COMPUTING]
    yield Claim(
        says="one gevent worker per core has at least twice as many slots as prefork in the same "
        "memory",
        holds=2 * layouts.fitting <= layouts.slots,
        seen=f"{layouts.slots} greenlets or {words.pool('prefork', layouts.fitting)} "
        f"in {words.size(layouts.budget_bytes)}",
    )
    few_s = waiting[layouts.few.name].makespan_s
    for other in (layouts.per_core, layouts.threads_inside):
        other_s = waiting[other.name].makespan_s
        yield Claim(
            says=f"{WAITING}, in the same memory: {layouts.few.name} takes at least "
            f"{TIMES_LONGER:g} times as long as {other.name}",
            holds=few_s >= TIMES_LONGER * other_s,
            seen=f"{words.duration(few_s)} against {words.duration(other_s)}",
        )
    for single in (layouts.threads, layouts.gevent):
        busy = computing[single.name].cores_busy
        yield Claim(
            says=f"{COMPUTING}: {single.name}, a single process, keeps no more than one core busy",
            holds=busy <= ONE_CORE,
            seen=f"{busy:.2f} cores",
        )
    wanted = computing[layouts.per_core.name].cores_wanted
    if layouts.cores > 1 and wanted is not None:
        yield Claim(
            says=f"{COMPUTING}: {layouts.per_core.name} can compute on more than one core at once",
            holds=wanted >= MORE_THAN_ONE,
            seen=f"{wanted:.2f} threads running or ready to run on average",
        )


def _remarks(runs: MixRuns) -> Iterator[str]:
    name = runs.layouts.per_core.name
    own = runs.trials[COMPUTING][name]
    if own.cores_wanted is not None and own.cores_busy < GOT * own.cores_wanted:
        yield (
            f"Other programs were using this machine: {name} got {own.cores_busy:.2f} of the "
            f"{own.cores_wanted:.2f} cores that it had work for, so more differences than usual "
            "are lost in the noise."
        )


def _verdict(runs: MixRuns) -> str:
    layouts = runs.layouts
    waiting, computing = runs.trials[WAITING], runs.trials[COMPUTING]

    def took(trials: Mapping[str, Trials], layout: Layout) -> str:
        return words.duration(trials[layout.name].makespan_s)

    return (
        f"Jobs that wait need many slots, and only threads and greenlets make slots cheap: with "
        f"{words.size(layouts.budget_bytes)} of memory, {layouts.per_core.name} took "
        f"{took(waiting, layouts.per_core)} and {layouts.few.name} took "
        f"{took(waiting, layouts.few)}; with a process for each slot "
        f"({layouts.processes.name}), the same number of slots would need "
        f"{words.size(layouts.pss_bytes[layouts.processes.name])}. "
        f"Jobs that compute need a process for each core: {layouts.gevent.name} kept "
        f"{computing[layouts.gevent.name].cores_busy:.2f} of "
        f"{words.counted(layouts.cores, 'core')} busy and took "
        f"{took(computing, layouts.gevent)}, {layouts.per_core.name} kept "
        f"{computing[layouts.per_core.name].cores_busy:.2f} busy and took "
        f"{took(computing, layouts.per_core)}, and {layouts.threads_inside.name} took "
        f"{took(computing, layouts.threads_inside)}."
    )
