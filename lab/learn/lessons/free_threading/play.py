"""The scenes of the lesson `free-threading`: computing and counting, with the GIL and without.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call
from lab.learn.engine.trials import Trials, run_trials
from lab.learn.lessons.free_threading.comparison import SHARED, CountDown, GilComparison
from lab.session.interpreter import Interpreter, environment
from lab.session.started import StartedWorker
from producer.plan import Work
from tasks.lessons.free_threading import tasks as free_threading_tasks

#: With more cores it would only take longer to show the same.
MOST_CORES: Final = 4
#: A task's CPU time in the timelines, in milliseconds: short, to make the GIL's turns visible.
DRAWN_MS: Final = 60
DRAWN_SLICES: Final = 120
#: How often each thread subtracts 1; fewer times with a mutex, which takes longer.
TIMES, TIMES_GUARDED = 300_000, 60_000
#: The most rounds of counting without a mutex; the first that loses an update is the last.
ROUNDS: Final = 12
#: Rounds of arithmetic by which the interpreter's speed is measured.
SPEED_ITERATIONS: Final = 1_000_000

CAPTIONS: Final = (
    "One thread computes while the rest wait for the GIL, in turns of a few milliseconds.",
    "The same interpreter and the same threads: none waits for another, only for a core if none "
    "is free.",
    "A process for each core, each with its own GIL: the usual replacement for threads.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A worker of the interpreter, with or without the GIL."""

    name: str
    worker: StartedWorker


def play(context: Context, python: Interpreter, cores: int) -> GilComparison:
    """Draw each variant, then compute on all of them in turn, then count down in threads."""
    variants = _start(context, python, cores)
    speed = _iterations_per_ms(context, variants, cores)
    _draw(context, variants, cores, speed)
    on, off, processes = variants
    return GilComparison(
        cores=cores,
        tasks=_task_count(context, cores),
        on=on.name,
        off=off.name,
        processes=processes.name,
        trials=_compute(context, variants, cores, speed),
        bare={one.name: _count_down(context, one, cores, guarded=False) for one in (on, off)},
        guarded={one.name: _count_down(context, one, cores, guarded=True) for one in (on, off)},
    )


def _start(context: Context, python: Interpreter, cores: int) -> list[Variant]:
    variants = (
        ("gil", "threads", True),
        ("no-gil", "threads", False),
        ("prefork", "prefork", True),
    )
    workers = context.start(
        *(
            WorkerRequest(
                name=name,
                pool=pool,
                slots=cores,
                env=environment(python, context.session.cluster.folder, gil=gil),
                python=python.path,
            )
            for name, pool, gil in variants
        )
    )
    return [
        Variant(name=f"{words.pool(pool, cores)}, {'GIL' if gil else 'no GIL'}", worker=worker)
        for (_, pool, gil), worker in zip(variants, workers, strict=True)
    ]


def _iterations_per_ms(context: Context, variants: Sequence[Variant], cores: int) -> float:
    """Measure the interpreter's speed, which also warms up each worker."""
    took_s: list[float] = []
    for variant in variants:
        calls = _calls(_slices(SPEED_ITERATIONS), variant, cores)
        ran = context.run_scene(f"warm-up: {variant.name}", calls)
        took_s += [value["cpu_s"] for value in ran.values]
    return SPEED_ITERATIONS / min(took_s) / 1_000


def _draw(context: Context, variants: Sequence[Variant], cores: int, speed: float) -> None:
    work = _slices(round(DRAWN_MS * speed), DRAWN_SLICES)
    for variant, caption in zip(variants, CAPTIONS, strict=True):
        ran = context.run_scene(variant.name, _calls(work, variant, cores))
        context.show(ran.scene(caption))


def _compute(
    context: Context, variants: Sequence[Variant], cores: int, speed: float
) -> dict[str, Trials]:
    size, count = round(context.dial("task_ms") * speed), _task_count(context, cores)
    _, off, _ = variants
    calls = {one.name: partial(_calls, _slices(size), one, count) for one in variants}
    calls[off.name + SHARED] = partial(_calls, _slices(size, numbers="shared"), off, count)
    return run_trials(context, "computing", calls, results=True)


def _count_down(context: Context, variant: Variant, cores: int, *, guarded: bool) -> CountDown:
    """Count down in all threads of a worker at once, repeatedly until an update is lost.

    While other programs use the cores, two threads rarely run at the same instant.
    """
    times, rounds = (TIMES_GUARDED, 1) if guarded else (TIMES, ROUNDS)
    lost, number, makespan_s = 0, 0, 0.0
    while number < rounds and not lost:
        number += 1
        counter = context.traces.key(f"{variant.worker.node}.{guarded}.{number}")
        arguments = (counter, times, cores, guarded)
        work = Work(task=free_threading_tasks.count_down.name, args=arguments)
        title = f"counting {'with' if guarded else 'without'} a mutex: {variant.name}"
        ran = context.run_scene(title, _calls(work, variant, cores))
        lost = ran.values[0]["reads"]
        makespan_s = ran.makespan_s
    return CountDown(lost=lost, of=times * cores, rounds=number, makespan_s=makespan_s)


def _task_count(context: Context, cores: int) -> int:
    return context.count("tasks_per_core") * cores


def _slices(iterations: int, count: int = 1, numbers: str = "own") -> Work:
    return Work(task=free_threading_tasks.slices.name, args=(iterations, count, numbers))


def _calls(work: Work, variant: Variant, count: int) -> list[Call]:
    return [Call(work=work, worker=variant.worker, label=f"task {n}") for n in range(1, count + 1)]
