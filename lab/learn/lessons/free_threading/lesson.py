"""Threads on a Python without the GIL: every core at last, and nothing that guards by accident."""

from __future__ import annotations

from functools import partial
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.trials import run_trials
from lab.learn.lessons.free_threading.judge import SHARED, Outcome, concluded
from lab.learn.lessons.free_threading.play import SLICES, called, counted, started, turns_per_ms
from lab.results.lesson import Findings
from producer.plan import Work

#: Beyond these, more cores would only take longer to show the same.
MOST_CORES: Final = 4
#: A task's CPU time in the timelines, milliseconds: few enough of the GIL's turns to be seen.
SHOWN_MS: Final = 60
SHOWN_SLICES: Final = 120

SKIPPED: Final = (
    "no Python without the GIL was named: "
    "poolwise learn free-threading --python PATH, or POOLWISE_PYTHON=PATH"
)
TOO_FEW: Final = "there is one core here, and a second thread would have to wait for it anyway"
CAPTIONS: Final = (
    "One computes while the other waits for the GIL, a few milliseconds each in turn.",
    "The same interpreter and the same threads: neither waits for the other, at most for a core.",
    "A process for each core, each with a GIL of its own: what threads had to be replaced by.",
)


def run(context: Context) -> Findings:
    """Compute and count on one interpreter, with its GIL and without."""
    python, cores = context.python, min(context.machine.cores, MOST_CORES)
    if python is None or cores < 2:
        return _skipped(SKIPPED if python is None else TOO_FEW)
    ways = started(context, python, cores)
    speed = turns_per_ms(context, ways, cores)
    for way, caption in zip(ways, CAPTIONS, strict=True):
        work = Work(task=SLICES, args=(round(SHOWN_MS * speed), SHOWN_SLICES, "own"))
        context.show(context.run_scene(way.name, called(work, way, cores)).scene(caption))
    size = round(context.dial("task_ms") * speed)
    own, shared = (Work(task=SLICES, args=(size, 1, numbers)) for numbers in ("own", "shared"))
    many = context.count("tasks_per_core") * cores
    on, off, processes = ways
    calls = {way.name: partial(called, own, way, many) for way in ways}
    calls[off.name + SHARED] = partial(called, shared, off, many)
    tried = run_trials(context, "computing", calls, results=True)
    outcome = Outcome(
        cores=cores,
        on=on.name,
        off=off.name,
        processes=processes.name,
        tried=tried,
        bare={way.name: counted(context, way, cores, guarded=False) for way in (on, off)},
        guarded={way.name: counted(context, way, cores, guarded=True) for way in (on, off)},
    )
    return concluded(outcome, python, many)


def _skipped(why: str) -> Findings:
    return Findings(tables=(), claims=(), verdict="", skipped=why)


LESSON: Final = Lesson(
    name="free-threading",
    title="Without the GIL threads use every core, and races stop being rare",
    setting=(
        "Tasks that compute in Python, and tasks that count down together, in the threads pool of "
        "a Python that can do without the GIL: with it, without it, and prefork beside them."
    ),
    question=Question(
        text="Two threads take 1 from a counter, 300,000 times each, without a pause or a mutex. "
        "How many updates are lost?",
        choices=(
            "none with the GIL, many without",
            "many with the GIL, many without",
            "none with either: taking 1 is one step",
        ),
        right=0,
    ),
    another_python=True,
    dials=(
        Dial(flag="--task-ms", default=100.0, low=1, high=1_000, help="CPU of a task, ms."),
        Dial(flag="--tasks-per-core", default=4, low=1, high=20, help="Tasks for each core."),
    ),
    run=run,
    lecture=(
        "The lecture says that CPython has a GIL for sure, because its memory management is not "
        "safe in threads, and that hardly any interpreted language can run threads of a process at "
        "once. Since Python 3.13 CPython can be built without it: reference counts that threads "
        "share are counted another way, and each object has a lock of its own. Its 0 at the end of "
        "a count without a pause was never promised, and here it is gone. Celery's threads pool "
        "works on it as it is; prefork keeps what threads cannot give: a task that crashes takes "
        "one process with it, and time limits can stop it."
    ),
    turn_next=(
        "poolwise learn free-threading --python python3.14t --task-ms 400",
        "poolwise learn gil --pause-ms 0",
        "poolwise learn hybrid",
    ),
)
