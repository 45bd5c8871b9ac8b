"""The scenes of the lesson `io-models`: one task reads the same sockets under each model.

It must not know what is concluded from them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.own_workers import WorkerRequest
from lab.learn.engine.scene_run import Call, SceneRun
from lab.learn.lessons.io_models.model_cost import ModelCost, model_cost
from lab.learn.lessons.io_models.readings import draw, merged
from producer.plan import Work
from tasks.lessons.io_models import io_uring
from tasks.lessons.io_models import tasks as io_model_tasks
from tasks.lessons.io_models.models import MODELS

#: How often each model reads; blocking, which takes long, reads only once.
ROUNDS: Final = 3
#: Seconds for a scene in addition to the sum of the delays.
SCENE_S: Final = 30.0
SEED: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRuns:
    """All that the lesson has measured."""

    costs: Mapping[str, ModelCost]  # by model
    delays_ms: Sequence[int]  # of the answers
    no_ptrace: str  # why system calls were not counted by ptrace; empty if they were
    no_io_uring: str  # why io_uring was left out; empty if it was not


def play(context: Context) -> ModelRuns:
    """Read the same sockets under each model: timed first, then with the system calls counted."""
    delays_ms = delays(context.count("sockets"), context.dial("delay_ms"))
    no_io_uring = io_uring.unavailable()
    models = [*MODELS, *([] if no_io_uring else [io_model_tasks.IO_URING])]
    port = context.session.cluster.start_delay_server()
    [reader] = context.start(WorkerRequest(name="reader", pool="prefork", slots=1))
    bound_s = SCENE_S + sum(delays_ms) / 1_000

    def read(title: str, task: str, readings: Sequence[str]) -> SceneRun:
        calls = [
            Call(work=Work(task=task, args=(model, port, delays_ms)), worker=reader, label=model)
            for model in readings
        ]
        return context.run_scene(title, calls, bound_s)

    once, others = models[:1], models[1:]
    timed = read("reading, timed", io_model_tasks.read.name, [*once, *(others * ROUNDS)])
    _show(context, timed, models)
    counting = read("reading, counting system calls", io_model_tasks.count.name, models)
    counted = {task.label: task.value for task in counting.tasks}
    return ModelRuns(
        costs={
            model: model_cost(model, timed.tasks, delays_ms, counted[model]) for model in models
        },
        delays_ms=delays_ms,
        no_ptrace=next((one["why"] for one in counted.values() if one["why"]), ""),
        no_io_uring=no_io_uring,
    )


def delays(sockets: int, mean_ms: float) -> list[int]:
    """Return delays like those of real servers: mostly short, a few long; shuffled by a fixed seed.

    They are the quantiles of an exponential distribution.
    """
    quantiles = [-math.log(1 - (number + 0.5) / sockets) for number in range(sockets)]
    whole = [max(1, round(mean_ms * quantile)) for quantile in quantiles]
    random.Random(SEED).shuffle(whole)  # noqa: S311
    return whole


def _show(context: Context, timed: SceneRun, models: Sequence[str]) -> None:
    last = {task.label: task for task in timed.tasks}
    blocking, *others = models
    context.show(
        draw(
            [last[blocking], *(merged(last[model]) for model in others)],
            "Each model reads the same sockets",
            "The blocking model waits for one socket after the other; the other models wait for "
            "all sockets at once.",
        )
    )
    context.show(
        draw(
            [last[model] for model in others],
            "A closer look at all models but blocking",
            "Polling uses a core all the time; the others sleep until there is something to read.",
        )
    )
