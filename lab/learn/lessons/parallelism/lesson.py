"""Who takes T and who takes 4 T: four tasks that compute or wait, on one core and on all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from cluster.affinity import can_hold, cores_of, held_to
from cluster.footprint import pss_bytes
from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.parallelism.judge import Figures
from lab.learn.lessons.parallelism.play import (
    BURN,
    DIGEST,
    KINDS,
    SLEEP,
    TASKS,
    Timed,
    close_look,
    in_words,
    scene,
    timed,
)
from lab.measure.calibrate import calibrate
from lab.results.lesson import Findings
from producer.plan import Work
from worker.pools import POOLS

#: Milliseconds of CPU between two looks at the clock, for which digest has to take the GIL again.
PIECE_MS: Final = {BURN: 0.25, DIGEST: 5.0}
#: How often what should be quick is run; the quickest counts: others only make it longer.
ROUNDS: Final = 2
#: Seconds of a close look: some turns of 5 ms with the GIL.
CLOSE_S: Final = 0.06
NO_PINNING: Final = (
    "Not shown on one core: this system does not let a process be held to a core (Linux does)."
)
CLOSELY: Final = {
    True: "The kernel lets as many compute at once as there are cores, whoever they are.",
    False: "One has the GIL, for 5 ms or so; the others wait for it, also while a core is idle.",
}
CAPTIONS: Final[Mapping[tuple[str, bool], str]] = {
    (BURN, False): "One core has nothing to share out: processes and threads take turns alike.",
    (BURN, True): "Processes compute side by side; threads, with the GIL, take turns.",
    (DIGEST, False): "Letting go of the GIL does not help where there is one core.",
    (DIGEST, True): "C code without the GIL: now threads are as parallel as processes.",
    (SLEEP, False): "Waiting takes no core: T in every pool.",
    (SLEEP, True): "More cores do not make it any shorter.",
}


def run(context: Context) -> Findings:
    """Run each kind of task on one core, then on all there are."""
    works = _works(context.dial("work_ms"))
    _warm_up(context, works)
    all_cores = context.machine.cores
    best: list[Timed] = []
    for kind in KINDS:
        for cores in _places(all_cores):
            alike = _alike(context, works[kind], kind, cores)
            context.show(scene(alike, CAPTIONS[kind, cores > 1]))
            best += alike
            if kind == BURN and cores > 1:
                _show_closely(context, alike)
    memory = {pool: pss_bytes(_pid(context, pool)) for pool in context.pools}
    figures = Figures(best, memory)
    return Findings(
        tables=figures.tables(),
        claims=tuple(figures.claims()),
        verdict=figures.verdict(),
        remarks=(
            *figures.remarks(),
            *(() if can_hold() or all_cores == 1 else (NO_PINNING,)),
        ),
    )


def _works(work_ms: float) -> dict[str, Work]:
    """Return what a task of each kind is, for this machine's speed."""
    speed = calibrate()
    per_ms = {BURN: speed.burn_iterations_per_ms, DIGEST: speed.digest_rounds_per_ms}
    computing = {
        kind: Work(
            task="lessons.parallelism.compute",
            args=(kind, round(work_ms / piece_ms), round(per_ms[kind] * piece_ms)),
        )
        for kind, piece_ms in PIECE_MS.items()
    }
    return {**computing, SLEEP: Work(task="lessons.parallelism.wait", args=(work_ms / 1_000,))}


def _places(all_cores: int) -> tuple[int, ...]:
    """Return the numbers of cores to run on."""
    if all_cores == 1:
        return (1,)
    return (1, all_cores) if can_hold() else (all_cores,)


def _warm_up(context: Context, works: Mapping[str, Work]) -> None:
    """Let threads be started, and modules imported, before anything is timed."""
    calls = [call for pool in context.pools for call in _four(context, pool, works[SLEEP], SLEEP)]
    context.run_scene("warm-up", calls)


def _alike(context: Context, work: Work, kind: str, cores: int) -> list[Timed]:
    """Run four tasks on each pool, in rounds; return the quickest of each pool."""
    rounds = ROUNDS if kind == SLEEP or cores > 1 else 1
    wait_s = context.dial("work_ms") / 1_000
    title = f"{kind} on {in_words(cores)}"
    by_pool: dict[str, list[Timed]] = {pool: [] for pool in context.pools}
    with _on_cores(context, cores):
        for _ in range(rounds):
            for pool, of_pool in by_pool.items():
                ran = context.run_scene(f"{title}: {pool}", _four(context, pool, work, kind))
                of_pool.append(timed(ran, kind, cores, pool, wait_s))
    return [min(of_pool, key=lambda one: one.in_t) for of_pool in by_pool.values()]


def _show_closely(context: Context, alike: Sequence[Timed]) -> None:
    """Show how turns are taken, where several are at work at once."""
    for one in alike:
        if POOLS[one.pool].kernel_scheduled:
            context.show(close_look(one, CLOSE_S, CLOSELY[POOLS[one.pool].parallel_python]))


def _four(context: Context, pool: str, work: Work, kind: str) -> Sequence[Call]:
    worker = context.worker(pool)
    return [Call(work=work, worker=worker, label=f"{kind} {n + 1}") for n in range(TASKS)]


@contextmanager
def _on_cores(context: Context, cores: int) -> Iterator[None]:
    """Hold all workers to one core, if one is wanted and there are more."""
    with ExitStack() as held:
        if cores < context.machine.cores:
            for pool in context.pools:
                pid = _pid(context, pool)
                held.enter_context(held_to({min(cores_of(pid))}, pid))
        yield


def _pid(context: Context, pool: str) -> int:
    pid = context.worker(pool).pid
    assert pid is not None, "the lesson's workers are on this machine"  # noqa: S101
    return pid


LESSON: Final = Lesson(
    name="parallelism",
    title="Who takes T and who takes 4 T depends on what the tasks do",
    setting=(
        "Four tasks of T seconds each on workers of 4 slots: burn computes in Python, digest in C, "
        "sleep waits. First the whole worker is held to one core, then it has all of them."
    ),
    question=Question(
        text="Four tasks that compute in C (digest), 4 threads, 2 cores: how long do they take?",
        choices=("T: they are threads", "2 T: both cores are used", "4 T: there is the GIL"),
        right=1,
    ),
    workers={"prefork": TASKS, "threads": TASKS, "gevent": TASKS},
    here=True,
    tasks=frozenset({"lessons.parallelism.compute", "lessons.parallelism.wait"}),
    dials=(Dial(flag="--work-ms", default=100.0, low=50, high=1_000, help="T, in ms."),),
    run=run,
    lecture=(
        "The lecture has four tasks of 10 s: waiting, they take 10 s on one core in processes and "
        "in threads alike, and processes only cost more memory; computing, they take 10 s in "
        "processes on four cores and 40 s in threads. So it is here, with as many cores as there "
        "are: on two cores processes take 2 T. What it leaves out: not only what waits lets go "
        "of the GIL. C code such as hashing, compressing or numpy may compute without it, and then "
        "threads use every core; greenlets do not, for they are one thread, and such code never "
        "yields. A Python without the GIL lets threads run burn side by side as well."
    ),
    turn_next=(
        "poolwise learn parallelism --work-ms 500",
        "poolwise learn parallelism --pools threads,gevent",
        "poolwise learn free-threading",
    ),
)
