"""The tasks of the lesson `deadlock` that send subtasks: one waits for the result, one does not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from celery import chain
from celery.exceptions import TimeoutError as NoResult

from tasks.celery import app
from tasks.lessons.deadlock.two_locks import barrier
from tasks.lessons.notebook import Notebook

#: Seconds that a child works.
CHILD_S: Final = 0.3


@app.task(name="lessons.deadlock.child")
def child() -> dict[str, Any]:
    """Work for CHILD_S; hand in True."""
    notebook = Notebook()
    with notebook.noting("waits", "works"):
        time.sleep(CHILD_S)
    return notebook.handed_in(True)


@app.task(name="lessons.deadlock.parent")
def parent(
    options: Mapping[str, Any], timeout_s: float, scene: str, parties: int
) -> dict[str, Any]:
    """Send a child and wait for its result, which Celery forbids by default.

    `options` are those of `apply_async`. The `parties` parents of a scene send when all have
    started, and wait when all have sent. Hands in whether the result came within `timeout_s`.
    """
    notebook = Notebook()
    with notebook.noting("waits", "for the others"):
        barrier(scene, parties)
    with notebook.noting("computes", "sends"):
        sent = child.apply_async((), **options)
    with notebook.noting("waits", "for the others"):
        barrier(f"{scene}:sent", parties)
    with notebook.noting("blocked", "wants its child's result"):
        try:
            arrived = bool(sent.get(timeout=timeout_s, disable_sync_subtasks=False))
        except NoResult:
            arrived = False
    return notebook.handed_in(arrived)


@app.task(name="lessons.deadlock.first_half")
def first_half(options: Mapping[str, Any], options_of_rest: Mapping[str, Any]) -> dict[str, Any]:
    """Send a child and a second half that gets its result; wait for neither."""
    notebook = Notebook()
    with notebook.noting("computes", "sends"):
        rest = second_half.s().set(**options_of_rest)
        chain(child.si().set(**options), rest).apply_async()
    return notebook.handed_in(True)


@app.task(name="lessons.deadlock.second_half")
def second_half(handed_in: Mapping[str, Any]) -> bool:
    """Continue with what a child handed in; return its value."""
    return bool(handed_in["value"])
