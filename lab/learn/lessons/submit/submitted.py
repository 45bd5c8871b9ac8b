"""What came of one way to submit: when, where, and what was handed in; it sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lab.learn.engine import atonce
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.session.protocols import Worker

#: The lane of the process that submits.
SUBMITS: Final = "submits"
#: Labels of what is called at the end of tasks.
CALLBACK, ERRBACK, BODY = "callback", "errback", "chord body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The work, and the workers that do it and that take up what comes of it."""

    tasks: int
    pause_s: float
    worker: Worker
    collector: Worker

    @property
    def callback_s(self) -> float:
        """What a callback takes: enough to be seen."""
        return self.pause_s / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where and when an errback ran that is no task."""

    task_id: str  # of the task that failed
    host: str
    pid: int
    thread: int
    at_s: float  # since the scene's start


@dataclass(slots=True, kw_only=True)
class Way:
    """One way as it went; seconds since its start."""

    name: str
    scene: OpenScene
    submitted_s: float = 0.0  # when the last task was with the broker
    taken_s: list[float] = field(default_factory=list)  # when results were in hand
    values: list[Any] = field(default_factory=list)  # what the tasks handed in, in order
    marks: list[Mark] = field(default_factory=list)
    ran: SceneRun = field(init=False)

    @property
    def blocked_s(self) -> float:
        """How long the submitting process stood still."""
        notes = self.scene.lab.notes
        return sum(to_s - from_s for doing, _, from_s, to_s in notes if doing == "blocked")


def most_at_once(tasks: Sequence[TaskRun]) -> int:
    """Count how many tasks were at work at once, by their own notes."""
    return atonce.most_at_once(
        (note.started_s, note.finished_s) for task in tasks for note in task.notes
    )


def in_slot_of_failed(way: Way) -> int:
    """Count the errbacks that ran in the very process or thread whose task had failed."""
    slots = {task.task_id: task.slot for task in way.ran.tasks}
    return sum(
        slots.get(mark.task_id) in {f"{mark.pid}", f"{mark.pid}/{mark.thread}"}
        for mark in way.marks
    )


def tasks_of(way: Way, label: str) -> list[TaskRun]:
    """Return the tasks of one label."""
    return [task for task in way.ran.tasks if task.label == label]
