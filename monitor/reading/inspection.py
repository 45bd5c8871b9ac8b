"""The shapes of task events, heartbeats and inspection replies; it knows no Flower.

Anyone who can write to the broker can send them, so what does not fit is left out.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from producer.entry import Count, Name, Seconds, Slots

#: What Celery's state raises if a worker's events did not fit.
_MISFITS: Final = (ArithmeticError, AssertionError, AttributeError, TypeError, ValueError)


class EndEvent(Struct, frozen=True):
    """A task event that says that a task has ended."""

    type: Name
    hostname: Name
    uuid: Name
    timestamp: Seconds


class _Pool(Struct, frozen=True):
    implementation: Name = ""
    slots: Slots | None = msgspec.field(name="max-concurrency", default=None)


class _Stats(Struct, frozen=True):
    pool: _Pool = _Pool()


class _Fetching(Struct, frozen=True):
    prefetch_count: Count | None = None


class _Transport(Struct, frozen=True):
    visibility_timeout: Seconds | None = None


class _Conf(Struct, frozen=True):
    broker_transport_options: _Transport = _Transport()


class Delivery(Struct, frozen=True):
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


class _Queue(Struct, frozen=True):
    name: Name


class Inspection(Struct, frozen=True):
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
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if math.isfinite(found.timestamp) else None


def seconds(value: Any) -> float | None:
    """Return a time of Celery's state; None if it does not fit."""
    try:
        found = msgspec.convert(value, Seconds)
    except (msgspec.MsgspecError, RecursionError, OverflowError):
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
    except (msgspec.MsgspecError, RecursionError):
        return Inspection()


def delivery(reply: Any) -> Delivery:
    """Return a reply in its shape; one that does not fit is as good as none."""
    try:
        return msgspec.convert(reply, Delivery)
    except (msgspec.MsgspecError, RecursionError):
        return Delivery()


def busy_slots(worker: Any) -> int | None:
    """Return how many tasks a worker's last heartbeat reported; None if it is not alive."""
    try:
        return min(max(0, int(worker.active or 0)), 10**6) if worker.alive else None
    except _MISFITS:
        return None
