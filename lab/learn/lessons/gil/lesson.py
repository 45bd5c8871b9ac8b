"""The lesson `gil`: what is taught about a counter that a hundred tasks update."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.gil.judge import judge
from lab.learn.lessons.gil.play import play
from lab.results.lesson import Findings
from tasks.lessons import gil as gil_tasks


def run(context: Context) -> Findings:
    """Update the counter in each way, then judge what was lost."""
    return judge(play(context), context.pools)


LESSON: Final = Lesson(
    name="gil",
    title="The GIL protects the interpreter, not your data",
    setting=(
        "Each of 100 tasks (by default) subtracts 1 from a counter that starts at the number of "
        "tasks: it reads the counter, pauses, and writes it back. First each worker keeps a "
        "counter in its own memory, then all workers share one in Redis. With a mutex or a "
        "lock, each task pauses for only a tenth of the time, because the pauses add up."
    ),
    question=Question(
        text=(
            "100 threads read a counter, pause, and write it back. How many updates will the "
            "counter keep?"
        ),
        choices=("all 100: the GIL protects it", "about half", "only a few"),
        right=2,
    ),
    workers={"threads": 100, "gevent": 100, "prefork": 4},
    tasks=frozenset({gil_tasks.take.name, gil_tasks.take_shared.name}),
    dials=(
        Dial(flag="--tasks", default=100, low=8, high=300, help="Tasks that update the counter."),
        Dial(
            flag="--pause-ms",
            default=60.0,
            low=0,
            high=500,
            help="Pause between read and write, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture counts down from 100 in a hundred threads of one interpreter. The counter "
        "ends at 0 without a pause and at 99 with one, and so the lecture calls for a mutex. "
        "By default, you see much the same here, but 0 without a pause is luck, not a guarantee: "
        "the interpreter may switch threads in the middle of an update, and a Python without the "
        "GIL runs the threads at the same instant. On a cluster a mutex protects one process only, "
        "so data that all workers share needs a lock, or an atomic operation, where the data lives."
    ),
    turn_next=(
        "poolwise learn gil --pause-ms 0",
        "poolwise learn gil --pools prefork",
    ),
)
