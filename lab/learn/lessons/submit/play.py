"""The ways to submit the same work, each timed in the process that submits.

It must not know what is concluded from them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import Any, Final

from celery import chord, group
from celery.exceptions import TimeoutError as NoResult

from lab.learn.engine.stage import SCENE_S, Stage
from lab.learn.lessons.submit.submitted import BODY, CALLBACK, ERRBACK, Asked, Mark, Way
from tasks.errors import WorkerError


def one_by_one(stage: Stage, asked: Asked) -> Way:
    """Submit a task, wait for its result, submit the next."""
    with _way(stage, "one by one") as way:
        for number in range(asked.tasks):
            with way.scene.lab.noting("computes", "submits"):
                result = _send(stage, asked, way, number)
            way.submitted_s = way.scene.lab.elapsed_s
            _take(way, result, f"get {number + 1}")
    return way


def collected_later(stage: Stage, asked: Asked) -> Way:
    """Submit all tasks, do something else, then ask for each result."""
    with _way(stage, "collect later") as way:
        with _submitting(way):
            results = [_send(stage, asked, way, number) for number in range(asked.tasks)]
        _own_work(way, asked)
        for number, result in enumerate(results):
            _take(way, result, f"get {number + 1}")
    return way


def linked(stage: Stage, asked: Asked) -> Way:
    """Give each task a callback, and never ask for anything."""
    with _way(stage, "link") as way:
        with _submitting(way):
            for number in range(asked.tasks):
                _send(stage, asked, way, number, link=_callback(stage, asked, way))
        _own_work(way, asked)
    _take_from_callbacks(way)
    return way


def errors_linked(stage: Stage, asked: Asked) -> Way:
    """Let every second task fail, each with a callback and with both kinds of errback."""
    key = stage.traces.key("marks")
    seen = _signature(stage, "sees_failure", key=key, pause_s=asked.callback_s)
    with _way(stage, "link, link_error") as way:
        with _submitting(way):
            for number in range(asked.tasks):
                fails = number % 2 == 1
                link = _callback(stage, asked, way, expected=not fails)
                told = _errback(stage, asked, way, expected=fails)
                _send(stage, asked, way, number, fails, link=link, link_error=[seen, told])
        _own_work(way, asked)
    _take_from_callbacks(way)
    way.marks = [_mark(text, way.scene.zero) for text in _list_at(stage, key)]
    return way


def grouped(stage: Stage, asked: Asked) -> Way:
    """Submit a group, do something else, then ask for the list of all results."""
    with _way(stage, "group") as way:
        with _submitting(way):
            result = group(_works(stage, asked, way)).apply_async()
        stage.traces.forget(groups=(result.id,))
        _own_work(way, asked)
        with way.scene.lab.noting("blocked", "get"):
            way.values = [one["value"] for one in _get(result)]
        way.taken_s.append(way.scene.lab.elapsed_s)
    return way


def chorded(stage: Stage, asked: Asked) -> Way:
    """Submit a group with a task that gets all its results, then ask for what that made of them."""
    with _way(stage, "chord") as way:
        with _submitting(way):
            posted = stage.post(way.scene, asked.collector, BODY, by_task=True)
            body = _signature(stage, "collected", asked.callback_s).set(**posted)
            result: Any = chord(_works(stage, asked, way), body).apply_async(
                task_id=posted["task_id"]
            )
        stage.traces.forget(groups=(result.parent.id,))
        _own_work(way, asked)
        with way.scene.lab.noting("blocked", "get"):
            way.values = _get(result)["value"][0]
        way.taken_s.append(way.scene.lab.elapsed_s)
    return way


#: In the order in which they are shown.
WAYS: Final[tuple[Callable[[Stage, Asked], Way], ...]] = (
    one_by_one, collected_later, linked, errors_linked, grouped, chorded,
)  # fmt: skip


def warm_up(stage: Stage, asked: Asked) -> None:
    """Open what the first submission of a process opens: that is not any way's cost."""
    one_by_one(stage, replace(asked, tasks=1, pause_s=0.0))


def called_back_here() -> tuple[int, int]:
    """Let a pool of processes call back; return the pids of who worked and who was called."""
    called: list[int] = []
    # Not forked: this process has threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        future: Future[int] = pool.submit(os.getpid)
        future.add_done_callback(lambda _: called.append(os.getpid()))
        worked = future.result(timeout=SCENE_S)
    return worked, called[0]


@contextmanager
def _way(stage: Stage, name: str) -> Iterator[Way]:
    way = Way(name=name, scene=stage.begin(name))
    yield way
    way.played = stage.follow(way.scene, may_fail=True)


@contextmanager
def _submitting(way: Way) -> Iterator[None]:
    with way.scene.lab.noting("computes", "submits"):
        yield
    way.submitted_s = way.scene.lab.elapsed_s


def _own_work(way: Way, asked: Asked) -> None:
    """Compute for half as long as a task takes: the process that submits is free to."""
    with way.scene.lab.noting("computes", "own work"):
        until_s = way.scene.lab.elapsed_s + asked.pause_s / 2
        while way.scene.lab.elapsed_s < until_s:
            pass


def _send(
    stage: Stage, asked: Asked, way: Way, number: int, fails: bool = False, **linked: Any
) -> Any:
    """Send one task as any Celery client does."""
    options = stage.post(way.scene, asked.worker, f"work {number + 1}")
    task = stage.house.app.tasks["lessons.submit.work"]
    return task.apply_async((number, asked.pause_s, fails), **options, **linked)


def _works(stage: Stage, asked: Asked, way: Way) -> list[Any]:
    """Return the tasks as signatures, not sent yet."""
    return [
        _signature(stage, "work", number, asked.pause_s).set(
            **stage.post(way.scene, asked.worker, f"work {number + 1}")
        )
        for number in range(asked.tasks)
    ]


def _callback(stage: Stage, asked: Asked, way: Way, *, expected: bool = True) -> Any:
    posted = stage.post(way.scene, asked.collector, CALLBACK, by_task=True, expected=expected)
    return _signature(stage, "called_back", asked.callback_s).set(**posted)


def _errback(stage: Stage, asked: Asked, way: Way, *, expected: bool) -> Any:
    posted = stage.post(way.scene, asked.collector, ERRBACK, by_task=True, expected=expected)
    return _signature(stage, "told_of_failure", pause_s=asked.callback_s).set(**posted)


def _signature(stage: Stage, name: str, *args: Any, **kwargs: Any) -> Any:
    return stage.house.app.tasks[f"lessons.submit.{name}"].s(*args, **kwargs)


def _take(way: Way, result: Any, what: str) -> None:
    with way.scene.lab.noting("blocked", what):
        way.values.append(_get(result)["value"])
    way.taken_s.append(way.scene.lab.elapsed_s)


def _get(result: Any) -> Any:
    try:
        return result.get(timeout=SCENE_S)
    except NoResult as error:
        raise WorkerError(f"no result of {result.id} within {SCENE_S:.0f} s") from error


def _take_from_callbacks(way: Way) -> None:
    """Count a result as taken when its callback began."""
    called = [act for act in way.played.acts if act.label in {CALLBACK, ERRBACK}]
    way.taken_s = [act.started_s for act in called]
    way.values = [act.value[0] for act in called if act.label == CALLBACK]


def _list_at(stage: Stage, key: str) -> list[bytes]:
    found: Any = stage.house.cluster.redis.lrange(key, 0, -1)
    return list(found)


def _mark(text: bytes, zero: float) -> Mark:
    task_id, host, pid, thread, at = json.loads(text)
    return Mark(task_id=task_id, host=host, pid=pid, thread=thread, at_s=at - zero)
