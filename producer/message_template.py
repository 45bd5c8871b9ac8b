"""Fills in copies of one Celery message for many identical tasks.

The messages that Celery and kombu make for identical tasks differ only in their ids and in our
header. So one message with placeholders goes through `apply_async` and is intercepted before the
transport sends it to Redis. The message of each task is that text with its own values filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Connection, Producer
from kombu.transport import redis as redis_transport
from kombu.utils.json import dumps

from producer.plan import Work
from worker.probe import HEADER, microseconds

_TASK_ID = "poolwise-placeholder-of-the-task-id"
_DUE = 1_234_567_890_123_401
_SENT = 1_234_567_890_123_402


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The text of a message, split at the values that differ between identical tasks."""

    key: str  # the Redis list that the transport pushes to
    parts: tuple[str, ...]  # the text between the values
    places: tuple[str, ...]  # which value follows each part but the last: a name in `_PLACES`

    def stamp(self, ids: Iterable[str], due: Iterable[float], sent: float) -> Iterator[str]:
        """Yield the message of each task; `due` and `sent` are seconds by the records' clock."""
        joint = list(self.parts[:1])
        for place, part in zip(self.places, self.parts[1:], strict=True):
            joint += (place, part)
        slots = {
            place: [i for i, p in enumerate(joint) if i % 2 and p == place] for place in _PLACES
        }
        for index in slots["sent"]:
            joint[index] = str(microseconds(sent))
        for task_id, instant in zip(ids, due, strict=True):
            for index in slots["id"]:
                joint[index] = task_id
            for index in slots["tag"]:
                joint[index] = str(uuid4())
            for index in slots["due"]:
                joint[index] = str(microseconds(instant))
            yield "".join(joint)


_PLACES = ("id", "tag", "due", "sent")


def supports(connection: Connection) -> bool:
    """Return whether the transport of `connection` pushes messages to Redis lists as we do."""
    return type(connection.default_channel) is redis_transport.Channel


def make(
    app: Celery, connection: Connection, work: Work, queue: str, run: str, **options: Any
) -> Template:
    """Have Celery make one message of `work` for `queue` and split it into a template.

    `options` are those of `apply_async`. Raises celery.exceptions.NotRegistered if the app does
    not know the task.
    """
    channel: Any = connection.channel()
    caught: list[tuple[str, dict[str, Any]]] = []
    channel._put = lambda key, message, **_: caught.append((key, message))
    headers: Any = {HEADER: {"run": run, "due": _DUE, "sent": _SENT}}
    try:
        app.tasks[work.task].apply_async(
            work.args,
            dict(work.kwargs),
            task_id=_TASK_ID,
            queue=queue,
            headers=headers,
            producer=Producer(channel),
            **options,
        )
        del channel._put
        [(name, message)] = caught
        priority = channel._get_message_priority(message, reverse=False)
        return _cut(channel._q_for_pri(name, priority), message)
    finally:
        channel.close()


def _cut(key: str, message: dict[str, Any]) -> Template:
    values = {
        _TASK_ID: "id",
        message["properties"]["delivery_tag"]: "tag",
        json.dumps(_DUE): "due",
        json.dumps(_SENT): "sent",
    }
    pieces = re.split("(" + "|".join(map(re.escape, values)) + ")", dumps(message))
    return Template(
        key=key, parts=tuple(pieces[::2]), places=tuple(values[piece] for piece in pieces[1::2])
    )
