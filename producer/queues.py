"""Empties and removes the queues of a run, by kombu's own means, whatever the transport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kombu import Connection


def drain(connection: Connection, queue: str) -> list[str]:
    """Take every waiting message out of `queue` and return their task ids."""
    channel: Any = connection.default_channel
    ids = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        ids.append(message.headers["id"])
    return ids


def remove(connection: Connection, queues: Iterable[str]) -> None:
    """Delete `queues` with all that waits in them; one that is not there is no error."""
    channel: Any = connection.default_channel
    for queue in queues:
        channel.queue_delete(queue)
