"""The shapes of task events, heartbeats and inspection replies; it knows no Flower.

Anyone who can write to the broker can send them, so what does not fit is left out. Every name that
is taken from them is made here, so that it can be encoded.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final, TypeGuard

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from producer.entry import MAX_NAME, Count, Name, Seconds, Slots
from producer.observation.open_tasks import TaskEvent

#: What a conversion raises if something does not fit; half a character is no number either.
_UNFIT: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
#: What Celery's state raises if a worker's events did not fit.
_MISFITS: Final = (ArithmeticError, AssertionError, AttributeError, TypeError, ValueError)


def encodable(name: str) -> str:
    """Return a name that UTF-8 can encode: half a character becomes a question mark."""
    return name.encode("utf-8", "replace").decode()


def is_name(value: Any) -> TypeGuard[str]:
    """Return whether a value can be a name; it may have to be made encodable."""
    return isinstance(value, str) and len(value) <= MAX_NAME


class _Sent(Struct, frozen=True):
    """What anyone may have sent; its names can be encoded."""

    def __post_init__(self) -> None:
        _make_encodable(self)


class _SentTaskEvent(TaskEvent, frozen=True):
    """A task event whose names can be encoded."""

    def __post_init__(self) -> None:
        _make_encodable(self)


def _make_encodable(sent: Struct) -> None:
    for field in sent.__struct_fields__:
        if isinstance(value := getattr(sent, field), str):
            force_setattr(sent, field, encodable(value))


class EndEvent(_Sent, frozen=True):
    """A task event that says that a task has ended."""

    type: Name
    hostname: Name
    uuid: Name
    timestamp: Seconds


class _Pool(_Sent, frozen=True):
    implementation: Name = ""
    slots: Slots | None = msgspec.field(name="max-concurrency", default=None)


class _Stats(_Sent, frozen=True):
    pool: _Pool = _Pool()


class _Fetching(_Sent, frozen=True):
    prefetch_count: Count | None = None


class _Transport(_Sent, frozen=True):
    visibility_timeout: Seconds | None = None


class _Conf(_Sent, frozen=True):
    broker_transport_options: _Transport = _Transport()


class Delivery(_Sent, frozen=True):
    """What Poolwise reads of how a worker gets its messages."""

    stats: _Fetching = _Fetching()
    conf: _Conf = _Conf()

    @property
    def prefetch_count(self) -> int | None:
        """The most messages that it fetches; 0: no limit, None: unknown."""
        return self.stats.prefetch_count

    @property
    def visibility_timeout_s(self) -> float | None:
        """After how long a message that is not acknowledged is delivered again; None: default."""
        return self.conf.broker_transport_options.visibility_timeout


class _Queue(_Sent, frozen=True):
    name: Name


class Inspection(_Sent, frozen=True):
    """What Poolwise reads of a worker's reply to an inspection."""

    stats: _Stats | None = None
    active_queues: tuple[_Queue, ...] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the queues that the worker consumes from."""
        return tuple(queue.name for queue in self.active_queues)


def end_event(event: Any) -> EndEvent | None:
    """Return an event of Celery in its shape, or None if it does not fit."""
    try:
        found = msgspec.convert(event, EndEvent)
    except _UNFIT:
        return None
    return found if math.isfinite(found.timestamp) else None


def task_event(event: Any) -> TaskEvent | None:
    """Return an event of a task in its shape, or None if it does not fit."""
    try:
        found = msgspec.convert(event, _SentTaskEvent)
    except _UNFIT:
        return None
    return found if math.isfinite(found.timestamp + (found.runtime or 0.0)) else None


def task_name(task: Any) -> str | None:
    """Return the name of a task in Celery's state; None if it has none."""
    name = getattr(task, "name", None)
    return encodable(name[:MAX_NAME]) if isinstance(name, str) and name else None


def seconds(value: Any) -> float | None:
    """Return a time of Celery's state; None if it does not fit."""
    try:
        found = msgspec.convert(value, Seconds)
    except _UNFIT:
        return None
    return found if math.isfinite(found) else None


def eta_s(value: Any) -> float | None:
    """Return the ETA of a task in Celery's state, as seconds since 1970; None if it does not fit.

    Celery writes it with a time zone, or in UTC.
    """
    try:
        eta = datetime.fromisoformat(value)
        return (eta if eta.tzinfo else eta.replace(tzinfo=UTC)).timestamp()
    except _MISFITS:
        return None


def inspection(reply: Any) -> Inspection:
    """Return a reply in its shape; one that does not fit is as good as none."""
    try:
        return msgspec.convert(reply, Inspection)
    except _UNFIT:
        return Inspection()


def delivery(reply: Any) -> Delivery:
    """Return a reply in its shape; one that does not fit is as good as none."""
    try:
        return msgspec.convert(reply, Delivery)
    except _UNFIT:
        return Delivery()


def task_names(registered: Any) -> tuple[str, ...]:
    """Return the names in a worker's reply to `registered`; what is no name is left out."""
    listed = registered if isinstance(registered, list) else ()
    return tuple(encodable(name) for name in listed if is_name(name))


def busy_slots(worker: Any) -> int | None:
    """Return how many tasks a worker's last heartbeat reported; None if it is not alive."""
    try:
        return min(max(0, int(worker.active or 0)), 10**6) if worker.alive else None
    except _MISFITS:
        return None
