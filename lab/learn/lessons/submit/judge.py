"""The figures of the lesson `submit`: who waited how long, and who was called back where.

Pure: what was seen goes in, tables, claims and a verdict come out.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from lab.format import words
from lab.learn.engine.scene_run import TaskRun
from lab.learn.lessons.submit.submitted import (
    BODY,
    CALLBACK,
    ERRBACK,
    Asked,
    Way,
    in_slot_of_failed,
    most_at_once,
    tasks_of,
)
from lab.results.lesson import Cell, Claim, Column, Findings, Table

COLUMNS: Final = (
    Column(heading="submitted"),
    Column(heading="to submit", unit="seconds"),
    Column(heading="first result", unit="seconds"),
    Column(heading="last result", unit="seconds"),
    Column(heading="submitter blocked", unit="seconds"),
    Column(heading="result taken up in"),
)
WHO_COLUMNS: Final = (
    Column(heading="called"),
    Column(heading="times", unit="count"),
    Column(heading="by"),
    Column(heading="runs in"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All ways by name, and how often each could have been at work at once."""

    asked: Asked
    ways: dict[str, Way]
    slots: int
    here: tuple[int, int]  # pids: where a pool of concurrent.futures worked, and called back

    @property
    def waves(self) -> int:
        """How often all slots are needed for all tasks."""
        return -(-self.asked.tasks // self.slots)


def findings(seen: Seen) -> Findings:
    """Conclude from what was seen."""
    return Findings(
        tables=(_times(seen), _whereabouts(seen)),
        claims=tuple(_claims(seen)),
        verdict=_verdict(seen),
    )


def _times(seen: Seen) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            way.name,
            way.submitted_s,
            min(way.taken_s),
            max(way.taken_s),
            way.blocked_s,
            _taker(seen, way),
        )
        for way in seen.ways.values()
    ]
    a, pause_s = seen.asked, seen.asked.pause_s
    title = f"{a.tasks} tasks of {words.duration(pause_s)} on {a.worker.node}, {seen.slots} slots"
    return Table(title=title, columns=COLUMNS, rows=tuple(rows))


def _taker(seen: Seen, way: Way) -> str:
    if way.name == "chord":
        return f"{seen.asked.collector.node}, then lab"
    return seen.asked.collector.node if tasks_of(way, CALLBACK) else "lab"


def _whereabouts(seen: Seen) -> Table:
    linked, failing, chord = (seen.ways[n] for n in ("link", "link, link_error", "chord"))
    as_task, worker = "sent as a task when the task ends", seen.asked.worker.node
    rows: list[tuple[Cell, ...]] = [
        ("link", len(tasks_of(linked, CALLBACK)), as_task, _nodes(tasks_of(linked, CALLBACK))),
        (
            "link_error(task_id)",
            len(tasks_of(failing, ERRBACK)),
            "sent as a task when the task fails",
            _nodes(tasks_of(failing, ERRBACK)),
        ),
        (
            "link_error(request, exc, traceback)",
            len(failing.marks),
            "called by the slot whose task failed",
            worker,
        ),
        ("chord body", len(tasks_of(chord, BODY)), "sent as a task by the last to end",
         _nodes(tasks_of(chord, BODY))),
        ("add_done_callback", 1, "called by concurrent.futures", f"lab, pid {seen.here[1]}"),
    ]  # fmt: skip
    title = f"Who was called back, and where (lab is pid {os.getpid()})"
    return Table(title=title, columns=WHO_COLUMNS, rows=tuple(rows))


def _nodes(called: Sequence[TaskRun]) -> str:
    return ", ".join(f"{node} {slots}" for node, slots in _slots(called).items()) or "nowhere"


def _slots(called: Sequence[TaskRun]) -> dict[str, str]:
    """Count, for each worker, the slots that were used."""
    used: dict[str, set[str]] = {}
    for task in called:
        used.setdefault(task.node, set()).add(task.slot)
    return {node: f"({len(own)} slot{'s' * (len(own) > 1)})" for node, own in used.items()}


def _claims(seen: Seen) -> Iterator[Claim]:
    tasks = seen.asked.tasks
    yield from _of_time(seen)
    yield from _of_place(seen)
    values = seen.ways["group"].values
    yield Claim(
        says="a group hands over all results at once, in the order of submission",
        holds=values == list(range(tasks)),
        seen=", ".join(map(str, values)),
    )
    chord = seen.ways["chord"]
    bodies = len(tasks_of(chord, BODY))
    yield Claim(
        says="a chord's body runs once, in a worker, with all results",
        holds=bodies == 1 and sorted(chord.values) == list(range(tasks)),
        seen=f"ran {_times_word(bodies)} with {len(chord.values)} results",
    )


def _of_time(seen: Seen) -> Iterator[Claim]:
    alone, later = seen.ways["one by one"], seen.ways["collect later"]
    busy = most_at_once(alone.ran.tasks)
    yield Claim(
        says="whoever waits for each result has one task at work at a time",
        holds=busy == 1,
        seen=f"never more than {busy} of {seen.slots} slots",
    )
    blocked = alone.blocked_s / max(alone.taken_s)
    yield Claim(
        says="and stands still most of the time",
        holds=blocked > 0.6,
        seen=words.percent(blocked),
    )
    # Of all the ways that do not wait: a moment in which the machine stood still spoils one.
    others_s = median(way.submitted_s for way in seen.ways.values() if way is not alone)
    yield Claim(
        says="submitting without waiting is over in a small part of the time",
        holds=alone.submitted_s > 3 * others_s,
        seen=f"{words.duration(others_s)}, the median of those ways, against "
        f"{words.duration(alone.submitted_s)}",
    )
    if seen.waves * 3 <= seen.asked.tasks:
        faster = max(alone.taken_s) / max(later.taken_s)
        yield Claim(
            says="the last result is there sooner when the slots work side by side",
            holds=faster > seen.asked.tasks / seen.waves / 3,
            seen=f"{words.times(faster)} sooner, of {seen.asked.tasks / seen.waves:g} possible",
        )


def _of_place(seen: Seen) -> Iterator[Claim]:
    here, there = [socket.gethostname(), os.getpid()], seen.asked.collector.node
    linked, failing = seen.ways["link"], seen.ways["link, link_error"]
    calls = tasks_of(linked, CALLBACK)
    away = [task for task in calls if task.node == there and task.value[1:] != here]
    yield Claim(
        says="each callback of link runs in a slot of a worker, none in the submitter",
        holds=len(away) == seen.asked.tasks and sorted(linked.values) == [*range(seen.asked.tasks)],
        seen=f"{len(away)} of {seen.asked.tasks} in {there}",
    )
    yield Claim(
        says="add_done_callback of concurrent.futures runs in the submitter",
        holds=seen.here[1] == os.getpid() != seen.here[0],
        seen=f"pid {seen.here[1]}, the work in pid {seen.here[0]}",
    )
    failed = [task.task_id for task in failing.ran.tasks if task.error]
    told = [task.value[0] for task in tasks_of(failing, ERRBACK)]
    fine = seen.asked.tasks - len(failed)
    yield Claim(
        says="only what fails calls link_error, and only what succeeds calls link",
        holds=sorted(told) == sorted(failed) != [] and len(tasks_of(failing, CALLBACK)) == fine,
        seen=f"{len(failed)} failed, {len(told)} errbacks; {fine} did not, "
        f"{len(tasks_of(failing, CALLBACK))} callbacks",
    )
    same = in_slot_of_failed(failing)
    yield Claim(
        says="an errback that takes the exception is called in the slot whose task failed",
        holds=same == len(failed) == len(failing.marks),
        seen=f"{same} of {len(failed)}",
    )


def _times_word(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _verdict(seen: Seen) -> str:
    alone, later, linked = (seen.ways[n] for n in ("one by one", "collect later", "link"))
    tasks = seen.asked.tasks
    return (
        f"Waiting for each of {tasks} results took {words.duration(max(alone.taken_s))} with the "
        f"submitter blocked for {words.percent(alone.blocked_s / max(alone.taken_s))} of it; "
        f"submitting all first took {words.duration(later.submitted_s)}, and the last result was "
        f"there after {words.duration(max(later.taken_s))}. With link the submitter was blocked "
        f"for {words.duration(linked.blocked_s)}: all {len(tasks_of(linked, CALLBACK))} callbacks "
        f"ran in {seen.asked.collector.node}, none in the process that had asked for them."
    )
