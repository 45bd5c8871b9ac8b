"""The lesson `io-models`: what it costs to wait for a hundred sockets in different ways."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.io_models.judge import judge
from lab.learn.lessons.io_models.play import play
from lab.results.lesson import Findings
from tasks.lessons.io_models import tasks as io_model_tasks


def run(context: Context) -> Findings:
    """Read the same sockets under each model, then judge the cost."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="io-models",
    title="Waiting for many sockets: block on one, poll them all, or be notified",
    setting=(
        "One task reads answers from the same sockets (by default 100, with delays of 1 to 159 "
        "ms). Each time it runs, it waits in a different way: blocking on one socket after the "
        "other; with a thread for each; polling them all without blocking; or being notified of "
        "the ready ones by select, epoll, asyncio or, if available, io_uring."
    ),
    question=Question(
        text="Polling and epoll read the same sockets. How do they differ?",
        choices=(
            "in wall time: polling is faster because it never sleeps",
            "in CPU time: polling uses several times as much",
            "not much: both wait for the same answers",
        ),
        right=1,
    ),
    tasks=frozenset({io_model_tasks.read.name, io_model_tasks.count.name}),
    dials=(
        Dial(flag="--sockets", default=100, low=20, high=300, help="Number of sockets."),
        Dial(
            flag="--delay-ms",
            default=30.0,
            low=5,
            high=100,
            help="Mean delay of an answer, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture names four models: blocking, non-blocking (which it calls costly), "
        "multiplexing, and asynchronous IO, in which one system call is enough and a callback "
        "brings the result. You see the first three here, and the fourth where io_uring is "
        "available, with two differences. First, Python's asyncio is not the fourth model: its "
        "loop waits in epoll and then reads, with a system call for each. The fourth model is "
        "io_uring, in which requests and results pass through memory that the kernel shares with "
        "the program. Second, select, which passes all sockets on every call and cannot go beyond "
        "file descriptor 1,023, can need fewer calls than epoll for a hundred sockets; epoll, "
        "which registers each socket once, wins with thousands. On a cluster a gevent worker "
        "multiplexes, too: its hub waits in epoll for all tasks at once."
    ),
    turn_next=(
        "poolwise learn io-models --sockets 300",
        "poolwise learn io-models --delay-ms 5",
        "poolwise learn echo",
    ),
)
