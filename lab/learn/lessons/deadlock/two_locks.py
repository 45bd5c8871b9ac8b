"""Scenes of tasks that need two locks each, by where the locks are and how they are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.deadlock.lock_run import (
    PLACES,
    STRATEGIES,
    WATCHER,
    LockRun,
    LockStrategy,
    lock_run,
    with_sightings,
)
from producer.plan import Work
from tasks.lessons.deadlock import two_locks as lock_tasks
from tasks.lessons.deadlock.two_locks import LockJob

#: The workers that take the tasks in turn, by place; the first one also runs the watcher.
POOLS: Final = {"worker": ("threads", "threads"), "redis": ("threads", "prefork")}
LOCKS: Final = "abcdef"
#: Seconds that a task works with all its locks.
WORK_S: Final = 0.1
#: Seconds after which a task gives up even if it only waits its turn.
TURN_TIMEOUT_S: Final = 3.0
#: A task that tries again waits this share of the patience for a lock, and backs off as long.
BACK_OFF_SHARE: Final = 0.2
#: What the tasks of a scene keep in Redis in addition to their locks.
SCENE_KEYS: Final = ("begun", "ended", "wants")
#: What to look at, by strategy, and if no cycle was found in the first.
NO_CYCLE: Final = "The tasks take their locks in opposite order, but this time without a cycle."
CAPTIONS: Final[dict[LockStrategy, str]] = {
    "opposite order": "Each task in the cycle holds what the next one wants, until one gives up.",
    "same order": "A task that waits for its first lock holds nothing that others want.",
    "back-off": "Tasks still collide, but one releases its lock so that another can go on.",
    "one lock": (
        "No cycle is possible, but all tasks queue for one lock, even {last}, whose own two locks "
        "no other task needs."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast tasks take their locks, and how long they wait for them."""

    pause_s: float
    patience_s: float


def run_locks(context: Context, place: str, strategy: LockStrategy) -> LockRun:
    """Run one scene and show it."""
    title = f"{PLACES[place]}: {strategy}"
    name = f"{place}.{STRATEGIES.index(strategy)}"
    scene = context.traces.key(name)
    pace = Pace(
        pause_s=context.dial("pause_ms") / 1_000, patience_s=context.dial("timeout_ms") / 1_000
    )
    jobs = jobs_of(context.count("ring"), strategy, place, scene, pace)
    locks = sorted({lock for job in jobs for lock in job.locks})
    lock_keys = [context.traces.key(f"{name}:{lock}") for lock in locks]
    for suffix in SCENE_KEYS:
        context.traces.key(f"{name}:{suffix}")
    ran = context.run_scene(title, list(_calls(context, place, scene, locks, jobs)))
    run = lock_run(place, strategy, ran, jobs[0].pause_s + WORK_S)
    _show(context, run, ran)
    return replace(run, locks_left=sum(context.traces.get(key) is not None for key in lock_keys))


def jobs_of(ring: int, strategy: LockStrategy, place: str, scene: str, pace: Pace) -> list[LockJob]:
    """Return `ring` tasks that share as many locks in a circle, and one task that shares none."""
    pairs = [(LOCKS[n], LOCKS[(n + 1) % ring]) for n in range(ring)]
    pairs.append((LOCKS[ring], LOCKS[ring + 1]))
    one_lock, back_off = strategy == "one lock", strategy == "back-off"
    timeout_s = pace.patience_s
    if strategy in {"same order", "one lock"}:
        timeout_s = TURN_TIMEOUT_S
    if back_off:
        timeout_s = pace.patience_s * BACK_OFF_SHARE
    return [
        LockJob(
            place=place,
            scene=scene,
            who=f"task {number}",
            locks=("the lock",) if one_lock else _in_order(pair, strategy),
            parties=len(pairs),
            pause_s=pace.pause_s,
            work_s=WORK_S + (pace.pause_s if one_lock else 0),
            timeout_s=timeout_s,
            back_off_s=timeout_s if back_off else 0.0,
        )
        for number, pair in enumerate(pairs, start=1)
    ]


def _in_order(pair: Sequence[str], strategy: LockStrategy) -> Sequence[str]:
    return sorted(pair) if strategy == "same order" else pair


def _calls(
    context: Context, place: str, scene: str, locks: Sequence[str], jobs: Sequence[LockJob]
) -> Iterator[Call]:
    first, second = (context.worker(pool) for pool in POOLS[place])
    watch = Work(task=lock_tasks.watch.name, args=(place, scene, locks, len(jobs)))
    yield Call(work=watch, worker=first, label=WATCHER)
    for number, job in enumerate(jobs):
        yield Call(
            work=Work(task=lock_tasks.work.name, args=(asdict(job),)),
            worker=second if number % 2 or number == len(jobs) - 1 else first,
            label=job.who,
        )


def _show(context: Context, run: LockRun, ran: SceneRun) -> None:
    """Show a deadlock with its watcher; show a cure once and without, because all look alike."""
    caption = CAPTIONS[run.strategy].format(last=f"task {run.tasks}")
    if run.strategy != "opposite order":
        if run.place == "redis":
            context.show(run.ran.scene(caption))
        return
    tasks = tuple(
        with_sightings(task, run.deadlocks) if task.label == WATCHER else task for task in ran.tasks
    )
    waits = run.deadlocks[0].waits if run.deadlocks else ()
    caption = caption if run.deadlocks else NO_CYCLE
    context.show(replace(ran, tasks=tasks).scene(caption, waits))
