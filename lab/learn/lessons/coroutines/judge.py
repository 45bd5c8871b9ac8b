"""What the lesson `coroutines` concludes: who blocked whom, for how long, who was blamed; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lab.format import words
from lab.learn.lessons.coroutines.neighbours import (
    COMPUTES,
    IN_C,
    IN_PROCESS,
    IN_THREAD,
    PATIENT,
    YIELDS,
    NamedStall,
    NeighbourRun,
    named_stalls,
)
from lab.learn.lessons.coroutines.play import GreenletRuns
from lab.learn.lessons.coroutines.tables import NO_TASK, stall_table, turn_table, wait_table
from lab.learn.lessons.coroutines.two_waits import GREENLETS, IN_TURN, TASKS, WaitTimes
from lab.results.lesson import Claim, Findings

#: How much longer than the longer wait both may take at the same time.
MARGIN: Final = 1.1
#: The blocking task that each fixed one replaces.
FIXES: Final = {YIELDS: COMPUTES, IN_THREAD: IN_C, IN_PROCESS: COMPUTES}


def judge(runs: GreenletRuns) -> Findings:
    """Conclude from all runs."""
    stalls, fixes = named_stalls(runs.blocked), _fixes(runs.fixed)
    return Findings(
        tables=(wait_table(runs.waits), turn_table(runs, fixes), stall_table(stalls)),
        claims=(
            *_wait_claims(runs.waits),
            *_blocking_claims(runs),
            *_naming_claims(runs.blocked, stalls),
            *_fix_claims(runs, fixes),
        ),
        verdict=_verdict(runs, stalls, fixes),
        remarks=() if _late_s(runs) is not None else (_no_heartbeat(runs),),
    )


def _fixes(fixed: NeighbourRun) -> list[str]:
    """Return the fixes that were shown; without a prefork worker there is one fewer."""
    labels = {task.label for task in fixed.ran.tasks}
    return [label for label in FIXES if label in labels]


def _wait_claims(waits: WaitTimes) -> Iterator[Claim]:
    in_turn = waits.both_s[IN_TURN] / waits.sum_s
    yield Claim(
        says="one after the other, the waits take as long as their sum",
        holds=1 - 1e-6 <= in_turn < MARGIN,
        seen=f"{words.times(in_turn)} the sum",
    )
    for way in (GREENLETS, TASKS):
        ratio = waits.both_s[way] / waits.longer_s
        yield Claim(
            says=f"as {way}, they take as long as the longer one",
            holds=ratio < MARGIN,
            seen=f"{words.times(ratio)} the longer one",
        )


def _blocking_claims(runs: GreenletRuns) -> Iterator[Claim]:
    for label in (COMPUTES, IN_C):
        span = runs.blocked.span(label)
        gap_s = runs.blocked.least_longest_gap_s(span)
        yield Claim(
            says=f"“{label}” blocks every ticker for as long as it runs",
            holds=gap_s > 0.8 * span.length_s,
            seen=f"no tick for {words.duration(gap_s)}, while it ran for "
            f"{words.duration(span.length_s)}",
        )
    span = runs.blocked.span(COMPUTES)
    ping_s = runs.blocked.slowest_ping_s(span)
    yield Claim(
        says="meanwhile the worker does not answer pings, although nothing is wrong with it",
        holds=ping_s > span.length_s / 2,
        seen=f"answered only after {words.duration(ping_s)}",
    )
    late_s = _late_s(runs)
    if late_s is not None:
        yield Claim(
            says="its heartbeat is late, too",
            holds=late_s > span.length_s / 5,
            seen=f"{words.duration(late_s)} late, due every {words.duration(runs.beats.every_s)}",
        )


def _naming_claims(blocked: NeighbourRun, stalls: Sequence[NamedStall]) -> Iterator[Claim]:
    by_gaps = [one.by_gaps for one in stalls if one.by_gaps]
    yield Claim(
        says="the gaps between ticks point to these two tasks and to no other",
        holds=by_gaps == [COMPUTES, IN_C],
        seen=", ".join(by_gaps) or NO_TASK,
    )
    blamed = [one for one in stalls if one.by_gaps]
    yield Claim(
        says="a watcher inside the worker sees the same two tasks running",
        holds=[one.by_watch for one in blamed] == [COMPUTES, IN_C]
        and all(one.by_watch == one.by_gaps and one.line for one in blamed),
        seen=", ".join(one.by_watch or NO_TASK for one in blamed) or NO_TASK,
    )
    patient = blocked.task(PATIENT)
    named = [who for one in stalls for who in (one.by_gaps, one.by_watch)]
    covered = all(
        patient.started_s < one.span.from_s and one.span.to_s < patient.finished_s for one in blamed
    )
    yield Claim(
        says=f"the task “{PATIENT}”, which only waited, is not blamed",
        holds=bool(blamed) and covered and PATIENT not in named,
        seen=f"blamed {words.counted(named.count(PATIENT), 'time')}" if blamed else NO_TASK,
    )


def _fix_claims(runs: GreenletRuns, fixes: Sequence[str]) -> Iterator[Claim]:
    for fix in fixes:
        blocked_s = runs.blocked.longest_gap_s(runs.blocked.span(FIXES[fix]))
        fixed_s = runs.fixed.longest_gap_s(runs.fixed.span(fix))
        yield Claim(
            says=f"“{fix}” lets the tickers run",
            holds=fixed_s < blocked_s / 2,
            seen=f"longest wait {words.duration(fixed_s)} instead of {words.duration(blocked_s)}",
        )


def _late_s(runs: GreenletRuns) -> float | None:
    return runs.blocked.heartbeat_late_s(runs.beats, runs.blocked.span(COMPUTES))


def _no_heartbeat(runs: GreenletRuns) -> str:
    if not runs.beats.arrived:
        return (
            "No heartbeat arrived, so nothing is claimed about heartbeats: the worker may run "
            "with --without-heartbeat."
        )
    return (
        "No heartbeat was due while the tickers were blocked, so nothing is claimed about "
        "heartbeats."
    )


def _found(lines: Sequence[str]) -> str:
    lead = {
        0: "The lesson found neither line",
        1: "The lesson found only one of the two lines: ",
        2: "The lesson found both lines: ",
    }
    named = words.listed(lines) if lines else ""
    return f"{lead.get(len(lines), 'The lesson found these lines: ')}{named}"


def _verdict(runs: GreenletRuns, stalls: Sequence[NamedStall], fixes: Sequence[str]) -> str:
    waits = runs.waits
    computing, in_c = (
        words.duration(runs.blocked.least_longest_gap_s(runs.blocked.span(task)))
        for task in (COMPUTES, IN_C)
    )
    fixed_s = max(runs.fixed.longest_gap_s(runs.fixed.span(fix)) for fix in fixes)
    found = _found([one.line for one in stalls if one.by_gaps and one.line])
    return (
        f"Two waits took {words.duration(waits.both_s[IN_TURN])} one after the other. As "
        f"greenlets they took {words.duration(waits.both_s[GREENLETS])}, "
        f"{waits.both_s[GREENLETS] / waits.longer_s:.2f} times as long as the longer one alone. A "
        f"task that computes blocked all others for {computing}; one that waits in C blocked "
        f"them for {in_c}. {found}. Once both tasks were fixed, no task waited longer than "
        f"{words.duration(fixed_s)}."
    )
