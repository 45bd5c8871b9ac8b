"""The scenes of the lesson `submit`: the same tasks, submitted by each method in turn.

It must not know what is concluded from them.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from lab.learn.engine.context import SCENE_S, Context
from lab.learn.lessons.submit.method_run import (
    LocalCallback,
    MethodRun,
    SubmitObservations,
    SubmitSetup,
)
from lab.learn.lessons.submit.methods import METHODS, one_by_one
from lab.learn.lessons.submit.scenes import CAPTIONS, drawn


def play(context: Context) -> SubmitObservations:
    """Submit by each method, and show the scenes that have a caption."""
    setup = SubmitSetup(
        tasks=context.count("tasks"),
        pause_s=context.dial("pause_ms") / 1_000,
        worker=context.worker(context.pools[0]),
        callback_worker=context.worker(context.pools[-1]),
    )
    _warm_up(context, setup)
    runs: dict[str, MethodRun] = {}
    for method in METHODS:
        run = method(context, setup)
        runs[run.name] = run
        if run.name in CAPTIONS:
            context.show(drawn(run))
    return SubmitObservations(
        setup=setup, runs=runs, slots=context.slots(context.pools[0]), local=_local_callback()
    )


def _warm_up(context: Context, setup: SubmitSetup) -> None:
    """Open connections that a process opens once, so that the first method does not pay for it."""
    one_by_one(context, replace(setup, tasks=1, pause_s=0.0))


def _local_callback() -> LocalCallback:
    """Run a callback of `concurrent.futures`, and see which processes take part."""
    called: list[int] = []
    # Spawned, because it is not safe to fork a process that has threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future: Future[int] = pool.submit(os.getpid)
        future.add_done_callback(lambda _: called.append(os.getpid()))
        work_pid = future.result(timeout=SCENE_S)
    return LocalCallback(work_pid=work_pid, callback_pid=called[0])
