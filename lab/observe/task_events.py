"""Listens to task events if workers send them; it never asks them to."""

from __future__ import annotations

from typing import Any, Final

from kombu import Connection

from lab.observe.replies import task_events
from producer.observation.open_tasks import TaskEvent

#: The exchange of Celery's events.
EXCHANGE: Final = "celeryev"


class EventListener:
    """Subscribes to the channels that events are published on.

    It does not bind a queue, as Celery's own receiver does, because that would write to the broker.
    """

    def __init__(self, connection: Connection) -> None:
        channel: Any = connection.default_channel
        self._pubsub = channel.client.pubsub()
        self._pubsub.psubscribe(f"{channel.keyprefix_fanout}{EXCHANGE}*")

    def read(self) -> list[TaskEvent]:
        """Return the events that have arrived; raise redis.RedisError if the broker is lost."""
        found: list[TaskEvent] = []
        while (message := self._pubsub.get_message(ignore_subscribe_messages=True)) is not None:
            if isinstance(data := message.get("data"), bytes):
                found += task_events(data)
        return found

    def close(self) -> None:
        """Close the subscription."""
        self._pubsub.close()
