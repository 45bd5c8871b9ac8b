"""The lesson `coroutines`: waiting at the same time in one thread, and the task that blocks it."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.coroutines.judge import judge
from lab.learn.lessons.coroutines.play import play
from lab.results.lesson import Findings
from tasks.lessons.coroutines import blocking, hub_watch, waiting


def run(context: Context) -> Findings:
    """Run the waits, the blocked scene and the fixed one, then judge them."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="coroutines",
    title="All greenlets share one thread, so one of them can block the others",
    setting=(
        "Two waits of 5 and 3 units run one after the other, then as greenlets. After that, two "
        "tasks in a gevent worker tick every 20 ms. Two others block them: one computes, and one "
        "waits in C code. You see which tasks are kept waiting, and which line of code is to "
        "blame."
    ),
    question=Question(
        text=(
            "A gevent worker with 100 greenlets runs 99 tasks that wait and one that computes. "
            "What is kept waiting?"
        ),
        choices=(
            "nothing: gevent switches between them",
            "the 99 other tasks, until that one is done",
            "the 99 other tasks, and the worker's heartbeat and remote control too",
        ),
        right=2,
    ),
    workers={"gevent": 20, "prefork": 2},
    needs=frozenset({"gevent"}),
    tasks=frozenset(
        {
            waiting.run_waits.name,
            waiting.tick.name,
            waiting.wait.name,
            blocking.compute.name,
            blocking.call_c.name,
            hub_watch.watch.name,
        }
    ),
    dials=(
        Dial(flag="--unit-ms", default=250.0, low=50, high=600, help="One unit of waiting, in ms."),
        Dial(
            flag="--block-ms",
            default=800.0,
            low=400,
            high=1_000,
            help="How long a task blocks the others, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture monkey-patches the standard library, spawns two greenlets and says that "
        "gevent notices all IO by itself. It notices only IO that goes through Python's own "
        "modules: a driver written in C waits without gevent knowing, and a task that computes "
        "never waits at all. In a single program, that is only slow. In a worker, it also "
        "silences the heartbeat and remote control, so a monitor reports a busy worker as dead. "
        "To find such code, set GEVENT_MONITOR_THREAD_ENABLE=1: gevent then watches its own hub. "
        "To fix it, call gevent.sleep(0) in the loop, make C calls in gevent's thread pool, or "
        "send tasks that compute to the queue of a prefork worker."
    ),
    turn_next=(
        "poolwise learn coroutines --unit-ms 100",
        "poolwise learn coroutines --block-ms 1000",
        "poolwise learn coroutines --pools gevent",
        "poolwise learn submit",
    ),
)
