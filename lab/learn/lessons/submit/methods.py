"""Six methods to submit the same tasks, each timed in the process that submits.

It must not know what is concluded from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery import chord, group
from celery.exceptions import TimeoutError as NoResult

from lab.learn.engine.context import SCENE_S, Context
from lab.learn.lessons.submit.messages import Messages
from lab.learn.lessons.submit.method_run import (
    CALLBACK,
    CHORD,
    COLLECT_LATER,
    ERRBACK,
    GROUP,
    LINK,
    LINK_ERROR,
    ONE_BY_ONE,
    ErrbackMark,
    MethodRun,
    SubmitSetup,
)
from tasks.errors import WorkerError


def one_by_one(context: Context, setup: SubmitSetup) -> MethodRun:
    """Submit a task, wait for its result, submit the next."""
    with _running(context, ONE_BY_ONE, setup) as (run, messages):
        for number in range(setup.tasks):
            with run.scene.lab.noting("computes", "submits"):
                result = messages.send(number)
            run.submitted_s = run.scene.lab.elapsed_s
            _take(run, result, number)
    return run


def collect_later(context: Context, setup: SubmitSetup) -> MethodRun:
    """Submit all tasks, do something else, then ask for each result."""
    with _running(context, COLLECT_LATER, setup) as (run, messages):
        with _submitting(run):
            results = [messages.send(number) for number in range(setup.tasks)]
        _own_work(run, setup)
        for number, result in enumerate(results):
            _take(run, result, number)
    return run


def link(context: Context, setup: SubmitSetup) -> MethodRun:
    """Give each task a callback, and never ask for a result."""
    with _running(context, LINK, setup) as (run, messages):
        with _submitting(run):
            for number in range(setup.tasks):
                messages.send(number, link=messages.callback())
        _own_work(run, setup)
    _read_callbacks(run)
    return run


def link_error(context: Context, setup: SubmitSetup) -> MethodRun:
    """Make every second task fail; each has a callback and both kinds of errback."""
    key = context.traces.key("marks")
    with _running(context, LINK_ERROR, setup) as (run, messages):
        with _submitting(run):
            for number in range(setup.tasks):
                fails = number % 2 == 1
                callback = messages.callback(expected=not fails)
                errbacks = [
                    messages.errback_in_slot(key),
                    messages.errback_task(expected=fails),
                ]
                messages.send(number, fails=fails, link=callback, link_error=errbacks)
        _own_work(run, setup)
    _read_callbacks(run)
    marks: Any = context.session.cluster.redis.lrange(key, 0, -1)
    run.marks = [_mark(text, run.scene.zero) for text in marks]
    return run


def as_group(context: Context, setup: SubmitSetup) -> MethodRun:
    """Submit a group, do something else, then ask for the list of all results."""
    with _running(context, GROUP, setup) as (run, messages):
        with _submitting(run):
            result = group(messages.works()).apply_async()
        context.traces.forget(groups=(result.id,))
        _own_work(run, setup)
        with run.scene.lab.noting("blocked", "get"):
            run.values = [one["value"] for one in _get(result)]
        run.result_at_s.append(run.scene.lab.elapsed_s)
    return run


def as_chord(context: Context, setup: SubmitSetup) -> MethodRun:
    """Submit a group whose results all go to one more task, then ask for that task's result."""
    with _running(context, CHORD, setup) as (run, messages):
        with _submitting(run):
            body, task_id = messages.chord_body()
            result: Any = chord(messages.works(), body).apply_async(task_id=task_id)
        context.traces.forget(groups=(result.parent.id,))
        _own_work(run, setup)
        with run.scene.lab.noting("blocked", "get"):
            run.values = _get(result)["value"][0]
        run.result_at_s.append(run.scene.lab.elapsed_s)
    return run


#: In the order in which they are shown.
METHODS: Final[tuple[Callable[[Context, SubmitSetup], MethodRun], ...]] = (
    one_by_one,
    collect_later,
    link,
    link_error,
    as_group,
    as_chord,
)


@contextmanager
def _running(
    context: Context, name: str, setup: SubmitSetup
) -> Iterator[tuple[MethodRun, Messages]]:
    """Open the scene of a method, and wait at the end until its tasks have ended."""
    run = MethodRun(name=name, scene=context.open_scene(name))
    yield run, Messages(context=context, setup=setup, run=run)
    run.ran = context.follow(run.scene, may_fail=True)


@contextmanager
def _submitting(run: MethodRun) -> Iterator[None]:
    with run.scene.lab.noting("computes", "submits"):
        yield
    run.submitted_s = run.scene.lab.elapsed_s


def _own_work(run: MethodRun, setup: SubmitSetup) -> None:
    """Compute for half as long as a task takes, because the submitting process is free to."""
    with run.scene.lab.noting("computes", "own work"):
        until_s = run.scene.lab.elapsed_s + setup.pause_s / 2
        while run.scene.lab.elapsed_s < until_s:
            pass


def _take(run: MethodRun, result: Any, number: int) -> None:
    with run.scene.lab.noting("blocked", f"get {number + 1}"):
        run.values.append(_get(result)["value"])
    run.result_at_s.append(run.scene.lab.elapsed_s)


def _get(result: Any) -> Any:
    try:
        return result.get(timeout=SCENE_S)
    except NoResult as error:
        raise WorkerError(f"no result of {result.id} within {SCENE_S:.0f} s") from error


def _read_callbacks(run: MethodRun) -> None:
    """Read results from the callbacks: one has arrived when its callback starts."""
    called = [task for task in run.ran.tasks if task.label in {CALLBACK, ERRBACK}]
    run.result_at_s = [task.started_s for task in called]
    run.values = [task.value[0] for task in called if task.label == CALLBACK]


def _mark(text: bytes, zero: float) -> ErrbackMark:
    task_id, host, pid, thread, at = json.loads(text)
    return ErrbackMark(task_id=task_id, host=host, pid=pid, thread=thread, at_s=at - zero)
