"""Whether a worker keeps what a cold shutdown stops is read from the requests of its tasks."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.worker.request import Request

from worker.delivery.stopped import KeptRequest, returns_stopped


class Kept(KeptRequest, Request):
    """Both, as `worker.delivery.install` mixes them."""


def idle() -> None:
    """Do nothing, as the body of the task."""


def test_stopped_tasks_are_returned_if_all_requests_keep_them() -> None:
    app = Celery("made", set_as_current=False)
    app.task(name="made.idle")(idle)
    tasks: list[Any] = list(app.tasks.values())
    for task in tasks:
        assert not returns_stopped(app)
        task.Request = Kept
    assert returns_stopped(app)
