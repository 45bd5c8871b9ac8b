"""How the lesson `submit` is drawn: the submitting process above the workers; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lab.learn.lessons.submit.method_run import (
    CHORD,
    COLLECT_LATER,
    ERRBACK,
    LINK,
    LINK_ERROR,
    ONE_BY_ONE,
    MethodRun,
)
from lab.results.lesson import Bar, Scene

#: The lane of the process that submits.
SUBMITTER: Final = "submits"
#: What to look at, by method; a method without a caption is not drawn.
CAPTIONS: Final = {
    ONE_BY_ONE: "The client blocks on each result; one slot works while the others are idle.",
    COLLECT_LATER: (
        "All slots work; the client blocks only if it asks for a result that is not ready."
    ),
    LINK: "The client never asks for a result: each callback is a task in a worker's slot.",
    LINK_ERROR: (
        "Every second task fails, and each of them has two errbacks: one runs in its slot, the "
        "other is sent as a task."
    ),
    CHORD: "The last task of the group to finish sends the body, which receives all the results.",
}


def drawn(run: MethodRun) -> Scene:
    """Draw the submitter and the workers; the errback called by a failed task is a bar as well."""
    scene = run.scene.with_lab(run.ran.scene(CAPTIONS[run.name]), SUBMITTER)
    errback_at_s = {
        task.started_s: mark.at_s
        for mark in run.marks
        for task in run.ran.tasks
        if task.task_id == mark.task_id
    }
    bars = [part for bar in scene.bars for part in _with_errback(bar, errback_at_s)]
    return replace(scene, bars=tuple(bars))


def _with_errback(bar: Bar, errback_at_s: Mapping[float, float]) -> list[Bar]:
    """Split a failed task's bar when its errback was called; errbacks are found by its start."""
    if bar.what != "fails" or bar.started_s not in errback_at_s:
        return [bar]
    at_s = errback_at_s[bar.started_s]
    errback = replace(bar, doing="waits", what="", who=ERRBACK, started_s=at_s)
    return [
        replace(bar, doing="waits", finished_s=at_s),
        replace(errback, finished_s=max(at_s, bar.finished_s)),
    ]
