"""Can we open as many as we like? A pool of 5 serves 20 tasks, then pools get ever more slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from statistics import median
from typing import Final

from cluster.footprint import cpu_s, pss_bytes
from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.pools.judge import Measured, claims, tables, verdict
from lab.learn.lessons.pools.sweep import Step, sizes
from lab.learn.lessons.pools.waves import Served, served
from lab.measure.calibrate import calibrate
from lab.results.lesson import Findings
from lab.session.protocols import Worker
from producer.plan import Work
from worker.pools import POOLS

SLOTS, TASKS = 5, 20
#: Tasks sent beyond the slots of a worker, so that all of them are used more than once.
BEYOND: Final = 25
#: How often each step is measured, all in turn; the best counts: others only take away from it.
ROUNDS: Final = 2
#: What a task of the sweep does, in ms: little that needs the interpreter, much more to wait.
CPU_MS, WAIT_MS = 4.0, 30.0


@dataclass(slots=True, kw_only=True)
class _Size:
    """A worker of the sweep, and the best that was seen of it."""

    worker: Worker
    step: Step


def run(context: Context) -> Findings:
    """Serve 20 tasks with 5 slots on each pool, then sweep."""
    fives = [_size(context.worker(pool), pool, SLOTS) for pool in context.pools]
    waves = {pool: _waves(context, pool) for pool in context.pools}
    swept = _sweep(context, fives)
    measured = Measured(
        served=waves,
        steps={pool: [one for one in swept if one.pool == pool] for pool in context.pools},
        machine=context.machine,
    )
    return Findings(
        tables=tables(measured), claims=tuple(claims(measured)), verdict=verdict(measured)
    )


def _waves(context: Context, pool: str) -> Served:
    hold_s = context.dial("hold_ms") / 1_000
    work = Work(task="lessons.pools.hold", args=(hold_s,))
    worker = context.worker(pool)
    calls = [Call(work=work, worker=worker, label=f"task {n}") for n in range(1, TASKS + 1)]
    ran = context.run_scene(f"{pool}: {TASKS} tasks, {SLOTS} slots", calls)
    context.show(ran.scene("Five at a time; whoever is free takes the next."))
    return served(ran, pool, hold_s)


def _sweep(context: Context, fives: Sequence[_Size]) -> list[Step]:
    """Have a worker of each size beside those of 5, then measure all of them in turn."""
    of_pools = [
        sizes(SLOTS, processes=POOLS[pool].parallel_python, machine=context.machine)
        for pool in context.pools
    ]
    all_sizes = list(fives)
    for alike in list(zip_longest(*of_pools))[1:]:
        wanted = [
            WorkerRequest(name=f"{pool}-{slots}", pool=pool, slots=slots)
            for pool, slots in zip(context.pools, alike, strict=True)
            if slots
        ]
        started = context.start(*wanted)
        all_sizes += [
            _size(worker, one.pool, one.slots) for worker, one in zip(started, wanted, strict=True)
        ]
    work = Work(task="mixed.work", args=(CPU_MS, WAIT_MS, calibrate().burn_iterations_per_ms))
    for size in chain.from_iterable([all_sizes] * ROUNDS):
        _measure(context, size, work)
    return [
        replace(size.step, memory_bytes=pss_bytes(_pid(size.worker)))
        for size in sorted(all_sizes, key=lambda size: size.step.slots)
    ]


def _size(worker: Worker, pool: str, slots: int) -> _Size:
    step = Step(
        pool=pool,
        slots=slots,
        start_up_s=worker.start_up_s or 0.0,
        start_cpu_s=cpu_s(_pid(worker)),
        memory_bytes=0,
        throughput_per_s=0.0,
        held_s=0.0,
    )
    return _Size(worker=worker, step=step)


def _measure(context: Context, size: _Size, work: Work) -> None:
    """Send a burst, and keep what it came to where that is the best so far."""
    step = size.step
    calls = [Call(work=work, worker=size.worker, label="task")] * (step.slots + BEYOND)
    ran = context.run_scene(f"{step.pool}, {step.slots} slots", calls)
    throughput_per_s = len(ran.tasks) / _took_s(ran)
    if throughput_per_s > step.throughput_per_s:
        held_s = median(one.finished_s - one.started_s for one in ran.tasks)
        size.step = replace(step, throughput_per_s=throughput_per_s, held_s=held_s)


def _took_s(ran: SceneRun) -> float:
    """From the first beginning to the last end: how long sending took is another matter."""
    return max(one.finished_s for one in ran.tasks) - min(one.started_s for one in ran.tasks)


def _pid(worker: Worker) -> int:
    assert worker.pid is not None, "the lesson's workers are on this machine"  # noqa: S101
    return worker.pid


LESSON: Final = Lesson(
    name="pools",
    title="A pool has few slots on purpose: more cost more, and soon bring nothing",
    setting=(
        "20 tasks on a pool of 5 slots; then workers of ever more slots, which compute 4 ms and "
        "wait 30 ms for each task."
    ),
    question=Question(
        text="A threads pool gets 60 slots instead of 5. What happens to its throughput?",
        choices=("twelve times as much", "three times as much", "about the same"),
        right=2,
    ),
    workers={"prefork": SLOTS, "threads": SLOTS, "gevent": SLOTS},
    here=True,
    tasks=frozenset({"lessons.pools.hold", "mixed.work"}),
    dials=(
        Dial(flag="--hold-ms", default=150.0, low=50, high=2_000, help="Time of a task, in ms."),
    ),
    run=run,
    lecture=(
        "The lecture opens a pool of 5 for 20 tasks of 2 s: five workers, opened in advance and "
        "used again, four waves. So it is here, with one difference: a greenlet is made anew for "
        "each task, for it costs next to nothing, and only their number is kept. It says that "
        "opening without limit would be fast but that the hardware cannot bear it, and that a pool "
        "trades speed for safety; measured, there is no such trade: far below what memory would "
        "hold, the cores or the GIL are used up, and what is opened beyond makes nothing faster."
    ),
    turn_next=(
        "poolwise learn pools --hold-ms 500",
        "poolwise learn pools --pools prefork",
        "poolwise race --workloads mixed",
    ),
)
