"""Four tasks of the lesson `parallelism` on one pool, as they tell it themselves; pure.

It must not know how they were run, nor what is said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Final

from lab.format import words
from lab.learn.engine.atonce import mean_at_once
from lab.learn.engine.scene_run import SceneRun, TaskRun
from lab.results.lesson import Bar, Lane, Scene
from tasks.lessons.notebook import Doing
from tasks.lessons.parallelism import CORE
from worker.pools import Pool

#: Tasks of each scene, and slots of each worker.
TASKS: Final = 4
#: What they do.
BURN, DIGEST, SLEEP = "burn", "digest", "sleep"
COMPUTING: Final = (BURN, DIGEST)
KINDS: Final = (BURN, DIGEST, SLEEP)
#: Where a close look begins, as a share of the makespan: all have come to work by then.
CLOSE_FROM: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one task did for a while; seconds since the first of the four began."""

    lane: Lane
    bar: Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Four tasks of one kind on one pool, on some cores."""

    kind: str
    cores: int
    pool: str
    task_s: float  # T: CPU seconds that one of them took, or seconds that it was to wait
    stretches: tuple[Stretch, ...]

    @property
    def makespan_s(self) -> float:
        """From the first task's beginning to the last one's end."""
        return max(one.bar.finished_s for one in self.stretches)

    @property
    def in_t(self) -> float:
        """How many T the four took."""
        return self.makespan_s / self.task_s

    @property
    def ready(self) -> float:
        """How many could compute at the same instant, on average while any could.

        Those count that have a core, and those that lack nothing but a core.
        """
        return mean_at_once(_spans(self.stretches, with_core=False))

    @property
    def others_took(self) -> float:
        """Share of the cores due to these four that something else on the machine had."""
        had_s = _length_s(_spans(self.stretches, with_core=True))
        wanted_s = _length_s(_spans(self.stretches, with_core=False))
        if not wanted_s:
            return 0.0
        due = min(1.0, self.cores / self.ready)
        return max(0.0, 1 - had_s / wanted_s / due)


def timed(ran: SceneRun, kind: str, cores: int, pool: str, wait_s: float) -> Timed:
    """Read what the tasks handed in: since when, by one clock for all, and their CPU seconds."""
    zero_s = min(one.value[0] for one in ran.tasks)
    return Timed(
        kind=kind,
        cores=cores,
        pool=pool,
        task_s=wait_s if kind == SLEEP else mean(one.value[1] for one in ran.tasks),
        stretches=tuple(part for one in ran.tasks for part in _stretches(one, zero_s)),
    )


def parallel(kind: str, pool: Pool) -> bool:
    """Say whether two tasks of a kind can compute at the same instant on a pool."""
    return pool.parallel_python or (kind == DIGEST and pool.kernel_scheduled)


def in_words(cores: int) -> str:
    """Write a number of cores."""
    return "one core" if cores == 1 else f"{cores} cores"


def scene(alike: Sequence[Timed], caption: str) -> Scene:
    """Draw what several pools did with the same work on the same cores: a bar for each task."""
    whole = [part for one in alike for part in _whole(one)]
    return _scene(f"{alike[0].kind} on {in_words(alike[0].cores)}", caption, whole)


def close_look(one: Timed, length_s: float, caption: str) -> Scene:
    """Draw who had a turn when, for `length_s` seconds out of the middle."""
    from_s = CLOSE_FROM * one.makespan_s
    parts = [
        replace(
            part,
            bar=replace(
                part.bar,
                started_s=max(0.0, part.bar.started_s - from_s),
                finished_s=min(length_s, part.bar.finished_s - from_s),
            ),
        )
        for part in one.stretches
        if part.bar.finished_s > from_s and part.bar.started_s < from_s + length_s
    ]
    title = f"{one.kind} on {one.pool}, {in_words(one.cores)}: {length_s * 1_000:.0f} ms of it"
    return _scene(title, caption, parts)


def _scene(title: str, caption: str, parts: Sequence[Stretch]) -> Scene:
    lanes = list(dict.fromkeys(part.lane for part in parts))
    bars = tuple(replace(part.bar, lane=lanes.index(part.lane)) for part in parts)
    return Scene(title=title, caption=caption, lanes=tuple(lanes), bars=bars)


def _whole(one: Timed) -> Iterable[Stretch]:
    """Make one bar of each task, which says how much of a core it had."""
    for who in dict.fromkeys(part.bar.who for part in one.stretches):
        own = [part for part in one.stretches if part.bar.who == who]
        first, last = own[0], own[-1]
        taken_s = last.bar.finished_s - first.bar.started_s
        computed_s = _length_s(_spans(own, with_core=True))
        what = f"{words.percent(computed_s / taken_s)} of a core" if computed_s else "waits"
        doing: Doing = "computes" if computed_s else "waits"
        bar = replace(first.bar, doing=doing, what=what, finished_s=last.bar.finished_s)
        yield replace(first, bar=bar)


def _stretches(one: TaskRun, zero_s: float) -> Iterable[Stretch]:
    """Place a task's notes by its own clock: where the GIL is busy it opens its notebook late."""
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
        yield Stretch(lane=lane, bar=bar)


def _spans(parts: Iterable[Stretch], *, with_core: bool) -> list[tuple[float, float]]:
    """Return when tasks computed, or else when they could have."""
    return [
        (part.bar.started_s, part.bar.finished_s)
        for part in parts
        if part.bar.doing == "computes" or (not with_core and part.bar.what == CORE)
    ]


def _length_s(spans: Iterable[tuple[float, float]]) -> float:
    return sum(ended_s - began_s for began_s, ended_s in spans)
