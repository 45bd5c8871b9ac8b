"""Tasks that wait for each other: seen, drawn and cured, in one process and between machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.deadlock import subtasks
from lab.learn.lessons.deadlock.judge import COLUMNS, PLACES, WAYS, Outcome, Way, as_words
from lab.learn.lessons.deadlock.two_locks import NOTED, play
from lab.results.lesson import Claim, Findings, Table
from producer.plan import Work
from tasks.errors import WorkerError

Outcomes = Mapping[tuple[str, Way], Outcome]


def run(context: Context) -> Findings:
    """Let them stall, cure it, let Celery stall itself, and see that all workers are well."""
    _check_room(context)
    outcomes: Outcomes = {
        (place, way): play(context, place, way) for place in PLACES for way in WAYS
    }
    own = subtasks.run(context)
    return Findings(
        tables=(
            Table(
                title="Two locks, and what became of those who needed both",
                columns=COLUMNS,
                rows=tuple(outcome.row for outcome in outcomes.values()),
            ),
            own.table,
        ),
        claims=(
            *(claim for place in PLACES for claim in _claims(outcomes, place)),
            *own.claims,
            _none_left(outcomes),
            *(_well(context, pool) for pool in context.pools),
        ),
        verdict=_verdict(outcomes, own),
    )


def _check_room(context: Context) -> None:
    """Raise WorkerError where the tasks that wait for each other cannot all run at once."""
    ring = context.count("ring")
    for pool, least in (("threads", ring + 2), ("prefork", ring // 2 + 1)):
        if context.slots(pool) < least:
            raise WorkerError(
                f"deadlock needs {least} slots of {context.worker(pool).node}, which has "
                f"{context.slots(pool)}: start it with a greater --concurrency"
            )


def _claims(outcomes: Outcomes, place: str) -> Iterator[Claim]:
    opposite, ordered, backed_off, one = (outcomes[place, way] for way in WAYS)
    name = PLACES[place]
    yield _stalled(opposite)
    yield Claim(
        says=f"{name}, one order: no circle, everybody works",
        holds=ordered.worked == ordered.tasks and not ordered.found,
        seen=ordered.counted,
    )
    yield Claim(
        says=f"{name}, back-off: everybody works, but not at the first try",
        holds=backed_off.worked == backed_off.tasks and backed_off.retries > 0,
        seen=f"{backed_off.counted}, retries: {backed_off.retries}",
    )
    yield Claim(
        says=f"{name}, one lock: everybody works, more of them have to wait",
        holds=one.worked == one.tasks and one.had_to_wait > ordered.had_to_wait,
        seen=f"{one.counted}, {one.had_to_wait} had to wait, {ordered.had_to_wait} in one order",
    )


def _stalled(outcome: Outcome) -> Claim:
    """Say that a cycle of all in the ring was found before anybody gave up, and that one had to."""
    says = f"{PLACES[outcome.place]}, opposite order: a circle of waiting until somebody gives up"
    if not outcome.found:
        return Claim(says=says, holds=False, seen="no circle")
    stall = outcome.found[0]
    ahead_s = outcome.gave_up_s - stall.from_s
    seen = f"{as_words(stall.waits)}; found {words.duration(ahead_s)} before that"
    holds = len(stall.waits) == outcome.tasks - 1 and 0 < ahead_s < float("inf")
    return Claim(says=says, holds=holds, seen=seen)


def _none_left(outcomes: Outcomes) -> Claim:
    left = sum(outcome.locks_left for outcome in outcomes.values())
    return Claim(says="no lock stays in Redis", holds=left == 0, seen=f"{left} left")


def _well(context: Context, pool: str) -> Claim:
    """Say that a worker runs as many tasks at once as it has slots."""
    slots, name = context.slots(pool), f"well.{pool}"
    for noted in NOTED:
        context.traces.key(f"{name}:{noted}")
    work = Work(task="lessons.deadlock.gather", args=(context.traces.key(name), slots))
    calls = [Call(work=work, worker=context.worker(pool), label="plain task")] * slots
    at_once = min(context.run_scene(f"{pool}: as before", calls).values, default=0)
    says = f"{pool} afterwards: every slot works"
    return Claim(says=says, holds=at_once == slots, seen=f"{at_once} of {slots} at once")


def _verdict(outcomes: Outcomes, own: subtasks.Shown) -> str:
    here, there = (outcomes[place, "opposite order"] for place in PLACES)
    cured = [outcomes[place, "one order"].ran.makespan_s for place in PLACES]
    return (
        f"Locks taken in opposite order kept their tasks waiting in a circle for "
        f"{words.duration(here.stalled_s)} in one worker and {words.duration(there.stalled_s)} "
        f"between two, until one lost patience; taken in one order, all was done in "
        f"{words.duration(cured[0])} and {words.duration(cured[1])}. Tasks that waited in all "
        f"{own.same.slots} slots for tasks that needed one did the same without a lock: "
        f"{own.same.counted} got a result, against {own.ends.counted} "
        f"that ended and left the rest to a chain."
    )


LESSON: Final = Lesson(
    name="deadlock",
    title="Who waits for whom: deadlocks of locks, and of Celery itself",
    setting=(
        "Two tasks need locks a and b, and take them in opposite order; a third needs locks of its "
        "own. First the locks are in one worker's memory, then in Redis, shared by two workers. "
        "Then tasks wait in every slot of a worker for tasks that need such a slot."
    ),
    question=Question(
        text="Each of the two has one lock and wants the other's. What ends it?",
        choices=(
            "Python, Redis or Celery sees the circle and ends one",
            "nothing but a bound on waiting",
            "the scheduler: each gets its turn",
        ),
        right=1,
    ),
    workers={"threads": 8, "prefork": 3},
    needs=frozenset({"threads", "prefork"}),
    tasks=frozenset(
        f"lessons.deadlock.{name}"
        for name in ("work", "watch", "gather", "parent", "child", "first_half", "second_half")
    ),
    dials=(
        Dial(flag="--ring", default=2, low=2, high=4, help="Tasks that wait in a circle."),
        Dial(
            flag="--pause-ms",
            default=200.0,
            low=0,
            high=500,
            help="Pause between a task's first lock and its second, ms.",
        ),
        Dial(
            flag="--patience-ms",
            default=1_000.0,
            low=10,
            high=2_000,
            help="How long a task waits for a lock before it gives up, ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture lets ten threads take a then b, and then b then a, without a bound, and the "
        "program hangs for good: nothing in Python looks for such a circle. Nor does Redis or "
        "Celery, and on a cluster nobody has a stack trace of both machines: bound every wait, "
        "let locks expire, and let each lock tell who has it. What Celery does refuse is waiting "
        "for a result inside a task (these here pass disable_sync_subtasks=False); a chain, a "
        "chord or a callback needs no slot while it waits."
    ),
    turn_next=(
        "poolwise learn deadlock --ring 4",
        "poolwise learn deadlock --patience-ms 300",
        "poolwise learn deadlock --pause-ms 0",
    ),
)
