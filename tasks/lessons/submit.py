"""The tasks of the lesson `submit`: work, and the callbacks that are called when it ends."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import Any

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import shared, write


@app.task(name="lessons.submit.work", throws=(ValueError,))
def work(number: int, pause_s: float, fails: bool = False) -> dict[str, Any]:
    """Wait `pause_s` seconds and hand in `number`; raise ValueError if it `fails`."""
    notebook = Notebook()
    with notebook.noting("waits", "works"):
        time.sleep(pause_s)
    if fails:
        raise ValueError(f"number {number} fails on purpose")
    return notebook.handed_in(number)


@app.task(name="lessons.submit.callback")
def callback(result: dict[str, Any], pause_s: float) -> dict[str, Any]:
    """Take a result from `link`; hand in its number, and where this ran."""
    notebook = Notebook()
    with notebook.noting("waits", "callback"):
        time.sleep(pause_s)
    return notebook.handed_in([result["value"], *whereabouts()])


@app.task(name="lessons.submit.chord_body")
def chord_body(results: list[dict[str, Any]], pause_s: float) -> dict[str, Any]:
    """Take all results from a chord; hand in their numbers, and where this ran."""
    notebook = Notebook()
    with notebook.noting("waits", "chord body"):
        time.sleep(pause_s)
    return notebook.handed_in([[one["value"] for one in results], *whereabouts()])


@app.task(name="lessons.submit.errback_task")
def errback_task(task_id: str, *, pause_s: float) -> dict[str, Any]:
    """Take the id of a failed task: Celery sends an errback of one argument as a task."""
    notebook = Notebook()
    with notebook.noting("waits", "errback"):
        time.sleep(pause_s)
    return notebook.handed_in([task_id, *whereabouts()])


@app.task(name="lessons.submit.errback_in_slot")
def errback_in_slot(
    request: Any,
    exc: Exception,  # noqa: ARG001
    traceback: Any,  # noqa: ARG001
    *,
    key: str,
    pause_s: float,
) -> None:
    """Take the failure itself: Celery calls an errback of several arguments in the slot.

    It is not sent as a task and hands in nothing, so it leaves a mark in the list at `key`, with
    the time by the clock of Redis, which the records use as well.
    """
    seconds, microseconds = shared().time()
    at = seconds + microseconds / 1e6
    mark = json.dumps([request.id, *whereabouts(), threading.get_native_id(), at])
    write("RPUSH", key, mark)
    time.sleep(pause_s)


def whereabouts() -> tuple[str, int]:
    """Return the host's name and this process's id."""
    return socket.gethostname(), os.getpid()
