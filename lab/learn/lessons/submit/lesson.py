"""Submitting: who waits for a result, and in whose process a callback runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.submit.judge import Seen, findings
from lab.learn.lessons.submit.play import WAYS, called_back_here, warm_up
from lab.learn.lessons.submit.submitted import ERRBACK, SUBMITS, Asked, Way
from lab.results.lesson import Bar, Findings, Scene

CAPTIONS: Final = {
    "one by one": "The submitter stands still for each result; one slot works, the others idle.",
    "collect later": "All slots work; the submitter stands still only when it asks too early.",
    "link": "The submitter asks for nothing: each callback is a task in a slot of a worker.",
    "link, link_error": "Every second task fails: its errbacks run where it failed, and as a task.",
    "chord": "The last of the group to end sends the body, which gets all results.",
}


def run(context: Context) -> Findings:
    """Submit the same work in each way."""
    asked = Asked(
        tasks=context.count("tasks"),
        pause_s=context.dial("pause_ms") / 1_000,
        worker=context.worker(context.pools[0]),
        collector=context.worker(context.pools[-1]),
    )
    warm_up(context, asked)
    ways = {}
    for submit in WAYS:
        way = submit(context, asked)
        ways[way.name] = way
        if way.name in CAPTIONS:
            context.show(_scene(way))
    seen = Seen(
        asked=asked, ways=ways, slots=context.slots(context.pools[0]), here=called_back_here()
    )
    return findings(seen)


def _scene(way: Way) -> Scene:
    """Draw the workers below the process that submits; where a task failed, its errback too."""
    scene = way.scene.with_lab(way.ran.scene(CAPTIONS[way.name]), SUBMITS)
    called_s = {
        task.started_s: mark.at_s
        for mark in way.marks
        for task in way.ran.tasks
        if task.task_id == mark.task_id
    }
    bars = [part for bar in scene.bars for part in _with_errback(bar, called_s)]
    return replace(scene, bars=tuple(bars))


def _with_errback(bar: Bar, called_s: Mapping[float, float]) -> list[Bar]:
    """Split the bar of a task that failed, by its start, where its errback was called."""
    if bar.what != "fails" or bar.started_s not in called_s:
        return [bar]
    at_s = called_s[bar.started_s]
    called = replace(bar, doing="waits", what="", who=ERRBACK, started_s=at_s)
    return [
        replace(bar, doing="waits", finished_s=at_s),
        replace(called, finished_s=max(at_s, bar.finished_s)),
    ]


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
        Dial(flag="--tasks", default=8, low=4, high=20, help="Tasks in each way."),
        Dial(flag="--pause-ms", default=200.0, low=50, high=500, help="What each takes, ms."),
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
        "poolwise learn submit --pause-ms 50",
        "poolwise learn coroutines",
    ),
)
