"""Tasks that need two locks each: in which order they take them, how they are played and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.deadlock.judge import PLACES, WATCH, WAYS, Outcome, Way, judged, seeing
from producer.plan import Work
from tasks.lessons.deadlock import Errand

#: The worker of the tasks in turn; the first also has the one who watches.
POOLS: Final = {"worker": ("threads", "threads"), "redis": ("threads", "prefork")}
LOCKS: Final = "abcdef"
#: Seconds of work with all locks.
WORK_S: Final = 0.1
#: Seconds after which even a task that only has to wait its turn gives up.
BOUND_S: Final = 3.0
#: Share of the patience after which a task that may begin anew does so, and backs off at most.
IMPATIENCE: Final = 0.2
CAPTIONS: Final[dict[Way, str]] = {
    "opposite order": "Each has what another wants; only lost patience ends it.",
    "one order": "Whoever waits for the first lock has nothing yet that others want.",
    "back-off": "They still run into it; one gives back what it has, another goes on.",
    "one lock": "No cycle is possible; but a task that shares nothing queues with the others.",
}


def play(context: Context, place: str, way: Way) -> Outcome:
    """Play one scene and show it."""
    title = f"{PLACES[place]}: {way}"
    scene = context.traces.key(f"{place}.{WAYS.index(way)}")
    errands = errands_of(context.count("ring"), way, place, scene, _pace(context))
    names = sorted({lock for errand in errands for lock in errand.locks})
    keys = [context.traces.key(f"{scene.rpartition(':')[2]}:{name}") for name in (*names, *NOTED)]
    ran = context.run_scene(title, list(_calls(context, place, scene, names, errands)))
    outcome = judged(place, way, ran, errands[0].pause_s + WORK_S)
    left = sum(context.traces.get(key) is not None for key in keys[: len(names)])
    _show(context, outcome, ran)
    return replace(outcome, locks_left=left)


#: What the tasks of a scene count and note in Redis beside their locks.
NOTED: Final = ("begun", "ended", "wants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast tasks go for their locks, and how long they wait."""

    pause_s: float
    patience_s: float


def errands_of(ring: int, way: Way, place: str, scene: str, pace: Pace) -> list[Errand]:
    """Give `ring` tasks two of as many locks each, in a circle, and one more two of its own."""
    pairs = [(LOCKS[n], LOCKS[(n + 1) % ring]) for n in range(ring)]
    pairs.append((LOCKS[ring], LOCKS[ring + 1]))
    patience_s = BOUND_S if way in {"one order", "one lock"} else pace.patience_s
    impatient = way == "back-off"
    one = way == "one lock"
    return [
        Errand(
            place=place,
            scene=scene,
            who=f"task {number}",
            locks=("the lock",) if one else sorted(pair) if way == "one order" else pair,
            party=len(pairs),
            pause_s=pace.pause_s,
            work_s=WORK_S + (pace.pause_s if one else 0),
            patience_s=patience_s * (IMPATIENCE if impatient else 1),
            back_off_s=patience_s * IMPATIENCE if impatient else 0.0,
        )
        for number, pair in enumerate(pairs, start=1)
    ]


def _pace(context: Context) -> Pace:
    return Pace(
        pause_s=context.dial("pause_ms") / 1_000, patience_s=context.dial("patience_ms") / 1_000
    )


def _calls(
    context: Context, place: str, scene: str, names: Sequence[str], errands: Sequence[Errand]
) -> Iterator[Call]:
    first, second = (context.worker(pool) for pool in POOLS[place])
    watching = (place, scene, names, len(errands))
    yield Call(work=Work(task="lessons.deadlock.watch", args=watching), worker=first, label=WATCH)
    for number, errand in enumerate(errands):
        yield Call(
            work=Work(task="lessons.deadlock.work", args=(asdict(errand),)),
            worker=second if number % 2 or number == len(errands) - 1 else first,
            label=errand.who,
        )


def _show(context: Context, outcome: Outcome, ran: SceneRun) -> None:
    """Show a stall with the one who saw it; a cure without, and once: it looks alike elsewhere."""
    caption = CAPTIONS[outcome.way]
    if outcome.way != "opposite order":
        if outcome.place == "redis":
            context.show(outcome.ran.scene(caption))
        return
    tasks = tuple(
        seeing(task, outcome.found) if task.label == WATCH else task for task in ran.tasks
    )
    waits = outcome.found[0].waits if outcome.found else ()
    context.show(replace(ran, tasks=tasks).scene(caption, waits))
