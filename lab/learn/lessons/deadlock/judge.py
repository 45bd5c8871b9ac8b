"""What became of tasks that needed two locks each, and of the one who watched them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.lessons.deadlock.wait_graph import Sight, Stall, stalls
from lab.results.lesson import Cell, Column, Wait

Way = Literal["opposite order", "one order", "back-off", "one lock"]
WAYS: Final[tuple[Way, ...]] = ("opposite order", "one order", "back-off", "one lock")
#: Where the locks are, and what that is called.
PLACES: Final = {"worker": "one worker", "redis": "two workers"}
#: Seconds for which a cycle has to be seen on end to be called a stall.
STANDS_S: Final = 0.1
#: The label of the task that watches.
WATCH: Final = "watch"

COLUMNS: Final = (
    Column(heading="locks in"),
    Column(heading="way"),
    Column(heading="worked"),
    Column(heading="retries", unit="count"),
    Column(heading="stalled", unit="seconds"),
    Column(heading="waited", unit="seconds"),
    Column(heading="time", unit="seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the tasks of one scene."""

    place: str  # key of PLACES
    way: Way
    ran: SceneRun  # without the one who watched
    found: tuple[Stall, ...]  # instants since the scene's start
    unit_s: float  # what a task needs from its first lock to its end, if nobody is in its way
    locks_left: int = 0  # in Redis, after all have ended

    @property
    def tasks(self) -> int:
        """How many tasks there were."""
        return len(self.ran.tasks)

    @property
    def worked(self) -> int:
        """How many had all their locks."""
        return sum(value["done"] for value in self.ran.values)

    @property
    def counted(self) -> str:
        """The same, of how many."""
        return f"{self.worked} of {self.tasks}"

    @property
    def retries(self) -> int:
        """How often one of them began anew."""
        return sum(value["retries"] for value in self.ran.values)

    @property
    def gave_up_s(self) -> float:
        """When the first gave up; infinite where nobody did."""
        ends = [task.finished_s for task in self.ran.tasks if not task.value["done"]]
        return min(ends, default=float("inf"))

    @property
    def stalled_s(self) -> float:
        """For how long a cycle was seen."""
        return sum(stall.to_s - stall.from_s for stall in self.found)

    @property
    def waited_s(self) -> tuple[float, ...]:
        """How long each task waited for locks."""
        return tuple(map(_waited_s, self.ran.tasks))

    @property
    def had_to_wait(self) -> int:
        """How many waited for about as long as another works."""
        return sum(waited_s > self.unit_s / 2 for waited_s in self.waited_s)

    @property
    def row(self) -> tuple[Cell, ...]:
        """The outcome as a row of a table with COLUMNS."""
        return (
            PLACES[self.place],
            self.way,
            self.counted,
            self.retries,
            self.stalled_s or None,
            sum(self.waited_s),
            self.ran.makespan_s,
        )


def judged(place: str, way: Way, ran: SceneRun, unit_s: float) -> Outcome:
    """Tell what was seen by the one who watched from what the others did."""
    [watch] = [task for task in ran.tasks if task.label == WATCH]
    others = tuple(task for task in ran.tasks if task.label != WATCH)
    sights = [
        Sight(at_s=watch.started_s + at_s, holders=held, wants=wants)
        for at_s, held, wants in watch.value
    ]
    found = stalls(sights, watch.finished_s, STANDS_S)
    return Outcome(
        place=place,
        way=way,
        ran=replace(ran, tasks=others),
        found=tuple(found),
        unit_s=unit_s,
    )


def seeing(watch: TaskRun, found: Sequence[Stall]) -> TaskRun:
    """Note in the watching task's lane when it saw a cycle."""
    notes: list[Note] = []
    before_s = watch.started_s
    for stall in found:
        notes.append(_note("sees no cycle", before_s, stall.from_s))
        notes.append(_note("sees the cycle", stall.from_s, stall.to_s))
        before_s = stall.to_s
    return replace(watch, notes=(*notes, _note("sees no cycle", before_s, watch.finished_s)))


def _note(what: str, from_s: float, to_s: float) -> Note:
    return Note(doing="waits", what=what, started_s=from_s, finished_s=to_s)


def _waited_s(task: TaskRun) -> float:
    return sum(note.finished_s - note.started_s for note in task.notes if note.doing == "blocked")


def as_words(waits: Sequence[Wait]) -> str:
    """Write a cycle in one line."""
    return ", ".join(f"{wait.who} waits for {wait.what} of {wait.holder}" for wait in waits)
