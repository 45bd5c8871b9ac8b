"""The shapes of what workers send: replies to remote control, and events; it knows no broker.

Anyone who can write to the broker can send them, so what does not fit is left out.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from producer.entry import Count, Name, Seconds, Slots
from producer.observation.open_tasks import TaskEvent

S = TypeVar("S", bound=Struct)


class _PoolStats(Struct, frozen=True):
    implementation: Name = ""
    slots: Slots = msgspec.field(name="max-concurrency", default=0)


class _Usage(Struct, frozen=True):
    utime: Seconds
    stime: Seconds


class Stats(Struct, frozen=True):
    """What is read of a reply to `stats`."""

    pool: _PoolStats
    rusage: _Usage | str = ""  # text if the platform cannot tell
    prefetch_count: Count | None = None
    total: dict[Name, Count] = {}  # tasks started so far, by name


class Running(Struct, frozen=True):
    """One task in a reply to `active` or `reserved`."""

    id: Name
    name: Name


class Queue(Struct, frozen=True):
    """One queue in a reply to `active_queues`."""

    name: Name


class _Transport(Struct, frozen=True):
    visibility_timeout: Seconds | None = None


class Conf(Struct, frozen=True):
    """What is read of a reply to `conf`, which holds only settings that are not the default."""

    broker_transport_options: _Transport = _Transport()


class _Message(Struct, frozen=True):
    """A message of kombu that carries one event, or a list of them."""

    body: str
    content_type: Name = msgspec.field(name="content-type", default="")


#: What decoding raises.
MISFITS = (msgspec.MsgspecError, UnicodeError, RecursionError, binascii.Error, ValueError)
_MESSAGE = msgspec.json.Decoder(_Message)


def fitted(reply: Any, shape: type[S]) -> S | None:
    """Return a reply in its shape; None if it does not fit."""
    try:
        return msgspec.convert(reply, shape)
    except MISFITS:
        return None


def fitted_all(replies: Any, shape: type[S]) -> tuple[S, ...]:
    """Return those items of a reply that have this shape."""
    found = (fitted(one, shape) for one in (replies if isinstance(replies, list | tuple) else ()))
    return tuple(one for one in found if one is not None)


def task_events(message: bytes) -> tuple[TaskEvent, ...]:
    """Return the task events in a message of kombu; those that do not fit are left out."""
    try:
        outer = _MESSAGE.decode(message)
        if outer.content_type != "application/json":
            return ()
        body = msgspec.json.decode(base64.b64decode(outer.body))
    except MISFITS:
        return ()
    events = body if isinstance(body, list) else [body]
    return tuple(one for one in fitted_all(events, TaskEvent) if one.type.startswith("task-"))
