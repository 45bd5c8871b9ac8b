"""How long four tasks took on one pool, and how many could compute at once; pure.

It must not know how they were run or drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

from lab.learn.engine.atonce import mean_at_once
from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.results.lesson import Bar, Lane
from tasks.lessons.parallelism import CORE
from worker.pools import Pool

#: Tasks of each scene, and slots of each worker.
TASKS: Final = 4
#: The kinds of tasks.
BURN, DIGEST, SLEEP = "burn", "digest", "sleep"
COMPUTING: Final = (BURN, DIGEST)
KINDS: Final = (BURN, DIGEST, SLEEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one task did for a while; seconds since the first of the four started."""

    lane: Lane
    bar: Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Four tasks of one kind on one pool, on a given number of cores."""

    kind: str
    cores: int
    pool: str
    task_s: float  # T: CPU seconds that one task took, or seconds that it was to wait
    activities: tuple[Activity, ...]

    @property
    def makespan_s(self) -> float:
        """From the first task's start to the last one's end."""
        return max(one.bar.finished_s for one in self.activities)

    @property
    def in_t(self) -> float:
        """How many T the four took."""
        return self.makespan_s / self.task_s

    @property
    def runnable(self) -> float:
        """How many could compute at the same instant, on average while any could.

        A task could compute if it had a core, or lacked nothing but a core.
        """
        return mean_at_once(spans(self.activities, with_core=False))

    @property
    def taken_by_others(self) -> float:
        """Share of the core time due to these four that other programs took."""
        had_s = length_s(spans(self.activities, with_core=True))
        wanted_s = length_s(spans(self.activities, with_core=False))
        if not wanted_s:
            return 0.0
        due = min(1.0, self.cores / self.runnable)
        return max(0.0, 1 - had_s / wanted_s / due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All that was timed, and what each pool's worker takes."""

    all: Sequence[Timing]
    memory_bytes: Mapping[str, int]  # by pool
    pinned: bool = True  # whether tasks also ran on one core, if the machine has several

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that took part."""
        return tuple(dict.fromkeys(one.pool for one in self.all))

    @property
    def cores(self) -> list[int]:
        """The numbers of cores that the tasks ran on, the fewest first."""
        return sorted({one.cores for one in self.all})

    def of(self, kind: str, cores: int) -> list[Timing]:
        """Return one timing for each pool."""
        return [one for one in self.all if (one.kind, one.cores) == (kind, cores)]


def timing(ran: SceneRun, kind: str, cores: int, pool: str, wait_s: float) -> Timing:
    """Read what the tasks handed in: their start, by one clock for all, and their CPU seconds."""
    zero_s = min(one.value[0] for one in ran.tasks)
    return Timing(
        kind=kind,
        cores=cores,
        pool=pool,
        task_s=wait_s if kind == SLEEP else mean(one.value[1] for one in ran.tasks),
        activities=tuple(part for one in ran.tasks for part in _activities(one, zero_s)),
    )


def parallel(kind: str, pool: Pool) -> bool:
    """Return whether two tasks of a kind can compute at the same instant on a pool."""
    return pool.parallel_python or (kind == DIGEST and pool.kernel_scheduled)


def spans(activities: Iterable[Activity], *, with_core: bool) -> list[tuple[float, float]]:
    """Return when tasks computed or, unless `with_core`, when they computed or could have."""
    return [
        (one.bar.started_s, one.bar.finished_s)
        for one in activities
        if one.bar.doing == "computes" or (not with_core and one.bar.what == CORE)
    ]


def length_s(of: Iterable[tuple[float, float]]) -> float:
    """Return the sum of the lengths of spans."""
    return sum(finished_s - started_s for started_s, finished_s in of)


def core_count(cores: int) -> str:
    """Write a number of cores."""
    return "one core" if cores == 1 else f"{cores} cores"


def _activities(one: TaskRun, zero_s: float) -> Iterator[Activity]:
    """Place a task's notes by its own clock: if the GIL is busy, it opens its notebook late."""
    shift_s = one.value[0] - zero_s - one.started_s
    lane = Lane(node=one.node, slot=one.slot)
    for note in one.notes:
        bar = Bar(
            lane=0,
            doing=note.doing,
            what=note.what,
            who=one.label,
            started_s=note.started_s + shift_s,
            finished_s=note.finished_s + shift_s,
        )
        yield Activity(lane=lane, bar=bar)
