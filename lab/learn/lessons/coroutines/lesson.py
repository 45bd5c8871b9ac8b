"""Coroutines: waiting at the same time in one thread, and the task that does not give way."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.coroutines import starving
from lab.learn.lessons.coroutines.judge import Seen, findings
from lab.learn.lessons.coroutines.plays import acted
from lab.learn.lessons.coroutines.pulse import heartbeats
from lab.learn.lessons.coroutines.starving import COMPUTES
from lab.results.lesson import Findings


def run(context: Context) -> Findings:
    """Let two plays wait at the same time; then let one task keep the turn."""
    plays = acted(context, context.dial("unit_ms") / 1_000)
    block_s, session = context.dial("block_ms") / 1_000, context.session
    node = context.worker("gevent").node
    with heartbeats(session.app, session.cluster.broker_url, node) as beats:
        starved = starving.starve(context, beats, block_s)
        cured = starving.cure(context, block_s, int(starved.task(COMPUTES).value))
    seen = Seen(
        plays=plays, starved=starved, cured=cured, beats=beats, found=starving.found(starved)
    )
    return findings(seen)


LESSON: Final = Lesson(
    name="coroutines",
    title="Greenlets share one thread, so that one of them can keep it",
    setting=(
        "Two plays of 5 and 3 units wait one after the other and as greenlets. Then neighbours "
        "tick in a gevent worker while one task computes and another waits in C, and are watched."
    ),
    question=Question(
        text="A gevent worker of 100 greenlets runs 99 that wait and one that computes. Who waits?",
        choices=(
            "nobody: the hub switches between them",
            "the 99, until it has done",
            "the 99, and the worker's heartbeat and remote control too",
        ),
        right=2,
    ),
    workers={"gevent": 20, "prefork": 2},
    needs=frozenset({"gevent"}),
    tasks=frozenset(
        f"lessons.coroutines.{name}"
        for name in ("act", "tick", "wait", "compute", "call_c", "watch")
    ),
    dials=(
        Dial(flag="--unit-ms", default=250.0, low=50, high=600, help="One unit of a play, ms."),
        Dial(
            flag="--block-ms", default=800.0, low=400, high=1_000,
            help="How long a task keeps the turn, ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture spawns two greenlets after monkey-patching and says that gevent notices all "
        "IO by itself. It notices what goes through Python's own modules: a driver written in C "
        "waits without its knowing, and who computes never waits at all. In one program that is "
        "slow; in a worker it silences the heartbeat and remote control too, so that a monitor "
        "takes a worker for dead that only computes. gevent's own watch is turned on by "
        "GEVENT_MONITOR_THREAD_ENABLE=1; the cures are a sleep of 0 in the loop, gevent's thread "
        "pool for C, and a prefork worker's queue for what computes."
    ),
    turn_next=(
        "poolwise learn coroutines --unit-ms 100",
        "poolwise learn coroutines --block-ms 1000",
        "poolwise learn coroutines --pools gevent",
        "poolwise learn submit",
    ),
)  # fmt: skip
