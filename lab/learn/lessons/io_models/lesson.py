"""Four ways to wait for a hundred sockets, and what each costs: the IO models."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, Note, SceneRun, TaskRun
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


def run(context: Context) -> Findings:
    """Read the same sockets under each model: timed, then with the system calls counted."""
    delays_ms = delays(context.count("sockets"), context.dial("delay_ms"))
    refusal = ring.refusal()
    models = [*MODELS, *([] if refusal else [IO_URING])]
    port = context.session.cluster.start_delay_server()
    [reader] = context.start(WorkerRequest(name="reader", pool="prefork", slots=1))
    bound_s = SCENE_S + sum(delays_ms) / 1_000

    def play(title: str, task: str, readings: Sequence[str]) -> SceneRun:
        calls = [
            Call(work=Work(task=task, args=(model, port, delays_ms)), worker=reader, label=model)
            for model in readings
        ]
        return context.run_scene(title, calls, bound_s)

    once, others = models[:1], models[1:]
    timed = play("reading, timed", "lessons.io_models.read", [*once, *(others * ROUNDS)])
    _show(context, timed, models)
    counted = play("reading, with system calls counted", "lessons.io_models.count", models)
    # A task that returns a mapping without notes is handed on whole.
    calls = {task.label: task.value for task in counted.tasks}
    seen = {model: summed(model, timed.tasks, delays_ms, calls[model]) for model in models}
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


def _show(context: Context, timed: SceneRun, models: Sequence[str]) -> None:
    chosen = {task.label: task for task in timed.tasks}
    context.show(
        scene(
            [chosen[models[0]], *(merged(chosen[model]) for model in models[1:])],
            "Each model reads the same sockets",
            "Blocking waits for one after the other; the others wait for all at once.",
        )
    )
    context.show(
        scene(
            [chosen[model] for model in models[1:]],
            "Without blocking, closer",
            "Polling uses the core all the time; the others sleep until there is something.",
        )
    )


def merged(task: TaskRun) -> TaskRun:
    """Return the act with one note for all: what it did for most of the time."""
    spent_s: defaultdict[Doing, float] = defaultdict(float)
    for note in task.notes:
        spent_s[note.doing] += note.finished_s - note.started_s
    doing = max(spent_s, key=lambda one: spent_s[one])
    first, last = task.notes[0], task.notes[-1]
    note = Note(doing=doing, what="", started_s=first.started_s, finished_s=last.finished_s)
    return replace(task, notes=(note,))


def scene(tasks: Sequence[TaskRun], title: str, caption: str) -> Scene:
    """Draw readings in a lane each, as if they had begun together."""
    lanes = tuple(Lane(node="reader", slot=task.label) for task in tasks)
    bars = []
    for lane, task in enumerate(tasks):
        zero_s = min((note.started_s for note in task.notes), default=task.started_s)
        bars += [
            Bar(
                lane=lane,
                doing=note.doing,
                what=note.what,
                who="",  # its lane says so
                started_s=note.started_s - zero_s,
                finished_s=note.finished_s - zero_s,
            )
            for note in task.notes
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
