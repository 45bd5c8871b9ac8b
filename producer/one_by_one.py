"""Sends tasks with `apply_async` each, and finds out which tasks need that.

A template skips all code that Celery calls for each message. Celery's own code makes the same
message of the same task every time; a project's may not, or may count on being called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from celery import Celery, signals
from celery.app.routes import MapRoute
from kombu import Connection, Producer

from producer import message_template
from producer.delivery import Watch, can_watch, watched
from producer.one_message import known_task, send
from producer.plan import Work
from producer.submit_options import SubmitOptions
from worker.probe import microseconds

#: The most messages in one batch. Few, because each is due, and its countdown begins, before the
#: broker gets the batch.
CHUNK = 100


def reason(app: Celery, connection: Connection, work: Work) -> str:
    """Return why the tasks of `work` must be sent one by one; empty if a template may do."""
    if not message_template.supports(connection):
        return "the broker's transport is not kombu's for Redis"
    return next(_reasons(app, app.tasks[work.task]), "")


def _reasons(app: Any, task: Any) -> Iterator[str]:
    for name in ("before_task_publish", "after_task_publish", "task_sent"):
        if getattr(signals, name).has_listeners(task.name):
            yield f"the app has receivers of {name}"
    if app.conf.task_send_sent_event:
        yield "the app sends an event for each task (task_send_sent_event)"
    if not all(isinstance(route, MapRoute) for route in app.amqp.routes):
        yield "the app has a router that it asks for each task"
    for owner, name in (
        (task, "apply_async"),
        (task, "shadow_name"),
        (app, "send_task"),
        (app.amqp, "create_task_message"),
        (app.amqp, "send_task_message"),
    ):
        if not _is_celerys(getattr(owner, name)):
            yield f"{name} is not Celery's own"


def _is_celerys(function: Any) -> bool:
    """Return whether Celery's own code defines `function`; a wrapper around it does not count."""
    return str(getattr(function, "__globals__", {}).get("__name__")).startswith("celery.")


class OneByOne:
    """Sends tasks in kombu's batches, so that a round trip carries several."""

    def __init__(
        self, app: Celery, connection: Connection, work: Work, options: SubmitOptions
    ) -> None:
        """Raises UsageError if the task cannot be sent or measured."""
        self._task = known_task(app, work, options)
        self._channel: Any = connection.default_channel
        self._work = work
        self._options = options

    def push(self, ids: Sequence[str], due: Sequence[float], sent: float) -> None:
        """Send one task for each id.

        Raises UsageError if a task does not reach the queue, or other queues too; the messages sent
        so far are not withdrawn.
        """
        watch = Watch(self._work.task, self._options)
        if can_watch(self._channel):
            with watched(self._channel, watch):
                self._push(ids, due, sent, watch)
        else:
            self._push(ids, due, sent, None)

    def _push(
        self, ids: Sequence[str], due: Sequence[float], sent: float, watch: Watch | None
    ) -> None:
        producer: Any = Producer(self._channel)
        with producer.batch(max_size=CHUNK):
            for task_id, instant in zip(ids, due, strict=True):
                stamp = task_id, microseconds(instant), microseconds(sent)
                send(self._task, self._work, self._options, stamp, producer)
                if watch:
                    watch.taken(task_id)
