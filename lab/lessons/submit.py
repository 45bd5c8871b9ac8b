"""Submitting: who waits for a result, and in whose process a callback runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.lessons.submitting import (
    BODY,
    CALLBACK,
    ERRBACK,
    SUBMITS,
    WAYS,
    Asked,
    Way,
    called_back_here,
    warm_up,
)
from lab.report import words
from lab.teaching.lesson import Dial, Lesson, Question
from lab.teaching.play import Act
from lab.teaching.stage import Stage
from lab.teaching.story import Bar, Cell, Claim, Column, Findings, Scene, Table

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
CAPTIONS: Final = {
    "one by one": "The submitter stands still for each result; one slot works, the others idle.",
    "collect later": "All slots work; the submitter stands still only when it asks too early.",
    "link": "The submitter asks for nothing: each callback is a task in a slot of a worker.",
    "link, link_error": "Every second task fails: its errbacks run where it failed, and as a task.",
    "chord": "The last of the group to end sends the body, which gets all results.",
}


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


def run(stage: Stage) -> Findings:
    """Submit the same work in each way."""
    asked = Asked(
        tasks=stage.count("tasks"),
        pause_s=stage.dial("pause_ms") / 1_000,
        worker=stage.worker(stage.pools[0]),
        collector=stage.worker(stage.pools[-1]),
    )
    warm_up(stage, asked)
    ways = {}
    for submit in WAYS:
        way = submit(stage, asked)
        ways[way.name] = way
        if way.name in CAPTIONS:
            stage.show(_scene(way))
    seen = Seen(asked=asked, ways=ways, slots=stage.slots(stage.pools[0]), here=called_back_here())
    return Findings(
        tables=(_times(seen), _whereabouts(seen)),
        claims=tuple(_claims(seen)),
        verdict=_verdict(seen),
    )


def _scene(way: Way) -> Scene:
    """Draw the workers below the process that submits; where a task failed, its errback too."""
    scene = way.scene.with_lab(way.played.scene(CAPTIONS[way.name]), SUBMITS)
    called_s = {
        act.started_s: mark.at_s
        for mark in way.marks
        for act in way.played.acts
        if act.task_id == mark.task_id
    }
    bars = [part for bar in scene.bars for part in _with_errback(bar, called_s)]
    return replace(scene, bars=tuple(bars))


def _with_errback(bar: Bar, called_s: Mapping[float, float]) -> list[Bar]:
    """Split the bar of a task that failed, by its start, where its errback was called."""
    if bar.what != "fails" or bar.started_s not in called_s:
        return [bar]
    at_s = called_s[bar.started_s]
    return [
        replace(bar, doing="waits", finished_s=at_s),
        replace(bar, what=ERRBACK, started_s=at_s, finished_s=max(at_s, bar.finished_s)),
    ]


def most_at_once(acts: Sequence[Act]) -> int:
    """Count how many tasks were at work at once, by their own notes."""
    edges = [
        edge
        for act in acts
        for note in act.notes
        for edge in ((note.started_s, 1), (note.finished_s, -1))
    ]
    level = most = 0
    for _, step in sorted(edges):
        level += step
        most = max(most, level)
    return most


def in_slot_of_failed(way: Way) -> int:
    """Count the errbacks that ran in the very process or thread whose task had failed."""
    slots = {act.task_id: act.slot for act in way.played.acts}
    return sum(
        slots.get(mark.task_id) in {f"{mark.pid}", f"{mark.pid}/{mark.thread}"}
        for mark in way.marks
    )


def _acts(way: Way, label: str) -> list[Act]:
    return [act for act in way.played.acts if act.label == label]


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
    return seen.asked.collector.node if _acts(way, CALLBACK) else "lab"


def _whereabouts(seen: Seen) -> Table:
    linked, failing, chord = (seen.ways[n] for n in ("link", "link, link_error", "chord"))
    as_task, worker = "sent as a task when the task ends", seen.asked.worker.node
    rows: list[tuple[Cell, ...]] = [
        ("link", len(_acts(linked, CALLBACK)), as_task, _nodes(_acts(linked, CALLBACK))),
        (
            "link_error(task_id)",
            len(_acts(failing, ERRBACK)),
            "sent as a task when the task fails",
            _nodes(_acts(failing, ERRBACK)),
        ),
        (
            "link_error(request, exc, traceback)",
            len(failing.marks),
            "called by the slot whose task failed",
            worker,
        ),
        ("chord body", len(_acts(chord, BODY)), "sent as a task by the last to end",
         _nodes(_acts(chord, BODY))),
        ("add_done_callback", 1, "called by concurrent.futures", f"lab, pid {seen.here[1]}"),
    ]  # fmt: skip
    title = f"Who was called back, and where (lab is pid {os.getpid()})"
    return Table(title=title, columns=WHO_COLUMNS, rows=tuple(rows))


def _nodes(acts: Sequence[Act]) -> str:
    return ", ".join(f"{node} {slots}" for node, slots in _slots(acts).items()) or "nowhere"


def _slots(acts: Sequence[Act]) -> dict[str, str]:
    """Count, for each worker, the slots that were used."""
    used: dict[str, set[str]] = {}
    for act in acts:
        used.setdefault(act.node, set()).add(act.slot)
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
    bodies = len(_acts(chord, BODY))
    yield Claim(
        says="a chord's body runs once, in a worker, with all results",
        holds=bodies == 1 and sorted(chord.values) == list(range(tasks)),
        seen=f"ran {_times_word(bodies)} with {len(chord.values)} results",
    )


def _of_time(seen: Seen) -> Iterator[Claim]:
    alone, later = seen.ways["one by one"], seen.ways["collect later"]
    busy = most_at_once(alone.played.acts)
    yield Claim(
        says="whoever waits for each result has one task at work at a time",
        holds=busy == 1,
        seen=f"never more than {busy} of {seen.slots} slots",
    )
    blocked = alone.blocked_s / max(alone.taken_s)
    yield Claim(
        says="and stands still nearly all the time",
        holds=blocked > 0.75,
        seen=words.percent(blocked),
    )
    ratio = alone.submitted_s / later.submitted_s
    yield Claim(
        says="submitting without waiting is over in a small part of the time",
        holds=ratio > 3,
        seen=f"{words.duration(later.submitted_s)} against {words.duration(alone.submitted_s)}",
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
    calls = _acts(linked, CALLBACK)
    away = [act for act in calls if act.node == there and act.value[1:] != here]
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
    failed = [act.task_id for act in failing.played.acts if act.error]
    told = [act.value[0] for act in _acts(failing, ERRBACK)]
    fine = seen.asked.tasks - len(failed)
    yield Claim(
        says="only what fails calls link_error, and only what succeeds calls link",
        holds=sorted(told) == sorted(failed) != [] and len(_acts(failing, CALLBACK)) == fine,
        seen=f"{len(failed)} failed, {len(told)} errbacks; {fine} did not, "
        f"{len(_acts(failing, CALLBACK))} callbacks",
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
        f"for {words.duration(linked.blocked_s)}: all {len(_acts(linked, CALLBACK))} callbacks ran "
        f"in {seen.asked.collector.node}, none in the process that had asked for them."
    )


LESSON: Final = Lesson(
    name="submit",
    title="A callback runs where a worker is, not where you submitted",
    setting=(
        "The same 8 tasks of 200 ms are submitted in six ways: waiting for each result, collecting "
        "later, with link, with link_error while half of them fail, as a group and as a chord. "
        "The first worker does the work, the last takes up what comes of it."
    ),
    question=Question(
        text="A task was sent with link=callback. In which process does the callback run?",
        choices=(
            "in the one that submitted, in a thread",
            "in the slot that ran the task",
            "in any slot of the worker that serves its queue",
        ),
        right=2,
    ),
    workers={"prefork": 4, "threads": 4},
    tasks=frozenset(
        f"lessons.submit.{name}"
        for name in ("work", "called_back", "collected", "told_of_failure", "sees_failure")
    ),
    dials=(
        Dial(flag="--tasks", default=8, low=2, high=20, help="Tasks in each way."),
        Dial(flag="--pause-ms", default=200.0, low=20, high=500, help="What each takes, ms."),
    ),
    run=run,
    lecture=(
        "The lecture submits to a pool of processes of its own and calls it synchronous when the "
        "result is waited for on the spot, asynchronous when a callback brings it. Waiting and "
        "being called are two choices, though: a result can be collected later without a callback, "
        "which is what its loop over futures does. Its callback is called inside the process that "
        "submitted; Celery's link is a task of its own, sent by the worker that ran the first, so "
        "that it runs on whatever machine serves its queue, also when the submitter is gone."
    ),
    turn_next=(
        "poolwise learn submit --tasks 16",
        "poolwise learn submit --pools prefork",
        "poolwise learn submit --pause-ms 20",
        "poolwise learn coroutines",
    ),
)
