"""The lesson `submit`: work that is waited for, and what is called when it has ended."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared

#: Seconds after which a mark that nobody has taken is gone.
MARK_S: Final = 120


@app.task(name="lessons.submit.work", throws=(ValueError,))
def work(number: int, pause_s: float, fails: bool = False) -> dict[str, Any]:
    """Wait `pause_s` seconds and hand in `number`. Raises ValueError where it `fails`."""
    notebook = Notebook()
    with notebook.noting("waits", "works"):
        time.sleep(pause_s)
    if fails:
        raise ValueError(f"number {number} was to fail")
    return notebook.handed_in(number)


@app.task(name="lessons.submit.called_back")
def called_back(result: dict[str, Any], pause_s: float) -> dict[str, Any]:
    """Take a result, as `link` passes it on; hand in its number, and where that happened."""
    notebook = Notebook()
    with notebook.noting("waits", "callback"):
        time.sleep(pause_s)
    return notebook.handed_in([result["value"], *whereabouts()])


@app.task(name="lessons.submit.collected")
def collected(results: list[dict[str, Any]], pause_s: float) -> dict[str, Any]:
    """Take all results, as a chord passes them on; hand in their numbers, and where that was."""
    notebook = Notebook()
    with notebook.noting("waits", "chord body"):
        time.sleep(pause_s)
    return notebook.handed_in([[one["value"] for one in results], *whereabouts()])


@app.task(name="lessons.submit.told_of_failure")
def told_of_failure(task_id: str, *, pause_s: float) -> dict[str, Any]:
    """Be told which task has failed: an errback of one argument, which Celery sends as a task."""
    notebook = Notebook()
    with notebook.noting("waits", "errback"):
        time.sleep(pause_s)
    return notebook.handed_in([task_id, *whereabouts()])


@app.task(name="lessons.submit.sees_failure")
def sees_failure(
    request: Any,
    exc: Exception,  # noqa: ARG001
    traceback: Any,  # noqa: ARG001
    *,
    key: str,
    pause_s: float,
) -> None:
    """See the failure itself: an errback of several arguments, which Celery calls on the spot.

    It is no task then and hands in nothing: it leaves a mark in the list at `key`. When it was
    called is told by the clock of Redis, which is that of the records.
    """
    redis = shared()
    seconds, microseconds = redis.time()
    at = seconds + microseconds / 1e6
    redis.rpush(key, json.dumps([request.id, *whereabouts(), threading.get_native_id(), at]))
    redis.expire(key, MARK_S)
    time.sleep(pause_s)


def whereabouts() -> tuple[str, int]:
    """Return the host's name and this process's id."""
    return socket.gethostname(), os.getpid()
