"""The lesson `hybrid`: processes of threads or greenlets, at equal cores and at equal memory."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.hybrid.judge import judge
from lab.learn.lessons.hybrid.play import play
from lab.results.lesson import Findings
from tasks.lessons import hybrid as hybrid_tasks


def run(context: Context) -> Findings:
    """Run each mix of jobs on each layout of workers, then judge which was fastest."""
    return judge(play(context), context.count("jobs"))


LESSON: Final = Lesson(
    name="hybrid",
    title="Processes for the cores; greenlets or threads inside them for the waiting",
    setting=(
        "Jobs compute for a while and then wait, in three mixes. They run on prefork, on threads, "
        "on one gevent worker, on one gevent worker per core, and on processes that start their "
        "own threads: first with the same number of slots, then with the same amount of memory."
    ),
    question=Question(
        text="Jobs mostly wait, and you have little memory. Which is slowest?",
        choices=(
            "one gevent worker: it uses a single core",
            "prefork with one process per core",
            "one gevent worker per core",
        ),
        right=1,
    ),
    tasks=frozenset({hybrid_tasks.work.name, hybrid_tasks.several.name}),
    dials=(
        Dial(flag="--slots", default=16, low=8, high=64, help="Slots per layout."),
        Dial(flag="--jobs", default=16, low=4, high=400, help="Jobs in each mix."),
        Dial(
            flag="--io-ms",
            default=98.0,
            low=0,
            high=500,
            help="Waiting time of a job in the first mix, in ms.",
        ),
        Dial(
            flag="--cpu-ms",
            default=20.0,
            low=0,
            high=100,
            help="CPU time of a job in the last mix, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture calls coroutines inside threads inside processes the most powerful design "
        "of all, and leaves it at that. You need only two of the three: as many processes as "
        "there are cores, because of the GIL, and in each of them either greenlets or threads "
        "for the waiting: while one of them waits, the others can run. In Celery that is one "
        "gevent or threads worker per core, without a line of code. Celery knows nothing about "
        "threads that a task starts itself: it does not count them as slots, and it cannot "
        "acknowledge, limit or retry their work individually."
    ),
    turn_next=(
        "poolwise learn hybrid --io-ms 0",
        "poolwise learn hybrid --jobs 64",
        "poolwise learn hybrid --cpu-ms 60",
        "poolwise learn free-threading --python python3.14t",
    ),
)
