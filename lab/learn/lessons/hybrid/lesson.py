"""Processes of threads of coroutines: mixed work at equal cores, and at equal memory."""

from __future__ import annotations

from functools import partial
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.trials import run_trials
from lab.learn.lessons.hybrid.judge import BOTH, COMPUTING, WAITING, Outcome, concluded
from lab.learn.lessons.hybrid.play import Mix, engage, scene
from lab.measure.calibrate import calibrate
from lab.results.lesson import Findings

#: Beyond these, more cores would only take longer to show the same.
MOST_CORES: Final = 4
#: The works of the timelines: few enough to be seen one by one.
SHOWN: Final = Mix(name="both", cpu_ms=15, io_ms=45)
SHOWN_PER_CORE: Final = 4

CAPTIONS: Final = (
    "A process for each work: they compute and wait side by side.",
    "One GIL: one thread computes at a time, the others wait for their IO, or for it.",
    "One thread: the next greenlet computes as soon as this one waits.",
    "Two such staircases, one on each core.",
    "The same with threads: a task takes several works and gives each a thread.",
    "As many processes as fit into the memory of one gevent worker per core: they wait in turn.",
)


def run(context: Context) -> Findings:
    """Show what each does; let all of them do each mix in turn; name who was quickest at what."""
    cores = min(context.machine.cores, MOST_CORES)
    speed = calibrate().burn_iterations_per_ms
    cast = engage(context, cores, context.count("slots"), speed)
    for member, caption in zip(cast.members, CAPTIONS, strict=True):
        ran = context.run_scene(member.name, member.calls(SHOWN_PER_CORE * cores, SHOWN, cast))
        context.show(scene(member, ran, caption))
    mixes = {mix.name: mix for mix in _mixes(context)}
    works = context.count("works")
    tried = {
        mix.name: run_trials(
            context, mix.name, {m.name: partial(m.calls, works, mix, cast) for m in cast.members}
        )
        for mix in mixes.values()
    }
    return concluded(Outcome(cast=cast, mixes=mixes, tried=tried), works)


def _mixes(context: Context) -> tuple[Mix, ...]:
    return (
        Mix(name=WAITING, cpu_ms=2, io_ms=context.dial("io_ms")),
        Mix(name=BOTH, cpu_ms=8, io_ms=32),
        Mix(name=COMPUTING, cpu_ms=context.dial("cpu_ms"), io_ms=5),
    )


LESSON: Final = Lesson(
    name="hybrid",
    title="Processes for the cores, greenlets or threads inside them for the waiting",
    setting=(
        "Works that compute a while and then wait, in three mixes, on prefork, on threads, on one "
        "gevent worker, on one for each core, and on processes that start threads of their own: "
        "first all with the same number of slots, then in the memory of one gevent worker per core."
    ),
    question=Question(
        text="Most of each work is waiting, and memory is what you have little of. Who is slowest?",
        choices=(
            "one gevent worker: it has one core",
            "prefork with a process for each core",
            "one gevent worker for each core",
        ),
        right=1,
    ),
    tasks=frozenset({"lessons.hybrid.work", "lessons.hybrid.several"}),
    dials=(
        Dial(flag="--slots", default=16, low=8, high=64, help="Slots of each contestant."),
        Dial(flag="--works", default=16, low=4, high=400, help="Works in each mix."),
        Dial(flag="--io-ms", default=98.0, low=0, high=500, help="Waiting of the first mix, ms."),
        Dial(flag="--cpu-ms", default=20.0, low=0, high=100, help="CPU of the last mix, ms."),
    ),
    run=run,
    lecture=(
        "The lecture calls processes of threads of coroutines the most powerful of all, and leaves "
        "it at that. Only two of the three are needed: processes, as many as there are cores, for "
        "the GIL; and in each either greenlets or threads for the waiting, since both hand the GIL "
        "on while they wait. In Celery that is one gevent or threads worker per core, which needs "
        "no code at all; threads that a task starts itself are seen by nobody, neither "
        "counted as slots nor acknowledged, limited or retried one by one."
    ),
    turn_next=(
        "poolwise learn hybrid --io-ms 0",
        "poolwise learn hybrid --works 64",
        "poolwise learn hybrid --cpu-ms 60",
        "poolwise learn free-threading --python python3.14t",
    ),
)
