"""The lesson `parallelism`: what is taught about tasks that compute or wait."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.parallelism.judge import judge
from lab.learn.lessons.parallelism.play import play
from lab.learn.lessons.parallelism.timing import TASKS
from lab.results.lesson import Findings
from tasks.lessons import parallelism as parallelism_tasks


def run(context: Context) -> Findings:
    """Run each kind of task on one core, then on all cores, and judge the times."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="parallelism",
    title="Four tasks at once: as fast as one, or four times slower?",
    setting=(
        "Four tasks of the same kind run on workers with 4 slots: burn computes in Python, digest "
        "computes in C, sleep waits. T is the time that one such task takes alone. First each "
        "worker is pinned to one core, then it may use all of them."
    ),
    question=Question(
        text="Four tasks compute in C (digest) in 4 threads on 2 cores. How long do they take?",
        choices=(
            "T: threads run in parallel",
            "2 T: both cores are used",
            "4 T: the GIL lets only one run",
        ),
        right=1,
    ),
    workers={"prefork": TASKS, "threads": TASKS, "gevent": TASKS},
    started_here=True,
    tasks=frozenset({parallelism_tasks.compute.name, parallelism_tasks.wait.name}),
    dials=(
        Dial(
            flag="--work-ms",
            default=100.0,
            low=50,
            high=1_000,
            help="T, the time that one task spends computing or waiting, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture has four tasks of 10 s. If they wait, they take 10 s on one core, in "
        "processes and in threads alike, and processes only cost more memory. If they compute, "
        "they take 10 s in processes on four cores and 40 s in threads. You see the same here on "
        "the cores that this machine has: on two cores, processes take 2 T. The lecture leaves "
        "out that waiting is not the only thing that releases the GIL. C code such as hashing, "
        "compression or numpy may compute without it, and then threads use every core. Greenlets "
        "do not, because they share one thread and such code never yields. A Python without the "
        "GIL also lets threads run burn side by side."
    ),
    turn_next=(
        "poolwise learn parallelism --work-ms 500",
        "poolwise learn parallelism --pools threads,gevent",
        "poolwise learn free-threading",
    ),
)
