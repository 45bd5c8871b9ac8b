"""The contestants of the lesson `hybrid`: their workers, and how works become tasks on them.

It must not know how they are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.engine.trials import pss_bytes
from lab.results.lesson import Bar, Lane, Scene
from lab.session.started import StartedWorker
from producer.plan import Work

WORK, SEVERAL = "lessons.hybrid.work", "lessons.hybrid.several"
#: How much more memory than the budget still counts as equal.
EQUAL: Final = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How much a work computes, and how much it waits."""

    name: str
    cpu_ms: float
    io_ms: float

    def __str__(self) -> str:
        return f"{self.name} ({self.cpu_ms:g} ms CPU, {self.io_ms:g} ms wait)"


#: What warms a worker up: each work waits until every slot has one.
WARM_UP: Final = Mix(name="warm-up", cpu_ms=1, io_ms=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One way to have slots: the workers, and the threads inside each task, if any."""

    name: str
    workers: tuple[StartedWorker, ...]
    threads: int = 0  # of each task; 0: a task is one work

    def calls(self, works: int, mix: Mix, cast: Scale) -> list[Call]:
        """Make works into tasks, over the workers; with threads inside, one per core."""
        args = (mix.cpu_ms, mix.io_ms, cast.iterations_per_ms)
        if self.threads:
            return [
                Call(
                    work=Work(task=SEVERAL, args=(len(numbers), self.threads, *args)),
                    worker=self.workers[0],
                    label=f"works {numbers[0] + 1}–{numbers[-1] + 1}",
                )
                for numbers in dealt(works, cast.cores)
            ]
        one = Work(task=WORK, args=args)
        return [
            Call(work=one, worker=worker, label=f"work {number + 1}")
            for worker, numbers in zip(self.workers, dealt(works, len(self.workers)), strict=False)
            for number in numbers
        ]


class Scale(Protocol):
    """What works are made into tasks by."""

    @property
    def cores(self) -> int:
        """Cores that are to be used."""

    @property
    def iterations_per_ms(self) -> float:
        """Turns of `cpu.burn` in a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everyone who takes part, and what they take of memory."""

    cores: int
    slots: int  # of each member but the last
    iterations_per_ms: float
    processes: Member
    threads: Member
    gevent: Member
    per_core: Member  # one gevent worker for each core
    threads_inside: Member  # a process for each core, and threads in it
    few: Member  # as many processes as fit into the memory of `per_core`
    fitting: int  # how many those are
    pss_bytes: Mapping[str, int]  # by member, once each slot has run something

    @property
    def members(self) -> tuple[Member, ...]:
        """All of them, in the order in which they are shown."""
        return (*self.same_slots, self.few)

    @property
    def budget_bytes(self) -> int:
        """What counts as equal memory."""
        return self.pss_bytes[self.per_core.name]

    @property
    def same_slots(self) -> tuple[Member, ...]:
        """Those with the same number of slots, whatever memory that takes."""
        return self.processes, self.threads, self.gevent, self.per_core, self.threads_inside

    @property
    def same_memory(self) -> tuple[Member, ...]:
        """Those that fit into the budget."""
        most = EQUAL * self.budget_bytes
        return tuple(one for one in self.members if self.pss_bytes[one.name] <= most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    cores: int
    iterations_per_ms: float


def dealt(works: int, hands: int) -> list[range]:
    """Split the numbers of works into ranges that differ by one at most; none is empty."""
    bounds = [works * hand // hands for hand in range(hands + 1)]
    return [range(a, b) for a, b in pairwise(bounds) if a < b]


def engage(context: Context, cores: int, slots: int, iterations_per_ms: float) -> Cast:
    """Start those with the same number of slots; then see how many processes equal memory holds."""
    each = -(-slots // cores)
    processes, threads, gevent, inside, *per_core = context.start(
        WorkerRequest(name="prefork", pool="prefork", slots=slots),
        WorkerRequest(name="threads", pool="threads", slots=slots),
        WorkerRequest(name="gevent", pool="gevent", slots=slots),
        WorkerRequest(name="both", pool="prefork", slots=cores),
        *(
            WorkerRequest(name=f"gevent-{n}", pool="gevent", slots=each)
            for n in range(1, cores + 1)
        ),
    )
    fixed = {
        "processes": Member(name=words.pool("prefork", slots), workers=(processes,)),
        "threads": Member(name=words.pool("threads", slots), workers=(threads,)),
        "gevent": Member(name=words.pool("gevent", slots), workers=(gevent,)),
        "per_core": Member(name=f"{cores} gevent {words.TIMES}{each}", workers=tuple(per_core)),
        "threads_inside": Member(
            name=f"prefork {words.TIMES}{cores} of {each} threads", workers=(inside,), threads=each
        ),
    }
    scale = _Scale(cores=cores, iterations_per_ms=iterations_per_ms)
    pss = {key: _warm(context, one, slots, scale) for key, one in fixed.items()}
    fitting = processes_that_fit(
        pss["per_core"], (cores, pss["threads_inside"]), (slots, pss["processes"])
    )
    # As many processes as cores are there already, and need no second worker.
    started = inside
    if fitting != cores:
        [started] = context.start(WorkerRequest(name="few", pool="prefork", slots=fitting))
    few = Member(name=words.pool("prefork", fitting), workers=(started,))
    taken = {one.name: pss[key] for key, one in fixed.items()}
    taken[few.name] = _warm(context, few, slots, scale)
    return Cast(
        **fixed,
        cores=cores,
        slots=slots,
        iterations_per_ms=iterations_per_ms,
        few=few,
        fitting=fitting,
        pss_bytes=taken,
    )


def _warm(context: Context, member: Member, slots: int, scale: Scale) -> int:
    """Have every slot run something; return the bytes that the member takes then."""
    context.run_scene(f"warm-up: {member.name}", member.calls(slots, WARM_UP, scale), results=False)
    return pss_bytes(member.workers)


def processes_that_fit(budget: float, few: tuple[int, float], many: tuple[int, float]) -> int:
    """Return how many prefork processes take `budget` bytes: one at least, fewer than `many`.

    `few` and `many` are two numbers of processes and the bytes that they take.
    """
    each = (many[1] - few[1]) / (many[0] - few[0])
    fitting = few[0] + int((budget - few[1]) // each) if each > 0 else few[0]
    return min(max(1, fitting), many[0] - 1)


def scene(member: Member, ran: SceneRun, caption: str) -> Scene:
    """Draw what a member did; with threads inside, a lane for each thread."""
    if not member.threads:
        return ran.scene(caption)
    notes = [
        (Lane(node=task.node, slot=f"{task.pid} {note.what}"), task.label, note)
        for task in ran.tasks
        for note in task.notes
    ]
    lanes = sorted({lane for lane, _, _ in notes}, key=lambda lane: lane.slot)
    bars = tuple(
        Bar(
            lane=lanes.index(lane),
            doing=note.doing,
            what="",
            who=label,
            started_s=note.started_s,
            finished_s=note.finished_s,
        )
        for lane, label, note in notes
    )
    return Scene(title=ran.title, caption=caption, lanes=tuple(lanes), bars=bars)
