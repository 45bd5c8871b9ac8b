"""Fills in copies of one Celery message for many identical tasks.

The messages that Celery and kombu make for identical tasks usually differ only in their ids and in
our header. So two messages go through `apply_async`, and are intercepted before the transport sends
them to Redis. If they are equal once those values are cut out, the message of each task is that
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

from kombu_lease import channel as lease_transport
from producer.delivery import Message, Watch, watched
from producer.one_message import known_task, send
from producer.plan import Work
from producer.submit_options import SubmitOptions
from worker.probe import microseconds


class NoTemplateError(Exception):
    """Raised when messages of identical tasks differ in more than a template can fill in."""


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
    return type(connection.default_channel) in {redis_transport.Channel, lease_transport.Channel}


def make(app: Celery, connection: Connection, work: Work, options: SubmitOptions) -> Template:
    """Have Celery make two messages of `work`, and cut what differs between them out of one.

    Raises UsageError if the task cannot be sent or measured, NoTemplateError if the messages differ
    in more than their ids, or if the time at which a message is sent matters.
    """
    task = known_task(app, work, options)
    channel: Any = connection.default_channel
    first, second = (_sample(channel, task, work, options) for _ in range(2))
    _compare(first, second)
    if options.queue in channel._expires:  # kombu prolongs its life with every message
        raise NoTemplateError("its queue expires when it is not used")
    priority = channel._get_message_priority(first.message, reverse=False)
    pieces = first.pieces(first.message)
    return Template(
        key=channel._q_for_pri(options.queue, priority),
        parts=tuple(pieces[::2]),
        places=tuple(pieces[1::2]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One message that Celery made, with the values that are this message's own."""

    message: Message
    values: dict[str, str]  # the name of each value, by its text in JSON

    def pieces(self, part: Any) -> list[str]:
        """Split the text of a part of the message: text, name of a value, text, and so on."""
        found = re.split("(" + "|".join(map(re.escape, self.values)) + ")", dumps(part))
        return [self.values[piece] if i % 2 else piece for i, piece in enumerate(found)]


def _sample(channel: Any, task: Any, work: Work, options: SubmitOptions) -> _Sample:
    """Have Celery make a message with values that occur nowhere else in it."""
    task_id, due, sent = str(uuid4()), _unique_time(), _unique_time()
    watch = Watch(work.task, options)
    with watched(channel, watch, dry_run=True):
        send(task, work, options, (task_id, due, sent), Producer(channel))
    message = watch.taken(task_id)
    tag = message["properties"]["delivery_tag"]
    names = {task_id: "id", tag: "tag", json.dumps(due): "due", json.dumps(sent): "sent"}
    return _Sample(message=message, values=names)


def _unique_time() -> int:
    """Return a number of 16 digits that no message contains by accident."""
    return 10**15 + uuid4().int % 10**15


def _compare(first: _Sample, second: _Sample) -> None:
    one, other = _fields(first.message), _fields(second.message)
    if one.keys() != other.keys():
        raise NoTemplateError("two of its messages have different fields")
    differing = [key for key in one if first.pieces(one[key]) != second.pieces(other[key])]
    if differing:
        raise NoTemplateError(f"two of its messages differ in {', '.join(sorted(differing))}")
    if first.pieces(first.message) != second.pieces(second.message):
        raise NoTemplateError("two of its messages have their fields in different orders")
    timed = ("headers.eta", "headers.expires", "properties.expiration")
    if any(one.get(key) is not None for key in timed):
        raise NoTemplateError("its countdown, ETA or expiry belongs to the time of sending")
    places = set(first.pieces(first.message)[1::2])
    if (
        places != set(_PLACES)
        or one.get("headers.id") != first.message["properties"]["correlation_id"]
    ):
        raise NoTemplateError("its messages lack an id or the header")


def _fields(message: Message) -> dict[str, Any]:
    """Return the fields of a message, those of its headers and properties as `headers.id` etc."""
    fields = {key: value for key, value in message.items() if not isinstance(value, dict)}
    for group, values in message.items():
        if isinstance(values, dict):
            fields |= {f"{group}.{key}": value for key, value in values.items()}
    return fields
