"""The scenes of the lesson `pools`: more tasks than slots, then bursts on ever larger workers.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from statistics import median
from typing import Final

from cluster.footprint import cpu_s, pss_bytes
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.pools.measurements import PoolMeasurements
from lab.learn.lessons.pools.sweep import SweepStep, sizes
from lab.learn.lessons.pools.waves import WaveRun, wave_run
from lab.measure.calibrate import calibrate
from lab.session.protocols import Worker
from producer.plan import Work
from tasks import mixed
from tasks.lessons import pools as pools_tasks
from worker.pools import POOLS

SLOTS, TASKS = 5, 20
#: Tasks sent in addition to one for each slot, so that slots are used more than once.
EXTRA_TASKS: Final = 25
#: How often each size is measured, all in turn; the best round counts, because other programs on
#: the machine can only make a round slower.
ROUNDS: Final = 2
#: What a task of the sweep does, in ms: a little computing and much more waiting.
CPU_MS, WAIT_MS = 4.0, 30.0


@dataclass(slots=True, kw_only=True)
class _SweptWorker:
    """A worker of the sweep and its best round so far."""

    worker: Worker
    step: SweepStep


def play(context: Context) -> PoolMeasurements:
    """Run 20 tasks on 5 slots of each pool, then sweep over more slots."""
    # Taken before any task runs: the CPU time that a worker has used by now is that of its start.
    smallest = [_swept(context.worker(pool), pool, SLOTS) for pool in context.pools]
    wave_runs = {pool: _waves(context, pool) for pool in context.pools}
    steps = _sweep(context, smallest)
    return PoolMeasurements(
        wave_runs=wave_runs,
        sweeps={pool: [one for one in steps if one.pool == pool] for pool in context.pools},
        machine=context.machine,
    )


def _waves(context: Context, pool: str) -> WaveRun:
    hold_s = context.dial("hold_ms") / 1_000
    work, worker = Work(task=pools_tasks.hold.name, args=(hold_s,)), context.worker(pool)
    calls = [Call(work=work, worker=worker, label=f"task {n}") for n in range(1, TASKS + 1)]
    ran = context.run_scene(f"{pool}: {TASKS} tasks, {SLOTS} slots", calls)
    context.show(ran.scene("Five tasks run at a time; a slot that becomes free takes the next."))
    return wave_run(ran, pool, hold_s)


def _sweep(context: Context, smallest: Sequence[_SweptWorker]) -> list[SweepStep]:
    """Measure workers of each size in turn; all of them run until the end."""
    swept = [*smallest, *_start_larger(context)]
    work = Work(task=mixed.work.name, args=(CPU_MS, WAIT_MS, calibrate().burn_iterations_per_ms))
    for one in chain.from_iterable([swept] * ROUNDS):
        _measure(context, one, work)
    return [
        replace(one.step, memory_bytes=pss_bytes(_pid(one.worker)))
        for one in sorted(swept, key=lambda one: one.step.slots)
    ]


def _start_larger(context: Context) -> list[_SweptWorker]:
    """Start the larger workers, those of one size at a time."""
    of_pools = [
        sizes(SLOTS, processes=POOLS[pool].parallel_python, machine=context.machine)
        for pool in context.pools
    ]
    larger = []
    for slots_of_pools in list(zip_longest(*of_pools))[1:]:
        requests = [
            WorkerRequest(name=f"{pool}-{slots}", pool=pool, slots=slots)
            for pool, slots in zip(context.pools, slots_of_pools, strict=True)
            if slots
        ]
        larger += [
            _swept(worker, request.pool, request.slots)
            for worker, request in zip(context.start(*requests), requests, strict=True)
        ]
    return larger


def _swept(worker: Worker, pool: str, slots: int) -> _SweptWorker:
    step = SweepStep(
        pool=pool,
        slots=slots,
        start_up_s=worker.start_up_s or 0.0,
        start_cpu_s=cpu_s(_pid(worker)),
        memory_bytes=0,
        throughput_per_s=0.0,
        task_s=0.0,
    )
    return _SweptWorker(worker=worker, step=step)


def _measure(context: Context, swept: _SweptWorker, work: Work) -> None:
    """Run a burst, and keep its figures if it is the best so far."""
    step = swept.step
    calls = [Call(work=work, worker=swept.worker, label="task")] * (step.slots + EXTRA_TASKS)
    ran = context.run_scene(f"{step.pool}, {step.slots} slots", calls)
    throughput_per_s = len(ran.tasks) / _running_s(ran)
    if throughput_per_s > step.throughput_per_s:
        task_s = median(one.finished_s - one.started_s for one in ran.tasks)
        swept.step = replace(step, throughput_per_s=throughput_per_s, task_s=task_s)


def _running_s(ran: SceneRun) -> float:
    """Return the time from the first start to the last end, so that sending does not count."""
    return max(one.finished_s for one in ran.tasks) - min(one.started_s for one in ran.tasks)


def _pid(worker: Worker) -> int:
    assert worker.pid is not None, "the lesson's workers are on this machine"  # noqa: S101
    return worker.pid
