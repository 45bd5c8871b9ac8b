"""Measures, empties and removes queues by kombu's own means, whatever the transport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError


def depths(connection: Connection, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait in each of `queues`; one that is not there holds none.

    Raises one of the connection's own errors where the broker does not answer.
    """
    channel: Any = connection.default_channel
    errors: tuple[Any, ...] = (ChannelError, *connection.channel_errors)
    return {queue: _depth(channel, queue, errors) for queue in queues}


def _depth(channel: Any, queue: str, errors: tuple[Any, ...]) -> int:
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except errors:
        return 0


def drain(connection: Connection, queue: str) -> list[str]:
    """Take every waiting message out of `queue` and return their task ids."""
    channel: Any = connection.default_channel
    ids = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        ids.append(message.headers["id"])
    return ids


def remove(connection: Connection, queues: Iterable[str]) -> None:
    """Delete `queues` with all that waits in them; one that is not there is no error.

    Queues as Celery makes them by name: each has an exchange of its own, and its binding goes too.
    """
    channel: Any = connection.default_channel
    for queue in queues:
        # kombu unbinds what this very connection has declared, and leaves other bindings for ever.
        Queue(queue, Exchange(queue), routing_key=queue)(channel).declare()
        channel.queue_delete(queue)
