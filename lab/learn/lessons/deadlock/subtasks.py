"""Celery's own deadlock: tasks that wait in every slot for tasks that need one of these slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import Call, SceneRun, TaskRun
from lab.results.lesson import Claim, Column, Table, Wait
from producer.plan import Work

#: Which worker has the parents, and which may take their children instead.
POOL, ELSEWHERE = "prefork", "threads"
#: Seconds that a parent waits for its child's result; Celery looks at the clock once a second.
PATIENCE_S: Final = 1.0

SAME, ENDS, OTHER = "waits, same queue", "ends, a chain goes on", "waits, another queue"
CAPTIONS: Final = {
    SAME: "A parent in every slot, waiting for a child that would need one of them.",
    ENDS: "Each parent ends and leaves its slot; Celery starts the rest once the child has ended.",
    OTHER: "Children run on another worker; the parents' slots still do nothing but wait.",
}
COLUMNS: Final = (
    Column(heading="a parent"),
    Column(heading="slots", unit="count"),
    Column(heading="results"),
    Column(heading="gave up", unit="count"),
    Column(heading="slots spent waiting", unit="seconds"),
    Column(heading="time", unit="seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What became of the parents and children of one scene."""

    how: str
    slots: int
    ran: SceneRun

    @property
    def parents(self) -> list[TaskRun]:
        """Those that were sent first."""
        return self._named("parent")

    @property
    def children(self) -> list[TaskRun]:
        """Those that the parents sent."""
        return self._named("child")

    @property
    def results(self) -> int:
        """How many children's results got to where they were wanted."""
        last = self._named("rest") if self.how == ENDS else self.parents
        return sum(task.value is True for task in last)

    @property
    def counted(self) -> str:
        """The same, of how many."""
        return f"{self.results} of {len(self.parents)}"

    @property
    def gave_up(self) -> int:
        """How many parents waited in vain."""
        return sum(task.value is False for task in self.parents)

    @property
    def waiting_s(self) -> float:
        """For how long slots were taken by somebody who waited for a result."""
        notes = [note for task in self.parents for note in task.notes if note.doing == "blocked"]
        return sum(note.finished_s - note.started_s for note in notes)

    def _named(self, first: str) -> list[TaskRun]:
        return [task for task in self.ran.tasks if task.label.startswith(first)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """All scenes of it."""

    same: Family
    ends: Family
    other: Family

    @property
    def table(self) -> Table:
        """The three as rows."""
        rows = tuple(
            (one.how, one.slots, one.counted, one.gave_up, one.waiting_s, one.ran.makespan_s)
            for one in (self.same, self.ends, self.other)
        )
        return Table(title="Tasks that wait for tasks", columns=COLUMNS, rows=rows)

    @property
    def claims(self) -> Iterator[Claim]:
        """What is said of them."""
        yield Claim(
            says="a parent waits in every slot: no child begins before a parent gives up",
            holds=bool(knot(self.same)) and self.same.gave_up == len(self.same.parents),
            seen=f"{self.same.gave_up} of {len(self.same.parents)} gave up; the first child began "
            f"{words.duration(_lead_s(self.same))} after the first did",
        )
        for one, cure in ((self.ends, "a parent that ends"), (self.other, "another queue")):
            yield Claim(
                says=f"{cure}: every result arrives",
                holds=one.results == len(one.parents),
                seen=f"{one.counted}, slots spent waiting: {words.duration(one.waiting_s)}",
            )


def run(context: Context) -> Shown:
    """Fill a worker with parents that wait; then let them end instead; then ask another worker."""
    return Shown(
        same=_family(context, SAME, _waiting(POOL)),
        ends=_family(context, ENDS, _ending),
        other=_family(context, OTHER, _waiting(ELSEWHERE)),
    )


def knot(family: Family) -> tuple[Wait, ...]:
    """Return the cycle if, when the first parent gave up, parents had all slots, children none."""
    if not family.parents or not family.children:
        return ()
    first_end_s = min(task.finished_s for task in family.parents)
    begun = sum(task.started_s < first_end_s for task in family.parents)
    if begun < family.slots or _lead_s(family) < 0:
        return ()
    return (
        Wait(who="parent 1", what="a result", holder="child 1"),
        Wait(who="child 1", what="a slot", holder="parent 1"),
    )


def _lead_s(family: Family) -> float:
    """Return how long after the first parent's end the first child began, in seconds."""
    ends = [task.finished_s for task in family.parents]
    return min(task.started_s for task in family.children) - min(ends)


def _family(context: Context, how: str, send: Callable[[Context, OpenScene, str], None]) -> Family:
    scene = context.traces.key(f"family.{how}")
    for counted in ("begun", "sent:begun"):
        context.traces.key(f"family.{how}:{counted}")
    opened = context.open_scene(f"{POOL}: {how}")
    send(context, opened, scene)
    ran = context.follow(opened)
    family = Family(how=how, slots=context.slots(POOL), ran=ran)
    context.show(ran.scene(CAPTIONS[how], knot(family) if how == SAME else ()))
    return family


def _waiting(children: str) -> Callable[[Context, OpenScene, str], None]:
    """Return how parents are sent that wait for children on the worker of pool `children`."""

    def send(context: Context, opened: OpenScene, scene: str) -> None:
        many, worker = context.slots(POOL), context.worker(children)
        calls = [
            _parent(
                context,
                number,
                "parent",
                context.send_options(opened, worker, f"child {number}", by_task=True),
                PATIENCE_S,
                scene,
                many,
            )
            for number in range(1, many + 1)
        ]
        context.send(opened, calls)

    return send


def _ending(context: Context, opened: OpenScene, _scene: str) -> None:
    """Send parents that send the rest of their work, and end."""
    worker = context.worker(POOL)
    calls = []
    for number in range(1, context.slots(POOL) + 1):
        child = context.send_options(opened, worker, f"child {number}", by_task=True)
        rest = context.send_options(opened, worker, f"rest {number}", by_task=True)
        calls.append(_parent(context, number, "first_half", child, rest))
    context.send(opened, calls)


def _parent(context: Context, number: int, task: str, *args: Any) -> Call:
    work = Work(task=f"lessons.deadlock.{task}", args=args)
    return Call(work=work, worker=context.worker(POOL), label=f"parent {number}")
