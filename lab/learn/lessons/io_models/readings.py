"""Draws the readings of different models for comparison; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lab.learn.engine.scene_run import Note, TaskRun
from lab.results.lesson import Bar, Lane, Scene
from tasks.lessons.notebook import Doing


def merged(task: TaskRun) -> TaskRun:
    """Return the task with a single note: what it did most of the time."""
    spent_s: defaultdict[Doing, float] = defaultdict(float)
    for note in task.notes:
        spent_s[note.doing] += note.finished_s - note.started_s
    doing = max(spent_s, key=lambda one: spent_s[one])
    first, last = task.notes[0], task.notes[-1]
    note = Note(doing=doing, what="", started_s=first.started_s, finished_s=last.finished_s)
    return replace(task, notes=(note,))


def draw(tasks: Sequence[TaskRun], title: str, caption: str) -> Scene:
    """Draw a lane for each reading, as if all had started together."""
    lanes = tuple(Lane(node="reader", slot=task.label) for task in tasks)
    bars = []
    for lane, task in enumerate(tasks):
        zero_s = min((note.started_s for note in task.notes), default=task.started_s)
        bars += [
            Bar(
                lane=lane,
                doing=note.doing,
                what=note.what,
                who="",  # the lane's name shows it
                started_s=note.started_s - zero_s,
                finished_s=note.finished_s - zero_s,
            )
            for note in task.notes
        ]
    axis = "seconds since the reading started"
    return Scene(title=title, caption=caption, lanes=lanes, bars=tuple(bars), axis=axis)
