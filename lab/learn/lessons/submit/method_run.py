"""What one method to submit tasks came to: when, where, and with which values; it sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.learn.engine import atonce
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.session.protocols import Worker

#: The methods by the names that the tables show.
ONE_BY_ONE, COLLECT_LATER, LINK = "one by one", "collect later", "link"
LINK_ERROR, GROUP, CHORD = "link, link_error", "group", "chord"
#: Labels of the tasks that are called when others end.
CALLBACK, ERRBACK, BODY = "callback", "errback", "chord body"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSetup:
    """The tasks that every method submits, the worker that runs them and that of callbacks."""

    tasks: int
    pause_s: float
    worker: Worker
    callback_worker: Worker

    @property
    def callback_s(self) -> float:
        """How long a callback takes: long enough to be seen."""
        return self.pause_s / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrbackMark:
    """Where and when an errback ran that is not a task."""

    task_id: str  # of the task that failed
    host: str
    pid: int
    thread: int
    at_s: float  # since the scene's start


@dataclass(slots=True, kw_only=True)
class MethodRun:
    """One method as it ran; seconds since its start."""

    name: str
    scene: OpenScene
    submitted_s: float = 0.0  # when the broker had the last task
    result_at_s: list[float] = field(default_factory=list)  # when each result arrived
    values: list[Any] = field(default_factory=list)  # what the tasks returned, in order
    marks: list[ErrbackMark] = field(default_factory=list)
    ran: SceneRun = field(init=False)

    @property
    def blocked_s(self) -> float:
        """How long the submitting process was blocked."""
        notes = self.scene.lab.notes
        return sum(to_s - from_s for doing, _, from_s, to_s in notes if doing == "blocked")

    @property
    def last_result_s(self) -> float:
        """When the last result arrived."""
        return max(self.result_at_s)

    def labelled(self, label: str) -> list[TaskRun]:
        """Return the tasks with a label."""
        return [task for task in self.ran.tasks if task.label == label]

    @property
    def failed_ids(self) -> list[str]:
        """The tasks that failed."""
        return [task.task_id for task in self.ran.tasks if task.error]

    @property
    def errbacks_in_failed_slot(self) -> int:
        """How many errbacks ran in the very process or thread whose task had failed."""
        slots = {task.task_id: task.slot for task in self.ran.tasks}
        return sum(
            slots.get(mark.task_id) in {f"{mark.pid}", f"{mark.pid}/{mark.thread}"}
            for mark in self.marks
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCallback:
    """The processes of a callback of `concurrent.futures`."""

    work_pid: int
    callback_pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitObservations:
    """All methods by name, and what they ran on."""

    setup: SubmitSetup
    runs: Mapping[str, MethodRun]
    slots: int  # of the worker that runs the tasks
    local: LocalCallback

    @property
    def waves(self) -> int:
        """How often all slots are used to run all tasks."""
        return -(-self.setup.tasks // self.slots)

    @property
    def linked(self) -> list[TaskRun]:
        """All callbacks that `link` asked for, in both methods that use it."""
        return [task for name in (LINK, LINK_ERROR) for task in self.runs[name].labelled(CALLBACK)]


def most_at_once(tasks: Sequence[TaskRun]) -> int:
    """Return the most tasks that ran at the same time, by their own notes."""
    return atonce.most_at_once(
        (note.started_s, note.finished_s) for task in tasks for note in task.notes
    )
