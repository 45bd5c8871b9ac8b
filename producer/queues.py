"""Queue operations through kombu, which work with any transport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from producer.interruption import usable_again


def depths(connection: Connection, queues: Iterable[str]) -> dict[str, int]:
    """Return how many messages wait in each queue; a queue that does not exist has none.

    What cannot be a queue is left out: a key that holds something else, or a name that is no text.
    Raises one of the connection's own errors if the broker does not answer.
    """
    found = {}
    for queue in queues:
        try:
            found[queue] = depth(connection, queue)
        except UnicodeEncodeError:
            continue
        except redis.ResponseError as error:
            if not _is_wrong_type(error):
                raise
    return found


def depth(connection: Connection, queue: str) -> int:
    """Return how many messages wait in a queue; 0 if it does not exist.

    Raises one of the connection's own errors if the broker does not answer.
    """
    channel: Any = usable_again(connection).default_channel
    if connection.transport.driver_type == "redis":
        # A passive declaration looks for a key without the `global_keyprefix`.
        return int(channel._size(queue))
    errors: tuple[Any, ...] = (ChannelError, *connection.channel_errors)
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except errors:
        return 0


def _is_wrong_type(error: redis.ResponseError) -> bool:
    """Return whether a key has another type; redis-py writes the command before the reason."""
    return str(error).rpartition("caused error: ")[2].startswith("WRONGTYPE")


def drain(connection: Connection, queue: str) -> list[str]:
    """Remove all waiting messages from `queue`; return their task ids."""
    channel: Any = usable_again(connection).default_channel
    ids = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        ids.append(message.properties["correlation_id"])  # the task's id in either protocol
    return ids


def remove(connection: Connection, queues: Iterable[str]) -> None:
    """Delete `queues` with their messages and bindings; a queue that does not exist is no error.

    Each queue must have an exchange of the same name, as the queues that Celery creates by name do.
    """
    channel: Any = usable_again(connection).default_channel
    for queue in queues:
        # Declared first, because kombu removes only bindings that this connection has declared.
        Queue(queue, Exchange(queue), routing_key=queue)(channel).declare()
        channel.queue_delete(queue)
