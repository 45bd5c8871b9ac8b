"""Four ways to wait for a hundred sockets, and what each costs: the IO models."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lab.learn.engine.house import Wanted
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.play import Act, Call, Note, Played
from lab.learn.engine.stage import Stage
from lab.learn.lessons.io_models.judge import (
    BEST,
    by_name,
    claims,
    figures,
    remarks,
    summed,
    verdict,
)
from lab.results.lesson import Bar, Findings, Lane, Scene
from producer.plan import Work
from tasks.lessons import ring
from tasks.lessons.io_models import IO_URING
from tasks.lessons.notebook import Doing
from tasks.lessons.reading import MODELS

#: How often each model reads; blocking, which takes long, once.
ROUNDS: Final = 3
#: Seconds for a scene beyond what blocking takes.
SCENE_S: Final = 30.0
SEED: Final = 7


def run(stage: Stage) -> Findings:
    """Read the same sockets under each model: timed, then with the system calls counted."""
    delays_ms = delays(stage.count("sockets"), stage.dial("delay_ms"))
    refusal = ring.refusal()
    models = [*MODELS, *([] if refusal else [IO_URING])]
    port = stage.house.cluster.start_delay_server()
    [reader] = stage.start(Wanted(name="reader", pool="prefork", slots=1))
    bound_s = SCENE_S + sum(delays_ms) / 1_000

    def play(title: str, task: str, readings: Sequence[str]) -> Played:
        calls = [
            Call(work=Work(task=task, args=(model, port, delays_ms)), worker=reader, label=model)
            for model in readings
        ]
        return stage.play(title, calls, bound_s)

    once, others = models[:1], models[1:]
    timed = play("reading, timed", "lessons.io_models.read", [*once, *(others * ROUNDS)])
    _show(stage, timed, models)
    counted = play("reading, with system calls counted", "lessons.io_models.count", models)
    # A task that returns a mapping without notes is handed on whole.
    calls = {act.label: act.value for act in counted.acts}
    seen = {model: summed(model, timed.acts, delays_ms, calls[model]) for model in models}
    return Findings(
        tables=(figures(seen, delays_ms), by_name(seen)),
        claims=tuple(claims(seen, delays_ms)),
        verdict=verdict(seen, delays_ms),
        remarks=tuple(remarks(seen, refusal, calls[BEST]["why"])),
    )


def delays(sockets: int, mean_ms: float) -> list[int]:
    """Return delays as servers have them: most are short, few long; in no order, always the same.

    They are the quantiles of an exponential distribution.
    """
    quantiles = [-math.log(1 - (number + 0.5) / sockets) for number in range(sockets)]
    whole = [max(1, round(mean_ms * quantile)) for quantile in quantiles]
    random.Random(SEED).shuffle(whole)  # noqa: S311
    return whole


def _show(stage: Stage, timed: Played, models: Sequence[str]) -> None:
    chosen = {act.label: act for act in timed.acts}
    stage.show(
        scene(
            [chosen[models[0]], *(merged(chosen[model]) for model in models[1:])],
            "Each model reads the same sockets",
            "Blocking waits for one after the other; the others wait for all at once.",
        )
    )
    stage.show(
        scene(
            [chosen[model] for model in models[1:]],
            "Without blocking, closer",
            "Polling uses the core all the time; the others sleep until there is something.",
        )
    )


def merged(act: Act) -> Act:
    """Return the act with one note for all: what it did for most of the time."""
    spent_s: defaultdict[Doing, float] = defaultdict(float)
    for note in act.notes:
        spent_s[note.doing] += note.finished_s - note.started_s
    doing = max(spent_s, key=lambda one: spent_s[one])
    first, last = act.notes[0], act.notes[-1]
    note = Note(doing=doing, what="", started_s=first.started_s, finished_s=last.finished_s)
    return replace(act, notes=(note,))


def scene(acts: Sequence[Act], title: str, caption: str) -> Scene:
    """Draw readings in a lane each, as if they had begun together."""
    lanes = tuple(Lane(node="reader", slot=act.label) for act in acts)
    bars = []
    for lane, act in enumerate(acts):
        zero_s = min((note.started_s for note in act.notes), default=act.started_s)
        bars += [
            Bar(
                lane=lane,
                doing=note.doing,
                what=note.what,
                who="",  # its lane says so
                started_s=note.started_s - zero_s,
                finished_s=note.finished_s - zero_s,
            )
            for note in act.notes
        ]
    axis = "seconds since it began"
    return Scene(title=title, caption=caption, lanes=lanes, bars=tuple(bars), axis=axis)


LESSON: Final = Lesson(
    name="io-models",
    title="Waiting for many sockets: ask each, ask again and again, or be told",
    setting=(
        "One task reads the answers of the same 100 sockets, each delayed by 1 to 159 ms: blocking "
        "on one after the other, in a thread for each, polling them all without blocking, and told "
        "which have something by select, epoll, asyncio and, where there is one, io_uring."
    ),
    question=Question(
        text="Polling and epoll read the same sockets. What differs most?",
        choices=(
            "the wall time: polling is quicker, it never sleeps",
            "the CPU time: polling uses several times as much",
            "nothing much: both wait for the same answers",
        ),
        right=1,
    ),
    tasks=frozenset({"lessons.io_models.read", "lessons.io_models.count"}),
    dials=(
        Dial(flag="--sockets", default=100, low=20, high=300, help="Sockets that are read."),
        Dial(flag="--delay-ms", default=30.0, low=5, high=100, help="Mean delay of a socket, ms."),
    ),
    run=run,
    lecture=(
        "The lecture names four models: blocking, non-blocking (which it calls costly), "
        "multiplexing, and asynchronous IO, where one system call is enough and a callback brings "
        "the result. So it is here, with two differences. Python's asyncio is not that fourth "
        "model: its loop waits in epoll and then reads, a system call for each. Asynchronous IO in "
        "the kernel is io_uring: requests and results pass through memory that it shares with the "
        "program. And select, which lists all sockets at each call and ends at file descriptor "
        "1,024, can need fewer calls than epoll for a hundred sockets; epoll, which is told of "
        "each once, wins with thousands. On a cluster a gevent worker is multiplexing too: its hub "
        "waits in epoll for all tasks at once."
    ),
    turn_next=(
        "poolwise learn io-models --sockets 300",
        "poolwise learn io-models --delay-ms 5",
        "poolwise learn echo",
    ),
)
