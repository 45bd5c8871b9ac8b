"""The layouts of workers that the lesson `hybrid` compares: their slots, tasks and memory.

It must not know what is measured or concluded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.format import words
from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call
from lab.learn.engine.trials import pss_bytes
from lab.learn.lessons.hybrid.jobs import WARM_UP, Mix, split_evenly
from lab.session.started import StartedWorker
from producer.plan import Work
from tasks.lessons import hybrid as hybrid_tasks

#: How much more memory than the budget still counts as equal.
EQUAL: Final = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way to provide slots: the workers, and the threads inside each task, if any."""

    name: str
    workers: tuple[StartedWorker, ...]
    iterations_per_ms: float  # rounds of `cpu.burn` in a millisecond
    tasks: int = 0  # that start threads, one per core; 0: each job is a task
    threads: int = 0  # in each of these tasks

    def calls(self, jobs: int, mix: Mix) -> list[Call]:
        """Return the calls that run the jobs, split evenly over the workers or over `tasks`."""
        args = (mix.cpu_ms, mix.io_ms, self.iterations_per_ms)
        if self.threads:
            several = hybrid_tasks.several.name
            return [
                Call(
                    work=Work(task=several, args=(len(numbers), self.threads, *args)),
                    worker=self.workers[0],
                    label=f"jobs {numbers[0] + 1}–{numbers[-1] + 1}",
                )
                for numbers in split_evenly(jobs, self.tasks)
            ]
        one = Work(task=hybrid_tasks.work.name, args=args)
        shares = split_evenly(jobs, len(self.workers))
        return [
            Call(work=one, worker=worker, label=f"job {number + 1}")
            for worker, numbers in zip(self.workers, shares, strict=False)
            for number in numbers
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """All layouts, and the memory that each of them takes."""

    cores: int
    slots: int  # of each layout except the last
    processes: Layout
    threads: Layout
    gevent: Layout
    per_core: Layout  # one gevent worker for each core
    threads_inside: Layout  # a process for each core, with threads in it
    few: Layout  # as many processes as fit into the memory of `per_core`
    fitting: int  # how many these are
    pss_bytes: Mapping[str, int]  # by layout, after every slot has run something

    @property
    def every(self) -> tuple[Layout, ...]:
        """All of them, in the order in which they are shown."""
        return (*self.same_slots, self.few)

    @property
    def budget_bytes(self) -> int:
        """The memory that layouts are compared at."""
        return self.pss_bytes[self.per_core.name]

    @property
    def same_slots(self) -> tuple[Layout, ...]:
        """The layouts with the same number of slots, whatever memory they take."""
        return self.processes, self.threads, self.gevent, self.per_core, self.threads_inside

    @property
    def same_memory(self) -> tuple[Layout, ...]:
        """The layouts that fit into the budget."""
        most = EQUAL * self.budget_bytes
        return tuple(one for one in self.every if self.pss_bytes[one.name] <= most)


def start_layouts(context: Context, cores: int, slots: int, iterations_per_ms: float) -> Layouts:
    """Start all layouts with `slots` slots, then as many processes as fit into equal memory."""
    each = -(-slots // cores)
    processes, threads, gevent, inside, *per_core = context.start(
        WorkerRequest(name="prefork", pool="prefork", slots=slots),
        WorkerRequest(name="threads", pool="threads", slots=slots),
        WorkerRequest(name="gevent", pool="gevent", slots=slots),
        WorkerRequest(name="hybrid", pool="prefork", slots=cores),
        *(
            WorkerRequest(name=f"gevent-{n}", pool="gevent", slots=each)
            for n in range(1, cores + 1)
        ),
    )

    def layout(name: str, *workers: StartedWorker, tasks: int = 0, threads: int = 0) -> Layout:
        return Layout(
            name=name,
            workers=workers,
            iterations_per_ms=iterations_per_ms,
            tasks=tasks,
            threads=threads,
        )

    per_core_name = f"{words.counted(cores, 'worker')} of gevent {words.TIMES}{each}"
    inside_name = f"prefork {words.TIMES}{cores} with {each} threads"
    same_slots = {
        "processes": layout(words.pool("prefork", slots), processes),
        "threads": layout(words.pool("threads", slots), threads),
        "gevent": layout(words.pool("gevent", slots), gevent),
        "per_core": layout(per_core_name, *per_core),
        "threads_inside": layout(inside_name, inside, tasks=cores, threads=each),
    }
    pss = {key: _warm_up(context, one, slots) for key, one in same_slots.items()}
    fitting = processes_that_fit(
        pss["per_core"], (cores, pss["threads_inside"]), (slots, pss["processes"])
    )
    # A worker with as many processes as there are cores already runs; any other must be started.
    worker = inside
    if fitting != cores:
        [worker] = context.start(WorkerRequest(name="few", pool="prefork", slots=fitting))
    few = layout(words.pool("prefork", fitting), worker)
    by_name = {one.name: pss[key] for key, one in same_slots.items()}
    by_name[few.name] = _warm_up(context, few, slots)
    return Layouts(
        **same_slots, cores=cores, slots=slots, few=few, fitting=fitting, pss_bytes=by_name
    )


def _warm_up(context: Context, layout: Layout, slots: int) -> int:
    """Run something in every slot; return the bytes that the layout takes afterwards."""
    context.run_scene(f"warm-up: {layout.name}", layout.calls(slots, WARM_UP), results=False)
    return pss_bytes(layout.workers)


def processes_that_fit(budget: float, few: tuple[int, float], many: tuple[int, float]) -> int:
    """Return how many prefork processes fit into `budget` bytes: at least one, fewer than `many`.

    `few` and `many` are two numbers of processes and the bytes that each number takes.
    """
    each = (many[1] - few[1]) / (many[0] - few[0])
    fitting = few[0] + int((budget - few[1]) // each) if each > 0 else few[0]
    return min(max(1, fitting), many[0] - 1)
