"""The workers of the lesson `free-threading`, and what is done on them: computing, counting.

It must not know how it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call
from lab.session.interpreter import Interpreter, environment
from lab.session.started import StartedWorker
from producer.plan import Work

SLICES, COUNT_DOWN = "lessons.free_threading.slices", "lessons.free_threading.count_down"
#: How often each thread takes 1; with a mutex around it, which takes longer.
TIMES, TIMES_GUARDED = 300_000, 60_000
#: Rounds of counting at most, until one has lost something.
ROUNDS: Final = 12
#: Turns of `cpu.burn` by which the interpreter's speed is measured.
TRIAL_TURNS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One worker of the interpreter, and what computing on it came to."""

    name: str
    worker: StartedWorker
    gil: bool  # whether it was started with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What counting down together came to."""

    lost: int
    of: int
    rounds: int
    makespan_s: float


def started(context: Context, python: Interpreter, cores: int) -> list[Way]:
    asked = (("gil", "threads", True), ("no-gil", "threads", False), ("prefork", "prefork", True))
    started = context.start(
        *(
            WorkerRequest(
                name=name,
                pool=pool,
                slots=cores,
                env=environment(python, context.session.cluster.folder, gil=gil),
                python=python.path,
            )
            for name, pool, gil in asked
        )
    )
    return [
        Way(name=f"{words.pool(pool, cores)}, {'GIL' if gil else 'no GIL'}", worker=worker, gil=gil)
        for (_, pool, gil), worker in zip(asked, started, strict=True)
    ]


def called(work: Work, way: Way, count: int) -> list[Call]:
    return [Call(work=work, worker=way.worker, label=f"task {n}") for n in range(1, count + 1)]


def turns_per_ms(context: Context, ways: Sequence[Way], cores: int) -> float:
    """Return how many turns this Python does in a millisecond; each worker is warm afterwards."""
    work = Work(task=SLICES, args=(TRIAL_TURNS, 1, "own"))
    took_s: list[float] = []
    for way in ways:
        ran = context.run_scene(f"warm-up: {way.name}", called(work, way, cores))
        took_s += [value["cpu_s"] for value in ran.values]
    return TRIAL_TURNS / min(took_s) / 1_000


def counted(context: Context, way: Way, cores: int, *, guarded: bool) -> Count:
    """Count down in all threads of a worker at once, again and again until an update is lost.

    Where others have the cores, two threads are seldom at it at the same instant.
    """
    times, rounds = (TIMES_GUARDED, 1) if guarded else (TIMES, ROUNDS)
    lost, number, makespan_s = 0, 0, 0.0
    while number < rounds and not lost:
        number += 1
        counter = context.traces.key(f"{way.worker.node}.{guarded}.{number}")
        work = Work(task=COUNT_DOWN, args=(counter, times, cores, guarded))
        title = f"counting, {'mutex' if guarded else 'bare'}: {way.name}"
        ran = context.run_scene(title, called(work, way, cores))
        lost = ran.values[0]["reads"]
        makespan_s = ran.makespan_s
    return Count(lost=lost, of=times * cores, rounds=number, makespan_s=makespan_s)
