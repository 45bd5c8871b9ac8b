"""The lesson `deadlock`: a task that waits for another's result, and one that does not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from celery import chain
from celery.exceptions import TimeoutError as NotInTime

from tasks.celery import app
from tasks.lessons.deadlock import meet
from tasks.lessons.notebook import Notebook

#: Seconds of a child's work.
CHILD_S: Final = 0.3


@app.task(name="lessons.deadlock.child")
def child() -> dict[str, Any]:
    """Work for CHILD_S; hands in whether it worked."""
    notebook = Notebook()
    with notebook.noting("waits", "works"):
        time.sleep(CHILD_S)
    return notebook.handed_in(True)


@app.task(name="lessons.deadlock.parent")
def parent(options: Mapping[str, Any], patience_s: float, scene: str, party: int) -> dict[str, Any]:
    """Send a child and wait for its result, which Celery forbids unless told otherwise.

    `options`: of `apply_async`. No parent of a scene's `party` sends before all have begun, and
    none waits before all have sent. Hands in whether the result came within `patience_s`.
    """
    notebook = Notebook()
    with notebook.noting("waits", "start"):
        meet(scene, party)
    with notebook.noting("computes", "sends"):
        sent = child.apply_async((), **options)
    with notebook.noting("waits", "start"):
        meet(f"{scene}:sent", party)
    with notebook.noting("blocked", "wants its child's result"):
        try:
            came = bool(sent.get(timeout=patience_s, disable_sync_subtasks=False))
        except NotInTime:
            came = False
    return notebook.handed_in(came)


@app.task(name="lessons.deadlock.first_half")
def first_half(options: Mapping[str, Any], options_of_rest: Mapping[str, Any]) -> dict[str, Any]:
    """Send a child, and a second half that starts with its result; wait for neither."""
    notebook = Notebook()
    with notebook.noting("computes", "sends"):
        rest = second_half.s().set(**options_of_rest)
        chain(child.si().set(**options), rest).apply_async()
    return notebook.handed_in(True)


@app.task(name="lessons.deadlock.second_half")
def second_half(handed_in: Mapping[str, Any]) -> bool:
    """Go on with what a child has handed in; return that."""
    return bool(handed_in["value"])
