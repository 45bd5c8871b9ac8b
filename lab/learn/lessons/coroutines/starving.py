"""Neighbours of a gevent worker that want a turn now and then, and tasks that do not let them.

It must not know what is concluded from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import Call, SceneRun, TaskRun
from lab.learn.lessons.coroutines.blame import Span, blamed, stalls, worst_gap_s
from lab.learn.lessons.coroutines.pulse import Answer, Heartbeats, ask_until
from lab.results.lesson import Scene
from lab.session.protocols import Worker
from producer.plan import Work

#: Neighbours, and how often each wants a turn.
TICKERS, EVERY_S = 2, 0.02
#: Wants of turns in a row that nobody got, from which on we call it a stall.
STALL_S: Final = 10 * EVERY_S
#: Seconds before, between and after the tasks that may not let the others have a turn.
BEFORE_S, BETWEEN_S = 0.4, 0.4
#: Seconds that a heartbeat is waited for at most, and that the neighbours get to be there.
BEAT_S, THERE_S = 4.0, 3.0
PATIENT, WATCH, ASKS = "patient", "watch", "asks"
#: Labels of those that may keep the turn, and of the same when they are cured.
COMPUTES, IN_C = "computes", "C call"
GIVES_WAY, ASIDE, ELSEWHERE = "gives way", "C call in a thread", "computes elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One stall, and who was named for it; seconds since the scene's start."""

    stall: Span
    outside: str | None  # by its neighbours' gaps
    inside: str | None  # by the watch in the worker
    looks: int  # of the watch, while it lasted
    agreeing: int  # of these: that found just this task running
    line: str  # where they found it most often


@dataclass(frozen=True, slots=True, kw_only=True)
class Starved:
    """A scene of neighbours; seconds since its start."""

    ran: SceneRun
    answers: Sequence[Answer]
    began_at: float  # the scene's start by this process's monotonic clock
    scene: Scene

    @property
    def turns(self) -> list[list[float]]:
        """Of each neighbour, the instants of its turns."""
        return [
            [task.started_s + at_s for at_s in task.value]
            for task in self.ran.tasks
            if task.label.startswith("ticker")
        ]

    def task(self, label: str) -> TaskRun:
        """Return the one task of a label."""
        [found] = [task for task in self.ran.tasks if task.label == label]
        return found

    def span(self, label: str) -> Span:
        """Return when a task ran, by its own notes."""
        [note] = self.task(label).notes
        return Span(from_s=note.started_s, to_s=note.finished_s)

    @property
    def quiet(self) -> Span:
        """When all neighbours were there, and none of those that may keep the turn."""
        there_s = max(one[0] for one in self.turns)
        return Span(from_s=there_s, to_s=self.span(COMPUTES).from_s - BEFORE_S / 4)

    def worst_gap_s(self, span: Span) -> float:
        """Return the longest that a neighbour waited for a turn meanwhile."""
        return worst_gap_s(self.turns, span)

    def least_gap_s(self, span: Span) -> float:
        """Return the same of the neighbour that waited least."""
        return min(worst_gap_s([one], span) for one in self.turns)

    def worst_answer_s(self, span: Span) -> float:
        """Return the longest that a question asked meanwhile, or before, was not answered."""
        return max(
            (
                one.answered_s - one.asked_s
                for one in self.answers
                if one.asked_s < span.to_s and one.answered_s > span.from_s
            ),
            default=0.0,
        )

    def beat_late_s(self, beats: Heartbeats, span: Span) -> float | None:
        """Return by how much a heartbeat was late that was due meanwhile; None: none was."""
        return beats.late_s(self.began_at + span.from_s, self.began_at + span.to_s)


def starve(context: Context, beats: Heartbeats, block_s: float) -> Starved:
    """Send two tasks that keep the turn, the first half their length before a heartbeat is due."""
    if beats.await_one(BEAT_S):
        lead_s = beats.every_s - block_s / 2 - BEFORE_S - BETWEEN_S
        time.sleep(min(max(0.0, lead_s), BEAT_S))

    def due_s(scene: OpenScene) -> float:
        if not beats.arrived:
            return 0.0
        ago_s = time.monotonic() - beats.arrived[-1]
        return scene.lab.elapsed_s - ago_s + beats.every_s - block_s / 2

    worker = context.worker("gevent")
    first = Call(work=_compute(block_s), worker=worker, label=COMPUTES)
    second = Call(work=_call_c(block_s), worker=worker, label=IN_C)
    title = "two that keep the turn"
    caption = "While one computes or waits in C nobody else has a turn, nor is anybody answered."
    return _neighbours(context, title, caption, [[first], [second]], block_s, due_s)


def cure(context: Context, block_s: float, turns: int) -> Starved:
    """Send the same work so that it lets the others have their turns."""
    worker = context.worker("gevent")
    first = [Call(work=_compute(turns=turns, gives_way=True), worker=worker, label=GIVES_WAY)]
    second = [Call(work=_call_c(block_s, aside=True), worker=worker, label=ASIDE)]
    if "prefork" in context.pools:
        other = context.worker("prefork")
        second.append(Call(work=_compute(turns=turns), worker=other, label=ELSEWHERE))
    title = "the same work, cured"
    caption = "It gives way, waits in a thread, or computes in a process: the neighbours tick on."
    return _neighbours(context, title, caption, [first, second], block_s, lambda _: 0.0)


def found(starved: Starved) -> list[Found]:
    """Name, for each stall, who caused it: from outside, and from inside the worker."""
    spans = {
        task.label: Span(from_s=task.started_s, to_s=task.finished_s) for task in starved.ran.tasks
    }
    return [
        _found(stall, blamed(stall, spans), starved) for stall in stalls(starved.turns, STALL_S)
    ]


def _found(stall: Span, outside: str | None, starved: Starved) -> Found:
    watch = starved.task(WATCH)
    labels = {task.task_id: task.label for task in starved.ran.tasks}
    seen = [
        (Span(from_s=watch.started_s + from_s, to_s=watch.started_s + to_s), *rest)
        for from_s, to_s, *rest in watch.value
    ]
    likest = max(seen, key=lambda one: one[0].likeness(stall), default=None)
    if likest is None or not likest[0].shared_s(stall):
        return Found(stall=stall, outside=outside, inside=None, looks=0, agreeing=0, line="")
    _, task_id, line, agreeing, looks = likest
    return Found(
        stall=stall,
        outside=outside,
        inside=labels.get(task_id),
        looks=looks,
        agreeing=agreeing,
        line=line,
    )


def _compute(seconds: float = 0.0, turns: int = 0, gives_way: bool = False) -> Work:
    return Work(task="lessons.coroutines.compute", args=(seconds, turns, gives_way))


def _call_c(seconds: float, aside: bool = False) -> Work:
    return Work(task="lessons.coroutines.call_c", args=(seconds, aside))


def _neighbours(
    context: Context,
    title: str,
    caption: str,
    keepers: Sequence[Sequence[Call]],
    block_s: float,
    due_s: Callable[[OpenScene], float],
) -> Starved:
    """Have neighbours tick, send what may keep the turn from `due_s` on, and ask all the while."""
    worker, scene = context.worker("gevent"), context.open_scene(title)
    began_at = time.monotonic()
    length_s = 2 * BEFORE_S + len(keepers) * (block_s + BETWEEN_S) + BETWEEN_S / 2
    calls = _regulars(context.traces.put(title, 0), worker, length_s)
    context.send(scene, calls)
    _await_all(context, context.traces.key(title), len(calls))
    remote, node, lab = context.session.remote, worker.node, scene.lab
    answers = ask_until(remote, node, lab, max(lab.elapsed_s + BEFORE_S, due_s(scene)))
    for call in keepers:
        context.send(scene, call)
        answers += ask_until(remote, node, lab, lab.elapsed_s + block_s + BETWEEN_S)
    ran = context.follow(scene)
    drawn = scene.with_lab(ran.scene(caption), ASKS)
    context.show(drawn)
    return Starved(ran=ran, answers=answers, began_at=began_at, scene=drawn)


def _regulars(counter: str, worker: Worker, length_s: float) -> list[Call]:
    """Return those that are there from the beginning to the end."""
    tick = Work(task="lessons.coroutines.tick", args=(counter, length_s, EVERY_S))
    wait = Work(task="lessons.coroutines.wait", args=(counter, length_s))
    watch = Work(task="lessons.coroutines.watch", args=(counter, length_s))
    return [
        *(Call(work=tick, worker=worker, label=f"ticker {n + 1}") for n in range(TICKERS)),
        Call(work=wait, worker=worker, label=PATIENT),
        Call(work=watch, worker=worker, label=WATCH),
    ]


def _await_all(context: Context, counter: str, count: int) -> None:
    deadline = time.monotonic() + THERE_S
    while int(context.traces.get(counter) or 0) < count and time.monotonic() < deadline:
        time.sleep(0.01)
