"""The lesson `free-threading`: threads on a Python without the GIL, next to threads with it."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.free_threading.judge import judge
from lab.learn.lessons.free_threading.play import MOST_CORES, play
from lab.results.lesson import Findings

NO_PYTHON: Final = (
    "it needs a Python build without the GIL; pass one with --python PATH or set "
    "POOLWISE_PYTHON=PATH"
)
ONE_CORE: Final = "this machine has one core, so a second thread would have to wait for it anyway"


def run(context: Context) -> Findings:
    """Compute and count on one interpreter with its GIL and without, then judge both."""
    python, cores = context.python, min(context.machine.cores, MOST_CORES)
    if python is None or cores < 2:
        return _skipped(NO_PYTHON if python is None else ONE_CORE)
    return judge(play(context, python, cores), python)


def _skipped(why: str) -> Findings:
    return Findings(tables=(), claims=(), verdict="", skipped=why)


LESSON: Final = Lesson(
    name="free-threading",
    title="Without the GIL, threads use every core, and races stop being rare",
    setting=(
        "On a Python that can run without the GIL, tasks that compute and tasks that decrement a "
        "shared counter run in the threads pool, with the GIL and without it. The computing tasks "
        "also run on prefork for comparison."
    ),
    question=Question(
        text="Two threads each subtract 1 from the same counter 300,000 times, without a pause or "
        "a mutex. How many updates are lost?",
        choices=(
            "none with the GIL, many without it",
            "many with the GIL, many without it",
            "none either way: subtracting 1 is a single step",
        ),
        right=0,
    ),
    another_python=True,
    dials=(
        Dial(
            flag="--task-ms",
            default=100.0,
            low=1,
            high=1_000,
            help="CPU time of a task, in ms.",
        ),
        Dial(flag="--tasks-per-core", default=4, low=1, high=20, help="Tasks per core."),
    ),
    run=run,
    lecture=(
        "The lecture says that CPython always has a GIL, because its memory management is not "
        "thread-safe, and that hardly any interpreted language can run the threads of a process "
        "in parallel. Since Python 3.13 you can build CPython without the GIL: it counts "
        "references to shared objects differently, and gives each object its own lock. In the "
        "lecture, a count without a pause ended at 0; that was never guaranteed, and here it no "
        "longer happens. Celery's threads pool runs on this Python unchanged. Prefork still does "
        "what threads cannot: a task that crashes takes down only one process, and a time limit "
        "can stop a task."
    ),
    turn_next=(
        "poolwise learn free-threading --python python3.14t --task-ms 400",
        "poolwise learn gil --pause-ms 0",
        "poolwise learn hybrid",
    ),
)
