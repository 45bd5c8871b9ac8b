"""What the lesson `hybrid` makes of its figures: tables, claims, verdict; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.format import words
from lab.learn.engine.trials import Trials, fastest
from lab.learn.lessons.hybrid.play import Cast, Mix
from lab.results.lesson import Cell, Claim, Column, Findings, Table

WAITING, BOTH, COMPUTING = "mostly waiting", "some of both", "mostly computing"
#: Cores that a process with one GIL may keep busy: the kernel's work for it comes on top.
ONE_CORE: Final = 1.25
#: Cores that two such processes want at least, of 2, while one of them may end before the other.
MORE_THAN_ONE: Final = 1.3
#: Share of the cores that it has work for, below which others are said to have had the rest.
GOT: Final = 0.8
#: How many times longer waiting in few slots has to take at least, of the 4 or more that it should.
TIMES_LONGER: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What all contestants took for each mix."""

    cast: Cast
    mixes: Mapping[str, Mix]
    tried: Mapping[str, Mapping[str, Trials]]  # by mix, by contestant

    def at_equal_cores(self, mix: str) -> tuple[str, ...]:
        """Name the quickest of those with the same number of slots, whatever their memory."""
        return fastest({m.name: self.tried[mix][m.name] for m in self.cast.same_slots})

    def at_equal_memory(self, mix: str) -> tuple[str, ...]:
        """Name the quickest of those that fit into the budget."""
        return fastest({m.name: self.tried[mix][m.name] for m in self.cast.same_memory})


def concluded(outcome: Outcome, works: int) -> Findings:
    """Write the tables, the claims and the verdict."""
    return Findings(
        tables=(_winners(outcome), *(_figures(outcome, mix, works) for mix in outcome.mixes)),
        claims=tuple(claims(outcome)),
        verdict=_verdict(outcome),
        remarks=tuple(_remarks(outcome)),
    )


def _winners(outcome: Outcome) -> Table:
    cast = outcome.cast
    slots, memory = ([one.name for one in who] for who in (cast.same_slots, cast.same_memory))
    rows = [
        (
            str(mix),
            named(outcome.at_equal_cores(name), slots),
            named(outcome.at_equal_memory(name), memory),
        )
        for name, mix in outcome.mixes.items()
    ]
    return Table(
        title="Quickest; where several are named, they differ by no more than the noise",
        columns=(
            Column(heading="a work"),
            Column(heading=f"at equal cores, {cast.slots} slots"),
            Column(heading=f"at equal memory, {words.size(cast.budget_bytes)}"),
        ),
        rows=tuple(rows),
    )


def named(fastest: Sequence[str], everyone: Sequence[str]) -> str:
    """Name the quickest, or the others where that is shorter."""
    others = [name for name in everyone if name not in fastest]
    if not others:
        return "no difference"
    if len(others) < len(fastest):
        return f"all but {', '.join(others)}"
    return ", ".join(fastest)


def _figures(outcome: Outcome, mix: str, works: int) -> Table:
    cast, tried = outcome.cast, outcome.tried[mix]
    rows: list[tuple[Cell, ...]] = [
        (
            one.name,
            tried[one.name].makespan_s,
            works / tried[one.name].makespan_s,
            tried[one.name].cores_busy,
            cast.pss_bytes[one.name],
        )
        for one in cast.members
    ]
    trials = len(tried[cast.few.name].trials)
    return Table(
        title=f"{works} works, {outcome.mixes[mix]}; the median of {trials}",
        columns=(
            Column(heading="on"),
            Column(heading="time", unit="seconds"),
            Column(heading="works", unit="per_s"),
            Column(heading="cores busy", unit="number"),
            Column(heading="memory", unit="bytes"),
        ),
        rows=tuple(rows),
    )


def claims(outcome: Outcome) -> Iterator[Claim]:
    """Judge what must be so, whoever else uses the machine meanwhile."""
    cast = outcome.cast
    waiting, computing = outcome.tried[WAITING], outcome.tried[COMPUTING]
    yield Claim(
        says="the memory of one gevent worker per core holds less than half as many processes "
        "as it holds greenlets",
        holds=2 * cast.fitting <= cast.slots,
        seen=f"{cast.slots} greenlets or {cast.fitting} processes "
        f"in {words.size(cast.budget_bytes)}",
    )
    alone = waiting[cast.few.name].makespan_s
    for quick in (cast.per_core, cast.threads_inside):
        yield Claim(
            says=f"{WAITING}, in that memory: {cast.few.name} takes at least "
            f"{TIMES_LONGER:g} times as long as {quick.name}",
            holds=alone >= TIMES_LONGER * waiting[quick.name].makespan_s,
            seen=f"{words.duration(alone)} against "
            f"{words.duration(waiting[quick.name].makespan_s)}",
        )
    for single in (cast.threads, cast.gevent):
        busy = computing[single.name].cores_busy
        yield Claim(
            says=f"{COMPUTING}: {single.name}, a single process, keeps no more than one core busy",
            holds=busy <= ONE_CORE,
            seen=f"{busy:.2f} cores",
        )
    wanted = computing[cast.per_core.name].cores_wanted
    if cast.cores > 1 and wanted is not None:
        yield Claim(
            says=f"{COMPUTING}: {cast.per_core.name} would compute on more than one core at once",
            holds=wanted >= MORE_THAN_ONE,
            seen=f"{wanted:.2f} cores' worth running or ready to run",
        )


def _remarks(outcome: Outcome) -> Iterator[str]:
    own = outcome.tried[COMPUTING][outcome.cast.per_core.name]
    if own.cores_wanted is not None and own.cores_busy < GOT * own.cores_wanted:
        yield (
            f"Others used this machine meanwhile: {outcome.cast.per_core.name} got "
            f"{own.cores_busy:.2f} of the {own.cores_wanted:.2f} cores that it had work for, so "
            "that more of the differences than usual are lost in noise."
        )


def _verdict(outcome: Outcome) -> str:
    cast = outcome.cast
    waiting, computing = outcome.tried[WAITING], outcome.tried[COMPUTING]

    def took(tried: Mapping[str, Trials], name: str) -> str:
        return words.duration(tried[name].makespan_s)

    return (
        f"Work that waits wants many slots, and those are cheap inside a process only: in "
        f"{words.size(cast.budget_bytes)} {cast.per_core.name} took "
        f"{took(waiting, cast.per_core.name)} and {cast.few.name} "
        f"{took(waiting, cast.few.name)}, and to keep up {cast.processes.name} took "
        f"{words.size(cast.pss_bytes[cast.processes.name])}. "
        f"Work that computes wants processes for the cores: {cast.gevent.name} kept "
        f"{computing[cast.gevent.name].cores_busy:.2f} of {cast.cores} cores busy and took "
        f"{took(computing, cast.gevent.name)}, {cast.per_core.name} kept "
        f"{computing[cast.per_core.name].cores_busy:.2f} and took "
        f"{took(computing, cast.per_core.name)}, {cast.threads_inside.name} "
        f"{took(computing, cast.threads_inside.name)}."
    )
