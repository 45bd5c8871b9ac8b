"""The scenes of the lesson `parallelism`: four tasks of each kind, on one core and on all.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from cluster.affinity import can_pin, cores_of, pinned_to
from cluster.footprint import pss_bytes
from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.parallelism.scenes import close_look, overview
from lab.learn.lessons.parallelism.timing import (
    BURN,
    DIGEST,
    KINDS,
    SLEEP,
    TASKS,
    Timing,
    Timings,
    core_count,
    timing,
)
from lab.measure.calibrate import calibrate
from producer.plan import Work
from tasks.lessons import parallelism as parallelism_tasks
from worker.pools import POOLS

#: Milliseconds of CPU between two looks at the clock, before which digest must retake the GIL.
PIECE_MS: Final = {BURN: 0.25, DIGEST: 5.0}
#: How often tasks run that should be fast; the fastest round counts, because other programs on the
#: machine can only make a round slower.
ROUNDS: Final = 2
#: Seconds of a close look: several turns of 5 ms with the GIL.
CLOSE_LOOK_S: Final = 0.06

#: What to look at in a close look, by whether the pool runs Python code in parallel.
CLOSE_LOOK_CAPTIONS: Final = {
    True: "The kernel runs as many tasks at the same instant as there are cores.",
    False: (
        "One task holds the GIL for about 5 ms at a time; the others wait for it, even if a core "
        "is idle."
    ),
}
#: What to look at, by kind of task and whether there is more than one core.
CAPTIONS: Final[Mapping[tuple[str, bool], str]] = {
    (BURN, False): "One core leaves nothing to gain: processes take turns just as threads do.",
    (BURN, True): "Processes compute side by side; threads share the GIL and take turns.",
    (DIGEST, False): "Releasing the GIL does not help if there is only one core.",
    (DIGEST, True): "C code without the GIL: now threads are as parallel as processes.",
    (SLEEP, False): "Waiting needs no core: T in every pool.",
    (SLEEP, True): "More cores do not make waiting shorter.",
}


def play(context: Context) -> Timings:
    """Run and show each kind of task on one core, then on all cores."""
    works = _works(context.dial("work_ms"))
    _warm_up(context, works[SLEEP])
    all_cores = context.machine.cores
    best: list[Timing] = []
    for kind in KINDS:
        for cores in _core_counts(all_cores):
            timings = _on_each_pool(context, works[kind], kind, cores)
            context.show(overview(timings, CAPTIONS[kind, cores > 1]))
            best += timings
            if kind == BURN and cores > 1:
                _show_closely(context, timings)
    return Timings(
        all=best,
        memory_bytes={pool: pss_bytes(_pid(context, pool)) for pool in context.pools},
        pinned=can_pin() or all_cores == 1,
    )


def _works(work_ms: float) -> dict[str, Work]:
    """Return one task of each kind, sized for this machine's speed."""
    speed = calibrate()
    per_ms = {BURN: speed.burn_iterations_per_ms, DIGEST: speed.digest_rounds_per_ms}
    computing = {
        kind: Work(
            task=parallelism_tasks.compute.name,
            args=(kind, round(work_ms / piece_ms), round(per_ms[kind] * piece_ms)),
        )
        for kind, piece_ms in PIECE_MS.items()
    }
    waiting = Work(task=parallelism_tasks.wait.name, args=(work_ms / 1_000,))
    return {**computing, SLEEP: waiting}


def _core_counts(all_cores: int) -> tuple[int, ...]:
    """Return the numbers of cores to run on."""
    if all_cores == 1:
        return (1,)
    return (1, all_cores) if can_pin() else (all_cores,)


def _warm_up(context: Context, sleep: Work) -> None:
    """Make workers start their threads and import modules before anything is timed."""
    calls = [call for pool in context.pools for call in _four(context, pool, sleep, SLEEP)]
    context.run_scene("warm-up", calls)


def _on_each_pool(context: Context, work: Work, kind: str, cores: int) -> list[Timing]:
    """Run four tasks on each pool, in rounds; return each pool's fastest round."""
    rounds = ROUNDS if kind == SLEEP or cores > 1 else 1
    wait_s = context.dial("work_ms") / 1_000
    title = f"{kind} on {core_count(cores)}"
    by_pool: dict[str, list[Timing]] = {pool: [] for pool in context.pools}
    with _pinned(context, cores):
        for _ in range(rounds):
            for pool, of_pool in by_pool.items():
                ran = context.run_scene(f"{title}: {pool}", _four(context, pool, work, kind))
                of_pool.append(timing(ran, kind, cores, pool, wait_s))
    return [min(of_pool, key=lambda one: one.in_t) for of_pool in by_pool.values()]


def _show_closely(context: Context, timings: Sequence[Timing]) -> None:
    """Show how tasks take turns, on pools whose slots the kernel schedules."""
    for one in timings:
        pool = POOLS[one.pool]
        if pool.kernel_scheduled:
            caption = CLOSE_LOOK_CAPTIONS[pool.parallel_python]
            context.show(close_look(one, CLOSE_LOOK_S, caption))


def _four(context: Context, pool: str, work: Work, kind: str) -> Sequence[Call]:
    worker = context.worker(pool)
    return [Call(work=work, worker=worker, label=f"{kind} {n + 1}") for n in range(TASKS)]


@contextmanager
def _pinned(context: Context, cores: int) -> Iterator[None]:
    """Pin all workers to one core, unless they may use all."""
    with ExitStack() as pinned:
        if cores < context.machine.cores:
            for pool in context.pools:
                pid = _pid(context, pool)
                pinned.enter_context(pinned_to({min(cores_of(pid))}, pid))
        yield


def _pid(context: Context, pool: str) -> int:
    pid = context.worker(pool).pid
    assert pid is not None, "the lesson's workers are on this machine"  # noqa: S101
    return pid
