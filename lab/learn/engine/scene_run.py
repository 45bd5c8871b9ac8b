"""What a scene's tasks did, assembled from records and results; data in, data out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lab.analysis.lanes import packed
from lab.results.common import Span
from lab.results.lesson import Bar, Lane, Scene, Wait
from lab.session.protocols import Worker
from producer.plan import Work
from producer.records import Record
from tasks.lessons.notebook import Doing


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One task to run on one worker, with its label in the timeline."""

    work: Work
    worker: Worker
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a task did for some time; in seconds since the scene's start."""

    doing: Doing
    what: str
    started_s: float
    finished_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One task as it ran; times in seconds since the scene's start."""

    task_id: str
    label: str
    node: str
    slot: str
    received_s: float
    started_s: float
    finished_s: float
    value: Any  # what it returned; None if it failed
    notes: tuple[Note, ...]
    error: str = ""  # why it failed

    @property
    def pid(self) -> int:
        """The process that ran it."""
        return int(self.slot.partition("/")[0].partition("#")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRun:
    """A scene's tasks, in order of start."""

    title: str
    tasks: tuple[TaskRun, ...]
    slots: Mapping[str, int] = field(default_factory=dict)  # of each worker that took part, by node

    @property
    def makespan_s(self) -> float:
        """From the first submission to the last end."""
        return max([task.finished_s for task in self.tasks], default=0.0)

    @property
    def values(self) -> list[Any]:
        """What the tasks returned, in order of start."""
        return [task.value for task in self.tasks]

    def excerpt(self, most: int) -> SceneRun:
        """Keep the first `most` tasks of each worker: enough for a readable timeline."""
        kept = [
            one
            for node in dict.fromkeys(one.node for one in self.tasks)
            for one in [one for one in self.tasks if one.node == node][:most]
        ]
        return replace(self, tasks=tuple(sorted(kept, key=lambda one: one.started_s)))

    def scene(self, caption: str = "", waits_for: Sequence[Wait] = ()) -> Scene:
        """Draw it: a lane for each slot of each worker, a bar for each note.

        A task without notes is one bar. Greenlets, new for each task, take numbered lanes.
        """
        placed = _placed(self.tasks, self.slots)
        lanes = list(dict.fromkeys(placed[task.task_id] for task in self.tasks))
        row = {lane: index for index, lane in enumerate(lanes)}
        bars = [bar for task in self.tasks for bar in _bars(task, row[placed[task.task_id]])]
        return Scene(
            title=self.title,
            caption=caption,
            lanes=tuple(lanes),
            bars=tuple(bars),
            waits_for=tuple(waits_for),
        )


def task(record: Record, meta: Mapping[str, Any], label: str, zero: float) -> TaskRun:
    """Combine a task's record with its result as Celery's backend stores it."""
    started = record.started if record.started is not None else record.received
    result = meta.get("result")
    fine = record.outcome == "succeeded"
    returned = result if fine and isinstance(result, dict) and "notes" in result else None
    began_s = started - zero
    notes = [
        Note(doing=doing, what=what, started_s=began_s + from_s, finished_s=began_s + to_s)
        for doing, what, from_s, to_s in (returned["notes"] if returned else ())
    ]
    return TaskRun(
        task_id=record.task_id,
        label=label,
        node=record.node,
        slot=record.slot or "?",
        received_s=record.received - zero,
        started_s=began_s,
        finished_s=record.finished - zero,
        value=(returned["value"] if returned else result) if fine else None,
        notes=tuple(notes),
        error="" if fine else f"{record.outcome}: {result}",
    )


def _placed(tasks: Sequence[TaskRun], slots: Mapping[str, int]) -> dict[str, Lane]:
    """Give each task its lane."""
    lanes = {}
    for node in dict.fromkeys(task.node for task in tasks):
        own = [task for task in tasks if task.node == node]
        spans = [
            Span(slot=task.slot, started_s=task.started_s, finished_s=task.finished_s)
            for task in own
        ]
        many = len({span.slot for span in spans})
        # `packed` returns its spans in order of start, as `tasks` are.
        for one, span in zip(own, packed(spans, slots.get(node, many)), strict=True):
            lanes[one.task_id] = Lane(node=node, slot=span.slot)
    return lanes


def _bars(one: TaskRun, lane: int) -> Iterable[Bar]:
    if not one.notes:
        yield Bar(
            lane=lane,
            doing="computes",
            what="fails" if one.error else "",
            who=one.label,
            started_s=one.started_s,
            finished_s=one.finished_s,
        )
    for note in one.notes:
        yield Bar(
            lane=lane,
            doing=note.doing,
            what=note.what,
            who=one.label,
            started_s=note.started_s,
            finished_s=note.finished_s,
        )
