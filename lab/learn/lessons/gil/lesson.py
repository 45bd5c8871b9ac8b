"""The GIL protects the interpreter, not your data: a counter that a hundred tasks take from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.scene_run import Call, SceneRun
from lab.results.lesson import Cell, Claim, Column, Findings, Table
from producer.plan import Work
from tasks.lessons.gil import WAYS
from worker.pools import POOLS

#: Seconds for a scene in which a lock makes everyone wait for everyone.
GUARDED_S: Final = 30.0
#: What is done without a lock, in an interpreter and in Redis.
NO_PAUSE, PAUSE, MUTEX = "no pause", "pause", "pause, mutex"
#: Tasks drawn of a scene: of one worker, of each of several.
SHOWN, SHOWN_OF_EACH = 8, 4
REDIS: Final = "Redis, all pools"

COLUMNS: Final = (
    Column(heading="counter in"),
    Column(heading="how"),
    Column(heading="tasks", unit="count"),
    Column(heading="reads at the end"),
    Column(heading="updates lost", unit="count"),
    Column(heading="time", unit="seconds"),
)
CAPTIONS: Final = {
    "thread": "All pause at once, and all have read the same number.",
    "greenlet": "One thread only, and yet: all pause at once with the same number.",
    "process": "Each process counts down a copy of its own.",
    MUTEX: "One at a time: whoever waits for the mutex has read nothing yet.",
    "GET, SET": "Between GET and SET the others read the same number, on whatever machine.",
    "lock": "One task in the whole cluster pauses at a time.",
    "DECR": "Nobody reads: Redis itself takes 1.",
}


@dataclass(slots=True)
class _Tally:
    """The rows of the table, and what was lost where and how."""

    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    lost: dict[tuple[str, str], int] = field(default_factory=dict)
    finals: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def enter(self, where: str, how: str, ran: SceneRun, finals: list[int], lost: int) -> None:
        each = words.count(finals[0]) if len(finals) == 1 else _each(finals)
        self.rows.append((where, how, len(ran.tasks), each, lost, ran.makespan_s))
        self.lost[where, how] = lost
        self.finals[where, how] = finals


def run(context: Context) -> Findings:
    """Let them take: in each interpreter, then from one counter in Redis."""
    tally = _Tally()
    for pool in context.pools:
        for how in (NO_PAUSE, PAUSE, MUTEX):
            _in_interpreter(context, pool, how, tally)
    for how in WAYS:
        _in_redis(context, how, tally)
    title = "The counter, and what became of it"
    return Findings(
        tables=(Table(title=title, columns=COLUMNS, rows=tuple(tally.rows)),),
        claims=tuple(_claims(context, tally)),
        verdict=_verdict(context, tally),
    )


def _in_interpreter(context: Context, pool: str, how: str, tally: _Tally) -> None:
    tasks = context.count("tasks")
    pause_s = _pauses_s(context)[how]
    title = f"{pool}: {how}"
    work = Work(
        task="lessons.gil.take", args=(context.traces.key(title), tasks, pause_s, how == MUTEX)
    )
    worker = context.worker(pool)
    calls = [Call(work=work, worker=worker, label=f"take {n}") for n in range(1, tasks + 1)]
    ran = context.run_scene(title, calls, GUARDED_S)
    finals = _finals(ran)
    tally.enter(pool, how, ran, finals, tasks - sum(tasks - final for final in finals))
    slot = POOLS[pool].slot
    if how == PAUSE:
        context.show(ran.excerpt(SHOWN).scene(CAPTIONS[slot]))
    if how == MUTEX and slot == "thread":
        context.show(ran.excerpt(SHOWN).scene(CAPTIONS[how]))


def _pauses_s(context: Context) -> dict[str, float]:
    """Return the pause of each way, in seconds; where all wait in a queue it has to be short."""
    long_s = context.dial("pause_ms") / 1_000
    return {
        NO_PAUSE: 0.0,
        PAUSE: long_s,
        MUTEX: long_s / 10,
        "GET, SET": long_s,
        "lock": long_s / 10,
        "DECR": long_s,
    }


def _finals(ran: SceneRun) -> list[int]:
    """Return, for each process that took part, what was written to its counter last."""
    last: dict[int, tuple[float, int]] = {}
    for task in ran.tasks:
        written, at_s = task.value
        last[task.pid] = max(last.get(task.pid, (0.0, 0)), (at_s, written))
    return [written for _, written in last.values()]


def _in_redis(context: Context, how: str, tally: _Tally) -> None:
    """Have all pools take from one counter, in turn."""
    tasks, pause_s = context.count("tasks"), _pauses_s(context)[how]
    key = context.traces.put(f"counter.{how}", tasks)
    work = Work(task="lessons.gil.take_shared", args=(key, pause_s, how))
    workers = [context.worker(pool) for pool in context.pools]
    calls = [
        Call(work=work, worker=workers[n * len(workers) // tasks], label=f"take {n + 1}")
        for n in range(tasks)
    ]
    ran = context.run_scene(f"{REDIS}: {how}", calls, GUARDED_S)
    final = int(context.traces.get(key) or 0)
    tally.enter(REDIS, how, ran, [final], final)
    context.show(ran.excerpt(SHOWN_OF_EACH).scene(CAPTIONS[how]))


def _claims(context: Context, tally: _Tally) -> Iterator[Claim]:
    tasks = context.count("tasks")
    for pool in context.pools:
        finals = tally.finals[pool, PAUSE]
        if POOLS[pool].slot == "process":
            own = len(finals) > 1 and min(finals) > 0
            says = f"{pool}: each process counts in a copy of its own"
            yield Claim(says=says, holds=own, seen=f"{len(finals)} counters: {_each(finals)}")
        else:
            yield _many_lost(
                f"{pool}: a pause between read and write", tally.lost[pool, PAUSE], tasks
            )
            yield _none_lost(f"{pool}: a mutex around both", tally.lost[pool, MUTEX])
    yield _many_lost("Redis: GET and SET from all pools", tally.lost[REDIS, "GET, SET"], tasks)
    yield _none_lost("Redis: a lock around both", tally.lost[REDIS, "lock"])
    yield _none_lost("Redis: an atomic DECR", tally.lost[REDIS, "DECR"])


def _many_lost(what: str, lost: int, tasks: int) -> Claim:
    says = f"{what} loses most updates"
    return Claim(says=says, holds=lost > tasks / 2, seen=f"{lost} of {tasks} lost")


def _none_lost(what: str, lost: int) -> Claim:
    return Claim(says=f"{what} loses none", holds=lost == 0, seen=f"{lost} lost")


def _verdict(context: Context, tally: _Tally) -> str:
    tasks = context.count("tasks")
    worst = max(tally.lost[REDIS, "GET, SET"], *(tally.lost[p, PAUSE] for p in context.pools))
    return (
        f"Up to {worst} of {tasks} updates were lost wherever somebody else could read between one "
        f"task's read and its write, with the GIL (threads), without a second thread (gevent) and "
        f"across processes (Redis). A lock around both, or one atomic step such as DECR, lost "
        f"{tally.lost[REDIS, 'lock'] + tally.lost[REDIS, 'DECR']}."
    )


def _each(finals: list[int]) -> str:
    return ", ".join(words.count(final) for final in finals)


LESSON: Final = Lesson(
    name="gil",
    title="The GIL protects the interpreter, not your data",
    setting=(
        "100 tasks each take 1 from a counter that starts at 100: read it, pause, write it back. "
        "First each worker has a counter in its own memory, then all share one in Redis."
    ),
    question=Question(
        text="In the threads pool, how many of the 100 updates will the counter have kept?",
        choices=("all 100: the GIL guards it", "about half", "only a few"),
        right=2,
    ),
    workers={"threads": 100, "gevent": 100, "prefork": 4},
    tasks=frozenset({"lessons.gil.take", "lessons.gil.take_shared"}),
    dials=(
        Dial(flag="--tasks", default=100, low=8, high=300, help="Tasks that take."),
        Dial(flag="--pause-ms", default=60.0, low=0, high=500, help="Pause before writing, ms."),
    ),
    run=run,
    lecture=(
        "The lecture counts down from 100 in a hundred threads of one interpreter: 0 without a "
        "pause, 99 with one, and asks for a mutex. So it is here; but without a pause 0 is luck, "
        "not a promise: the interpreter may switch threads between any two bytecodes, and a Python "
        "without the GIL runs them at the same instant. On a cluster a mutex guards one process "
        "only, so that the data that all share needs a lock, or an atomic step, where the data is."
    ),
    turn_next=(
        "poolwise learn gil --pause-ms 0",
        "poolwise learn gil --pools prefork",
        "poolwise learn deadlock",
    ),
)
