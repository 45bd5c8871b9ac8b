"""The scenes of the lesson `gil`: many tasks update one counter, with and without a cure.

It must not know what is concluded from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.gil.counter_run import (
    DECR,
    GET_SET,
    MUTEX,
    NO_PAUSE,
    PAUSE,
    REDIS,
    REDIS_LOCK,
    CounterRun,
)
from producer.plan import Work
from tasks.lessons import gil as gil_tasks
from worker.pools import POOLS

#: Seconds for a scene in which tasks wait for a lock one after the other.
LOCKED_SCENE_S: Final = 30.0
#: How much shorter a pause is if the tasks take it one after the other.
QUEUED_PAUSE: Final = 0.1
#: Tasks drawn of a scene: of a single worker, and of each of several.
DRAWN, DRAWN_OF_EACH = 8, 4

#: What to look at in a worker's own counter, by the kind of its slots.
PAUSE_CAPTIONS: Final = {
    "thread": "Tasks that pause at the same time have read the same number.",
    "greenlet": "There is only one thread, yet tasks that pause together have the same number.",
    "process": "Each process counts down its own copy.",
}
MUTEX_CAPTION: Final = "One at a time: a task that waits for the mutex has not read anything yet."
REDIS_CAPTIONS: Final = {
    GET_SET: "Between one task's GET and its SET, the others read the same number, on whatever "
    "machine they run.",
    REDIS_LOCK: "Only one task in the whole cluster reads, pauses and writes at a time.",
    DECR: "No task reads the counter: Redis itself subtracts 1.",
}


def play(context: Context) -> list[CounterRun]:
    """Update a counter in each worker's memory, then one in Redis; return each run in order."""
    return [*_in_memory(context), *_in_redis(context)]


def _in_memory(context: Context) -> Iterator[CounterRun]:
    for pool in context.pools:
        for method in (NO_PAUSE, PAUSE, MUTEX):
            yield _in_memory_of(context, pool, method)


def _in_memory_of(context: Context, pool: str, method: str) -> CounterRun:
    tasks = context.count("tasks")
    title = f"{pool}: {method}"
    guarded = method == MUTEX
    arguments = (context.traces.key(title), tasks, _pauses_s(context)[method], guarded)
    work, worker = Work(task=gil_tasks.take.name, args=arguments), context.worker(pool)
    calls = [Call(work=work, worker=worker, label=f"task {n}") for n in range(1, tasks + 1)]
    ran = context.run_scene(title, calls, LOCKED_SCENE_S)
    slot = POOLS[pool].slot
    if method == PAUSE:
        context.show(ran.excerpt(DRAWN).scene(PAUSE_CAPTIONS[slot]))
    if method == MUTEX and slot == "thread":
        context.show(ran.excerpt(DRAWN).scene(MUTEX_CAPTION))
    return CounterRun(
        place=pool,
        method=method,
        tasks=tasks,
        final_values=_final_values(ran),
        makespan_s=ran.makespan_s,
    )


def _in_redis(context: Context) -> Iterator[CounterRun]:
    for method in gil_tasks.SHARED_METHODS:
        yield _in_redis_by(context, method)


def _in_redis_by(context: Context, method: str) -> CounterRun:
    """Update one counter from all pools; the tasks are split evenly among the workers."""
    tasks = context.count("tasks")
    key = context.traces.put(f"counter.{method}", tasks)
    arguments = (key, _pauses_s(context)[method], method)
    work = Work(task=gil_tasks.take_shared.name, args=arguments)
    workers = [context.worker(pool) for pool in context.pools]
    calls = [
        Call(work=work, worker=workers[n * len(workers) // tasks], label=f"task {n + 1}")
        for n in range(tasks)
    ]
    ran = context.run_scene(f"{REDIS}: {method}", calls, LOCKED_SCENE_S)
    context.show(ran.excerpt(DRAWN_OF_EACH).scene(REDIS_CAPTIONS[method]))
    return CounterRun(
        place=REDIS,
        method=method,
        tasks=tasks,
        final_values=(int(context.traces.get(key) or 0),),
        makespan_s=ran.makespan_s,
    )


def _pauses_s(context: Context) -> dict[str, float]:
    """Return the pause of each method, in seconds: short if the tasks queue for a lock."""
    pause_s = context.dial("pause_ms") / 1_000
    return {
        NO_PAUSE: 0.0,
        PAUSE: pause_s,
        MUTEX: pause_s * QUEUED_PAUSE,
        GET_SET: pause_s,
        REDIS_LOCK: pause_s * QUEUED_PAUSE,
        DECR: pause_s,
    }


def _final_values(ran: SceneRun) -> tuple[int, ...]:
    """Return the value that was written last in each process."""
    last: dict[int, tuple[float, int]] = {}
    for task in ran.tasks:
        written, at_s = task.value
        last[task.pid] = max(last.get(task.pid, (0.0, 0)), (at_s, written))
    return tuple(written for _, written in last.values())
