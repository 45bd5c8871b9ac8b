"""The lesson `echo`: how many clients an echo server serves, and on how many threads."""

from __future__ import annotations

import resource
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.echo.judge import judge
from lab.learn.lessons.echo.limits import FEWEST, check_limits
from lab.learn.lessons.echo.play import play
from lab.results.lesson import Findings
from tasks.lessons import echo as echo_tasks


def run(context: Context) -> Findings:
    """Send the same clients to each server, then judge who was served."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    check_limits(context.count("clients"), processes=context.machine.processes, files=files)
    return judge(play(context), context.count("messages"))


LESSON: Final = Lesson(
    name="echo",
    title="Many clients on one thread",
    setting=(
        "Clients (500 by default) connect to a TCP echo server; they are greenlets in 20 tasks of "
        "a gevent worker. A client connects, says hello, waits until all the others have "
        "connected, and then exchanges a few messages. The server is built in four ways: "
        "sequential, threaded, gevent and asyncio."
    ),
    question=Question(
        text="A server calls talk(accept()) in a loop. How many of 500 clients does it serve?",
        choices=("all of them, but more slowly", "as many as there are cores", "only the first"),
        right=2,
    ),
    tasks=frozenset({echo_tasks.visit.name}),
    dials=(
        Dial(
            flag="--clients",
            default=500,
            low=FEWEST,
            high=2_000,
            help=("Number of clients per server."),
        ),
        Dial(flag="--messages", default=4, low=1, high=100, help="Number of messages per client."),
    ),
    run=run,
    lecture=(
        "The lecture patches the standard library for gevent, but calls its talk function in the "
        "accept loop instead of spawning it, so the server serves one client for as long as that "
        "client stays connected. Here, the first of the four servers has that bug. The lecture's "
        "loop also never checks for the empty read that means the client has left, and its "
        "client assumes that a reply arrives in one read. On a cluster, a task that waits in a "
        "loop blocks its slot in the same way: while it talks to one peer, the slot serves no "
        "other, whatever the pool."
    ),
    turn_next=(
        "poolwise learn echo --clients 1000",
        "poolwise learn echo --messages 50",
        "poolwise learn io-models",
    ),
)
