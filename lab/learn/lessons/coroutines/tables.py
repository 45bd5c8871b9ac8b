"""The tables of the lesson `coroutines`; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lab.format import words
from lab.learn.lessons.coroutines.heartbeats import Heartbeats
from lab.learn.lessons.coroutines.neighbours import (
    COMPUTES,
    EVERY_S,
    IN_C,
    NamedStall,
    NeighbourRun,
)
from lab.learn.lessons.coroutines.play import GreenletRuns
from lab.learn.lessons.coroutines.stalls import TimeRange
from lab.learn.lessons.coroutines.two_waits import WaitTimes
from lab.results.lesson import Cell, Column, Table

#: What a cell shows if no task was named.
NO_TASK: Final = "no task"
WAIT_COLUMNS: Final = (
    Column(heading="how they ran"),
    Column(heading="time", unit="seconds"),
    Column(heading="of the sum", unit="share"),
    Column(heading="of the longer one", unit="times"),
)
TURN_COLUMNS: Final = (
    Column(heading="what ran meanwhile"),
    Column(heading="ran for", unit="seconds"),
    Column(heading="longest wait", unit="seconds"),
    Column(heading="slowest ping", unit="seconds"),
    Column(heading="heartbeat late by", unit="seconds"),
)
STALL_COLUMNS: Final = (
    Column(heading="stall", unit="seconds"),
    Column(heading="blamed by the tick gaps"),
    Column(heading="by the watcher"),
    Column(heading="samples"),
    Column(heading="line"),
)


def wait_table(waits: WaitTimes) -> Table:
    """Compare the ways to run the two waits."""
    rows: list[tuple[Cell, ...]] = [
        (way, both_s, both_s / waits.sum_s, both_s / waits.longer_s)
        for way, both_s in waits.both_s.items()
    ]
    lengths = " and ".join(words.duration(one) for one in waits.alone_s.values())
    return Table(title=f"Two waits of {lengths}", columns=WAIT_COLUMNS, rows=tuple(rows))


def turn_table(runs: GreenletRuns, fixes: Sequence[str]) -> Table:
    """Show how long the tickers, pings and heartbeats waited, and next to which task."""
    rows = [_turn_row("no other task", runs.blocked, runs.blocked.quiet, runs.beats)]
    rows += [
        _turn_row(label, runs.blocked, runs.blocked.span(label), runs.beats)
        for label in (COMPUTES, IN_C)
    ]
    rows += [_turn_row(label, runs.fixed, runs.fixed.span(label), runs.beats) for label in fixes]
    title = f"How long a task that should run every {words.duration(EVERY_S)} had to wait"
    return Table(title=title, columns=TURN_COLUMNS, rows=tuple(rows))


def _turn_row(
    label: str, run: NeighbourRun, span: TimeRange, beats: Heartbeats
) -> tuple[Cell, ...]:
    late_s = run.heartbeat_late_s(beats, span)
    return (
        label,
        span.length_s,
        run.longest_gap_s(span),
        run.slowest_ping_s(span),
        None if late_s is None else max(0.0, late_s),
    )


def stall_table(stalls: Sequence[NamedStall]) -> Table:
    """Show each stall, and the task and line that caused it."""
    rows: list[tuple[Cell, ...]] = [
        (
            one.span.length_s,
            one.by_gaps or NO_TASK,
            one.by_watch or NO_TASK,
            f"{one.agreeing} of {one.samples}",
            one.line,
        )
        for one in stalls
    ]
    title = "Stalls, in which no ticker ran, and the task to blame"
    return Table(title=title, columns=STALL_COLUMNS, rows=tuple(rows))
