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

from lab.learn.engine.context import SCENE_S, Context
from lab.learn.lessons.submit.submitted import BODY, CALLBACK, ERRBACK, Asked, Mark, Way
from tasks.errors import WorkerError


def one_by_one(context: Context, asked: Asked) -> Way:
    """Submit a task, wait for its result, submit the next."""
    with _way(context, "one by one") as way:
        for number in range(asked.tasks):
            with way.scene.lab.noting("computes", "submits"):
                result = _send(context, asked, way, number)
            way.submitted_s = way.scene.lab.elapsed_s
            _take(way, result, f"get {number + 1}")
    return way


def collected_later(context: Context, asked: Asked) -> Way:
    """Submit all tasks, do something else, then ask for each result."""
    with _way(context, "collect later") as way:
        with _submitting(way):
            results = [_send(context, asked, way, number) for number in range(asked.tasks)]
        _own_work(way, asked)
        for number, result in enumerate(results):
            _take(way, result, f"get {number + 1}")
    return way


def linked(context: Context, asked: Asked) -> Way:
    """Give each task a callback, and never ask for anything."""
    with _way(context, "link") as way:
        with _submitting(way):
            for number in range(asked.tasks):
                _send(context, asked, way, number, link=_callback(context, asked, way))
        _own_work(way, asked)
    _take_from_callbacks(way)
    return way


def errors_linked(context: Context, asked: Asked) -> Way:
    """Let every second task fail, each with a callback and with both kinds of errback."""
    key = context.traces.key("marks")
    seen = _signature(context, "sees_failure", key=key, pause_s=asked.callback_s)
    with _way(context, "link, link_error") as way:
        with _submitting(way):
            for number in range(asked.tasks):
                fails = number % 2 == 1
                link = _callback(context, asked, way, expected=not fails)
                told = _errback(context, asked, way, expected=fails)
                _send(context, asked, way, number, fails, link=link, link_error=[seen, told])
        _own_work(way, asked)
    _take_from_callbacks(way)
    way.marks = [_mark(text, way.scene.zero) for text in _list_at(context, key)]
    return way


def grouped(context: Context, asked: Asked) -> Way:
    """Submit a group, do something else, then ask for the list of all results."""
    with _way(context, "group") as way:
        with _submitting(way):
            result = group(_works(context, asked, way)).apply_async()
        context.traces.forget(groups=(result.id,))
        _own_work(way, asked)
        with way.scene.lab.noting("blocked", "get"):
            way.values = [one["value"] for one in _get(result)]
        way.taken_s.append(way.scene.lab.elapsed_s)
    return way


def chorded(context: Context, asked: Asked) -> Way:
    """Submit a group with a task that gets all its results, then ask for what that made of them."""
    with _way(context, "chord") as way:
        with _submitting(way):
            posted = context.send_options(way.scene, asked.collector, BODY, by_task=True)
            body = _signature(context, "collected", asked.callback_s).set(**posted)
            result: Any = chord(_works(context, asked, way), body).apply_async(
                task_id=posted["task_id"]
            )
        context.traces.forget(groups=(result.parent.id,))
        _own_work(way, asked)
        with way.scene.lab.noting("blocked", "get"):
            way.values = _get(result)["value"][0]
        way.taken_s.append(way.scene.lab.elapsed_s)
    return way


#: In the order in which they are shown.
WAYS: Final[tuple[Callable[[Context, Asked], Way], ...]] = (
    one_by_one, collected_later, linked, errors_linked, grouped, chorded,
)  # fmt: skip


def warm_up(context: Context, asked: Asked) -> None:
    """Open what the first submission of a process opens: that is not any way's cost."""
    one_by_one(context, replace(asked, tasks=1, pause_s=0.0))


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
def _way(context: Context, name: str) -> Iterator[Way]:
    way = Way(name=name, scene=context.open_scene(name))
    yield way
    way.ran = context.follow(way.scene, may_fail=True)


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
    context: Context, asked: Asked, way: Way, number: int, fails: bool = False, **linked: Any
) -> Any:
    """Send one task as any Celery client does."""
    options = context.send_options(way.scene, asked.worker, f"work {number + 1}")
    task = context.session.app.tasks["lessons.submit.work"]
    return task.apply_async((number, asked.pause_s, fails), **options, **linked)


def _works(context: Context, asked: Asked, way: Way) -> list[Any]:
    """Return the tasks as signatures, not sent yet."""
    return [
        _signature(context, "work", number, asked.pause_s).set(
            **context.send_options(way.scene, asked.worker, f"work {number + 1}")
        )
        for number in range(asked.tasks)
    ]


def _callback(context: Context, asked: Asked, way: Way, *, expected: bool = True) -> Any:
    posted = context.send_options(
        way.scene, asked.collector, CALLBACK, by_task=True, expected=expected
    )
    return _signature(context, "called_back", asked.callback_s).set(**posted)


def _errback(context: Context, asked: Asked, way: Way, *, expected: bool) -> Any:
    posted = context.send_options(
        way.scene, asked.collector, ERRBACK, by_task=True, expected=expected
    )
    return _signature(context, "told_of_failure", pause_s=asked.callback_s).set(**posted)


def _signature(context: Context, name: str, *args: Any, **kwargs: Any) -> Any:
    return context.session.app.tasks[f"lessons.submit.{name}"].s(*args, **kwargs)


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
    called = [task for task in way.ran.tasks if task.label in {CALLBACK, ERRBACK}]
    way.taken_s = [task.started_s for task in called]
    way.values = [task.value[0] for task in called if task.label == CALLBACK]


def _list_at(context: Context, key: str) -> list[bytes]:
    found: Any = context.session.cluster.redis.lrange(key, 0, -1)
    return list(found)


def _mark(text: bytes, zero: float) -> Mark:
    task_id, host, pid, thread, at = json.loads(text)
    return Mark(task_id=task_id, host=host, pid=pid, thread=thread, at_s=at - zero)
