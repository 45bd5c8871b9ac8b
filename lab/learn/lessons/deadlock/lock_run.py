"""What became of tasks that needed two locks each, as they and their watcher report it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun
from lab.learn.lessons.deadlock.wait_graph import Deadlock, WaitGraph, find_deadlocks

#: How tasks take their locks.
LockStrategy = Literal["opposite order", "same order", "back-off", "one lock"]
STRATEGIES: Final[tuple[LockStrategy, ...]] = (
    "opposite order",
    "same order",
    "back-off",
    "one lock",
)
#: Where the locks are kept, and the name of that place.
PLACES: Final = {"worker": "one worker", "redis": "two workers"}
#: Seconds for which a cycle must be seen without a break to count as a deadlock.
DEADLOCK_S: Final = 0.1
#: The label of the task that watches the locks.
WATCHER: Final = "watcher"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRun:
    """The tasks of one scene."""

    place: str  # key of PLACES
    strategy: LockStrategy
    ran: SceneRun  # without the watcher
    deadlocks: tuple[Deadlock, ...]  # instants since the scene's start
    undisturbed_s: float  # what a task takes from its first lock to its end if it never waits
    locks_left: int = 0  # in Redis, after all tasks have ended

    @property
    def tasks(self) -> int:
        """How many tasks there were."""
        return len(self.ran.tasks)

    @property
    def done(self) -> int:
        """How many tasks got all their locks."""
        return sum(value["done"] for value in self.ran.values)

    @property
    def all_done(self) -> bool:
        """Whether every task got all its locks."""
        return self.done == self.tasks

    @property
    def done_of_all(self) -> str:
        """How many tasks got all their locks: `2 of 3`."""
        return f"{self.done} of {self.tasks}"

    @property
    def retries(self) -> int:
        """How often tasks tried again."""
        return sum(value["retries"] for value in self.ran.values)

    @property
    def gave_up_s(self) -> float:
        """When the first task gave up; infinite if none did."""
        ends = [task.finished_s for task in self.ran.tasks if not task.value["done"]]
        return min(ends, default=float("inf"))

    @property
    def deadlocked_s(self) -> float:
        """For how long a cycle was seen."""
        return sum(one.to_s - one.from_s for one in self.deadlocks)

    @property
    def waited_s(self) -> tuple[float, ...]:
        """How long each task waited for locks."""
        return tuple(map(_waited_s, self.ran.tasks))

    @property
    def had_to_wait(self) -> int:
        """How many tasks waited at least half as long as another task holds its locks."""
        return sum(waited_s > self.undisturbed_s / 2 for waited_s in self.waited_s)


def lock_run(place: str, strategy: LockStrategy, ran: SceneRun, undisturbed_s: float) -> LockRun:
    """Separate the watcher of a scene from its tasks, and find the deadlocks that it saw."""
    [watcher] = [task for task in ran.tasks if task.label == WATCHER]
    others = tuple(task for task in ran.tasks if task.label != WATCHER)
    graphs = [
        WaitGraph(at_s=watcher.started_s + at_s, holders=holders, wants=wants)
        for at_s, holders, wants in watcher.value
    ]
    return LockRun(
        place=place,
        strategy=strategy,
        ran=replace(ran, tasks=others),
        deadlocks=tuple(find_deadlocks(graphs, watcher.finished_s, DEADLOCK_S)),
        undisturbed_s=undisturbed_s,
    )


def with_sightings(watcher: TaskRun, deadlocks: Sequence[Deadlock]) -> TaskRun:
    """Note in the watcher's lane when it saw a cycle."""
    notes: list[Note] = []
    before_s = watcher.started_s
    for one in deadlocks:
        notes.append(_note("sees no cycle", before_s, one.from_s))
        notes.append(_note("sees the cycle", one.from_s, one.to_s))
        before_s = one.to_s
    notes.append(_note("sees no cycle", before_s, watcher.finished_s))
    return replace(watcher, notes=tuple(notes))


def _note(what: str, from_s: float, to_s: float) -> Note:
    return Note(doing="waits", what=what, started_s=from_s, finished_s=to_s)


def _waited_s(task: TaskRun) -> float:
    return sum(note.finished_s - note.started_s for note in task.notes if note.doing == "blocked")
