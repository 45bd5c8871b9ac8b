"""Ordinary Celery messages for many like tasks, stamped out of one that Celery itself made.

Everything that Celery and kombu put into a message is the same for like tasks, but for the ids and
what our header carries. So one message goes the whole way through `apply_async` with placeholders
for these, is caught where the transport would hand it to Redis, and each task's message is that
text with its own values filled in.
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
    """A message's text, cut at the places that differ between like tasks."""

    key: str  # of the Redis list that the transport pushes to
    parts: tuple[str, ...]  # the text between the places
    places: tuple[str, ...]  # "id", "tag", "due" or "sent", one less than the parts

    def stamp(self, ids: Iterable[str], due: Iterable[float], sent: float) -> Iterator[str]:
        """Yield the message of each task, `due` and `sent` in seconds of the records' clock."""
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
    """Tell whether messages on `connection` end in a Redis list the way a template writes them."""
    return type(connection.default_channel) is redis_transport.Channel


def make(
    app: Celery, connection: Connection, work: Work, queue: str, run: str, **options: Any
) -> Template:
    """Let Celery make one message of `work` to `queue`, and cut it into a template.

    `options` are those of `apply_async`. Raises celery.exceptions.NotRegistered for a task that
    the app does not know.
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
