"""What became of tasks that sent subtasks, as their records and notes show it; pure."""

from __future__ import annotations

from dataclasses import dataclass

from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.results.lesson import Wait

#: How a parent gets its child's result.
SAME_QUEUE, CHAIN, OTHER_QUEUE = (
    "waits, same queue",
    "ends, a chain continues",
    "waits, another queue",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskRun:
    """The parents and children of one scene."""

    method: str
    slots: int  # of the parents' worker
    ran: SceneRun

    @property
    def parents(self) -> list[TaskRun]:
        """The tasks that were sent first."""
        return self._labelled("parent")

    @property
    def children(self) -> list[TaskRun]:
        """The tasks that the parents sent."""
        return self._labelled("child")

    @property
    def results(self) -> int:
        """How many children's results arrived where they were needed."""
        last = self._labelled("rest") if self.method == CHAIN else self.parents
        return sum(task.value is True for task in last)

    @property
    def results_of_all(self) -> str:
        """How many results arrived: `0 of 3`."""
        return f"{self.results} of {len(self.parents)}"

    @property
    def gave_up(self) -> int:
        """How many parents did not get a result in time."""
        return sum(task.value is False for task in self.parents)

    @property
    def waiting_s(self) -> float:
        """For how long slots were occupied by parents that waited for a result."""
        notes = [note for task in self.parents for note in task.notes if note.doing == "blocked"]
        return sum(note.finished_s - note.started_s for note in notes)

    @property
    def child_delay_s(self) -> float:
        """How long after the first parent's end the first child started."""
        first_end_s = min(task.finished_s for task in self.parents)
        return min(task.started_s for task in self.children) - first_end_s

    @property
    def deadlock(self) -> tuple[Wait, ...]:
        """The cycle, if parents held all slots until the first gave up; else ()."""
        if not self.parents or not self.children:
            return ()
        first_end_s = min(task.finished_s for task in self.parents)
        started = sum(task.started_s < first_end_s for task in self.parents)
        if started < self.slots or self.child_delay_s < 0:
            return ()
        return (
            Wait(who="parent 1", what="a result", holder="child 1"),
            Wait(who="child 1", what="a slot", holder="parent 1"),
        )

    def _labelled(self, first: str) -> list[TaskRun]:
        return [task for task in self.ran.tasks if task.label.startswith(first)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskRuns:
    """The scene of each method."""

    same_queue: SubtaskRun
    chain: SubtaskRun
    other_queue: SubtaskRun
