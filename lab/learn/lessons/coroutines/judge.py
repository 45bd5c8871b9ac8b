"""The figures of the lesson `coroutines`: who waited for whom, how long, and who was named.

Pure: what was seen goes in, tables, claims and a verdict come out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lab.format import words
from lab.learn.lessons.coroutines.blame import Span
from lab.learn.lessons.coroutines.plays import GREENLETS, IN_TURN, TASKS, Acted
from lab.learn.lessons.coroutines.pulse import Heartbeats
from lab.learn.lessons.coroutines.starving import (
    ASIDE,
    COMPUTES,
    ELSEWHERE,
    EVERY_S,
    GIVES_WAY,
    IN_C,
    PATIENT,
    Found,
    Starved,
)
from lab.results.lesson import Cell, Claim, Column, Findings, Table

#: How much longer than the longer play both may take at the same time.
MARGIN: Final = 1.1
#: What each of the keepers of the turn is in its cured form.
CURED: Final = {GIVES_WAY: COMPUTES, ASIDE: IN_C, ELSEWHERE: COMPUTES}

PLAY_COLUMNS: Final = (
    Column(heading="two plays"),
    Column(heading="time", unit="seconds"),
    Column(heading="of the sum", unit="share"),
    Column(heading="of the longer one", unit="times"),
)
TURN_COLUMNS: Final = (
    Column(heading="meanwhile"),
    Column(heading="for", unit="seconds"),
    Column(heading="longest wait", unit="seconds"),
    Column(heading="slowest ping", unit="seconds"),
    Column(heading="heartbeat late", unit="seconds"),
)
NAMED_COLUMNS: Final = (
    Column(heading="stalled for", unit="seconds"),
    Column(heading="by the gaps"),
    Column(heading="by the watch"),
    Column(heading="looks"),
    Column(heading="found at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was measured."""

    plays: Acted
    starved: Starved
    cured: Starved
    beats: Heartbeats
    found: Sequence[Found]

    @property
    def cures(self) -> list[str]:
        """The cures that were shown."""
        there = {task.label for task in self.cured.ran.tasks}
        return [label for label in CURED if label in there]


def findings(seen: Seen) -> Findings:
    """Conclude from what was seen."""
    return Findings(
        tables=(_plays(seen.plays), _turns(seen), _named(seen)),
        claims=tuple(_claims(seen)),
        verdict=_verdict(seen),
        remarks=() if _late(seen) is not None else (_no_beat(seen),),
    )


def _plays(plays: Acted) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (way, took_s, took_s / plays.sum_s, took_s / plays.maximum_s)
        for way, took_s in plays.took_s.items()
    ]
    alone = " and ".join(words.duration(one) for one in plays.alone_s.values())
    return Table(
        title=f"Two plays that wait, {alone} alone", columns=PLAY_COLUMNS, rows=tuple(rows)
    )


def _turns(seen: Seen) -> Table:
    rows = [_row("nobody else", seen.starved, seen.starved.quiet, seen.beats)]
    rows += [
        _row(label, seen.starved, seen.starved.span(label), seen.beats)
        for label in (COMPUTES, IN_C)
    ]
    rows += [_row(label, seen.cured, seen.cured.span(label), seen.beats) for label in seen.cures]
    title = f"How long neighbours waited that want a turn every {words.duration(EVERY_S)}"
    return Table(title=title, columns=TURN_COLUMNS, rows=tuple(rows))


def _row(label: str, scene: Starved, span: Span, beats: Heartbeats) -> tuple[Cell, ...]:
    late_s = scene.beat_late_s(beats, span)
    return (
        label,
        span.length_s,
        scene.worst_gap_s(span),
        scene.worst_answer_s(span),
        None if late_s is None else max(0.0, late_s),
    )


def _named(seen: Seen) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            one.stall.length_s,
            one.outside or "nobody",
            one.inside or "nobody",
            f"{one.agreeing} of {one.looks}",
            one.line,
        )
        for one in seen.found
    ]
    return Table(
        title="Nobody had a turn: found, and named", columns=NAMED_COLUMNS, rows=tuple(rows)
    )


def _claims(seen: Seen) -> Iterator[Claim]:
    yield from _of_plays(seen.plays)
    for label in (COMPUTES, IN_C):
        span = seen.starved.span(label)
        least_s = seen.starved.least_gap_s(span)
        yield Claim(
            says=f"“{label}” keeps every neighbour from its turn for as long as it takes",
            holds=least_s > 0.8 * span.length_s,
            seen=f"{words.duration(least_s)} of {words.duration(span.length_s)}",
        )
    span = seen.starved.span(COMPUTES)
    answer_s = seen.starved.worst_answer_s(span)
    yield Claim(
        says="nor does the worker answer, though it is well",
        holds=answer_s > span.length_s / 2,
        seen=f"after {words.duration(answer_s)}",
    )
    late_s = _late(seen)
    if late_s is not None:
        yield Claim(
            says="and its heartbeat is late",
            holds=late_s > span.length_s / 5,
            seen=f"{words.duration(late_s)}, due every {words.duration(seen.beats.every_s)}",
        )
    yield from _of_names(seen)
    yield from _of_cures(seen)


def _of_plays(plays: Acted) -> Iterator[Claim]:
    run_trials = plays.took_s[IN_TURN] / plays.sum_s
    yield Claim(
        says="one after the other the plays take the sum",
        holds=1 - 1e-6 <= run_trials < MARGIN,
        seen=f"{run_trials:.2f} of it",
    )
    for way in (GREENLETS, TASKS):
        ratio = plays.took_s[way] / plays.maximum_s
        yield Claim(
            says=f"as {way} they take the maximum",
            holds=ratio < MARGIN,
            seen=f"{ratio:.2f} of it",
        )


def _of_names(seen: Seen) -> Iterator[Claim]:
    outside = [one.outside for one in seen.found if one.outside]
    yield Claim(
        says="their neighbours' gaps name the two that kept the turn, and nobody else",
        holds=outside == [COMPUTES, IN_C],
        seen=", ".join(outside) or "nobody named",
    )
    named = [one for one in seen.found if one.outside]
    yield Claim(
        says="a watch inside the worker finds the same two at work",
        holds=bool(named) and all(one.inside == one.outside and one.line for one in named),
        seen=", ".join(one.inside or "nobody" for one in named) or "nobody named",
    )
    there = seen.starved.task(PATIENT)
    blamed = {one.outside for one in seen.found} | {one.inside for one in seen.found}
    covered = all(
        there.started_s < one.stall.from_s and one.stall.to_s < there.finished_s for one in named
    )
    yield Claim(
        says="the patient one that was there all the time is not blamed",
        holds=covered and PATIENT not in blamed,
        seen=f"{PATIENT}: named {sum(one == PATIENT for one in blamed)} times",
    )


def _of_cures(seen: Seen) -> Iterator[Claim]:
    for cure in seen.cures:
        ill_s = seen.starved.worst_gap_s(seen.starved.span(CURED[cure]))
        well_s = seen.cured.worst_gap_s(seen.cured.span(cure))
        yield Claim(
            says=f"“{cure}” leaves the neighbours their turns",
            holds=well_s < ill_s / 2,
            seen=f"longest wait {words.duration(well_s)}, before {words.duration(ill_s)}",
        )


def _late(seen: Seen) -> float | None:
    return seen.starved.beat_late_s(seen.beats, seen.starved.span(COMPUTES))


def _no_beat(seen: Seen) -> str:
    if not seen.beats.arrived:
        return "No heartbeat of the worker was heard: it may have been told to send none."
    return "No heartbeat was due while the neighbours were starved: nothing is said of it."


def _verdict(seen: Seen) -> str:
    plays, span = seen.plays, seen.starved.span(COMPUTES)
    lines = " and ".join(one.line for one in seen.found if one.outside)
    well_s = max(seen.cured.worst_gap_s(seen.cured.span(cure)) for cure in seen.cures)
    ratio = plays.took_s[GREENLETS] / plays.maximum_s
    return (
        f"Two plays that wait took {words.duration(plays.took_s[IN_TURN])} one after the other and "
        f"{words.duration(plays.took_s[GREENLETS])} as greenlets, {ratio:.2f} times the longer "
        f"alone. A task that did not wait kept all neighbours from their turns for "
        f"{words.duration(seen.starved.worst_gap_s(span))}, and so did one that waited in C; both "
        f"were named, at {lines}, and cured, after which no neighbour waited longer than "
        f"{words.duration(well_s)}."
    )
