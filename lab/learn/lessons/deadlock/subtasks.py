"""Celery's own deadlock: tasks that wait in every slot for tasks that need one of these slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lab.format import words
from lab.learn.engine.play import Act, Call, Played
from lab.learn.engine.stage import Stage
from lab.learn.engine.under_way import UnderWay
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
    played: Played

    @property
    def parents(self) -> list[Act]:
        """Those that were sent first."""
        return self._named("parent")

    @property
    def children(self) -> list[Act]:
        """Those that the parents sent."""
        return self._named("child")

    @property
    def results(self) -> int:
        """How many children's results got to where they were wanted."""
        last = self._named("rest") if self.how == ENDS else self.parents
        return sum(act.value is True for act in last)

    @property
    def counted(self) -> str:
        """The same, of how many."""
        return f"{self.results} of {len(self.parents)}"

    @property
    def gave_up(self) -> int:
        """How many parents waited in vain."""
        return sum(act.value is False for act in self.parents)

    @property
    def waiting_s(self) -> float:
        """For how long slots were taken by somebody who waited for a result."""
        notes = [note for act in self.parents for note in act.notes if note.doing == "blocked"]
        return sum(note.finished_s - note.started_s for note in notes)

    def _named(self, first: str) -> list[Act]:
        return [act for act in self.played.acts if act.label.startswith(first)]


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
            (one.how, one.slots, one.counted, one.gave_up, one.waiting_s, one.played.makespan_s)
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


def run(stage: Stage) -> Shown:
    """Fill a worker with parents that wait; then let them end instead; then ask another worker."""
    return Shown(
        same=_family(stage, SAME, _waiting(POOL)),
        ends=_family(stage, ENDS, _ending),
        other=_family(stage, OTHER, _waiting(ELSEWHERE)),
    )


def knot(family: Family) -> tuple[Wait, ...]:
    """Return the cycle if, when the first parent gave up, parents had all slots, children none."""
    if not family.parents or not family.children:
        return ()
    first_end_s = min(act.finished_s for act in family.parents)
    begun = sum(act.started_s < first_end_s for act in family.parents)
    if begun < family.slots or _lead_s(family) < 0:
        return ()
    return (
        Wait(who="parent 1", what="a result", holder="child 1"),
        Wait(who="child 1", what="a slot", holder="parent 1"),
    )


def _lead_s(family: Family) -> float:
    """Return how long after the first parent's end the first child began, in seconds."""
    ends = [act.finished_s for act in family.parents]
    return min(act.started_s for act in family.children) - min(ends)


def _family(stage: Stage, how: str, send: Callable[[Stage, UnderWay, str], None]) -> Family:
    scene = stage.traces.key(f"family.{how}")
    for counted in ("begun", "sent:begun"):
        stage.traces.key(f"family.{how}:{counted}")
    under_way = stage.begin(f"{POOL}: {how}")
    send(stage, under_way, scene)
    played = stage.follow(under_way)
    family = Family(how=how, slots=stage.slots(POOL), played=played)
    stage.show(played.scene(CAPTIONS[how], knot(family) if how == SAME else ()))
    return family


def _waiting(children: str) -> Callable[[Stage, UnderWay, str], None]:
    """Return how parents are sent that wait for children on the worker of pool `children`."""

    def send(stage: Stage, under_way: UnderWay, scene: str) -> None:
        many, worker = stage.slots(POOL), stage.worker(children)
        calls = [
            _parent(
                stage,
                number,
                "parent",
                stage.post(under_way, worker, f"child {number}", by_task=True),
                PATIENCE_S,
                scene,
                many,
            )
            for number in range(1, many + 1)
        ]
        stage.send(under_way, calls)

    return send


def _ending(stage: Stage, under_way: UnderWay, _scene: str) -> None:
    """Send parents that send the rest of their work, and end."""
    worker = stage.worker(POOL)
    calls = []
    for number in range(1, stage.slots(POOL) + 1):
        child = stage.post(under_way, worker, f"child {number}", by_task=True)
        rest = stage.post(under_way, worker, f"rest {number}", by_task=True)
        calls.append(_parent(stage, number, "first_half", child, rest))
    stage.send(under_way, calls)


def _parent(stage: Stage, number: int, task: str, *args: Any) -> Call:
    work = Work(task=f"lessons.deadlock.{task}", args=args)
    return Call(work=work, worker=stage.worker(POOL), label=f"parent {number}")
