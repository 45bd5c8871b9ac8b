"""The scenes of the lesson `deadlock`: locks, subtasks, and a check that all workers still work.

It must not know what is concluded from them.
"""

from __future__ import annotations

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.deadlock.lock_run import PLACES, STRATEGIES
from lab.learn.lessons.deadlock.observations import DeadlockObservations, SlotCheck
from lab.learn.lessons.deadlock.subtasks import run_subtasks
from lab.learn.lessons.deadlock.two_locks import SCENE_KEYS, run_locks
from producer.plan import Work
from tasks.errors import WorkerError
from tasks.lessons.deadlock import two_locks as lock_tasks


def play(context: Context) -> DeadlockObservations:
    """Run all scenes.

    Raises WorkerError if a worker has too few slots.
    """
    _check_slots(context)
    return DeadlockObservations(
        locks={
            (place, strategy): run_locks(context, place, strategy)
            for place in PLACES
            for strategy in STRATEGIES
        },
        subtasks=run_subtasks(context),
        slot_checks=tuple(_slot_check(context, pool) for pool in context.pools),
    )


def _check_slots(context: Context) -> None:
    """Raise WorkerError if the tasks that wait for each other cannot all run at once."""
    ring = context.count("ring")
    for pool, least in (("threads", ring + 2), ("prefork", ring // 2 + 1)):
        if context.slots(pool) < least:
            raise WorkerError(
                f"deadlock needs {least} slots on {context.worker(pool).node}, which has "
                f"{context.slots(pool)}: start it with a higher --concurrency"
            )


def _slot_check(context: Context, pool: str) -> SlotCheck:
    """Run a task in every slot at once."""
    slots, name = context.slots(pool), f"slot_check.{pool}"
    for suffix in SCENE_KEYS:
        context.traces.key(f"{name}:{suffix}")
    arguments = (context.traces.key(name), slots)
    work = Work(task=lock_tasks.gather.name, args=arguments)
    calls = [Call(work=work, worker=context.worker(pool), label="plain task")] * slots
    ran = context.run_scene(f"{pool}: slot check", calls)
    return SlotCheck(pool=pool, slots=slots, working=min(ran.values, default=0))
