"""kombu's notes about the messages that a worker holds, without kombu's faults when Redis is away.

kombu's own methods raise then: a message that was popped is forgotten, an acknowledgement is lost,
and restoring fails again when the channel is closed for the second time. Here, what could not be
done is owed (`worker.delivery.owed`).
"""

from __future__ import annotations

import time
from typing import Any

import redis
from kombu.transport import redis as stock
from kombu.transport import virtual
from kombu.utils.json import dumps

from worker.delivery.finishing_pool import sent_tags
from worker.delivery.marks import RUNNING, STARTED
from worker.delivery.owed import OWED, HandBack
from worker.delivery.payload import put_back

#: What a broker that cannot be reached, or refuses a command, raises.
BROKER_ERRORS = (redis.RedisError, OSError)


class OwnedQoS(stock.QoS):
    """The messages of a channel that are not acknowledged."""

    channel: Any
    _delivered: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Hold nothing yet."""
        super().__init__(*args, **kwargs)
        #: What still ran when the channel was closed. kombu wants `_delivered` to be empty then.
        self._outlived: dict[str, Any] = {}

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message with the queue that it came from.

        kombu notes its exchange, and looks up the queues of the exchange to restore it. With the
        anonymous exchange, that is the queue which the routing key names.
        """
        noted = dumps([message._raw, "", message.queue])
        try:
            with self.pipe_or_acquire() as pipe:
                pipe.zadd(self.unacked_index_key, {delivery_tag: time.time()})
                pipe.hset(self.unacked_key, delivery_tag, noted)
                pipe.execute()
        except Exception:
            self._owe(message, unregistered=True)
            raise
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that is done."""
        # First, because another greenlet may close the channel while this one waits.
        virtual.QoS.ack(self, delivery_tag)
        try:
            if self.channel.connection is None:  # a newer connection has replaced it
                raise redis.ConnectionError("the channel is closed")
            notes: Any = self._remove_from_indices(delivery_tag)  # type: ignore[attr-defined]
            notes.execute()
            STARTED.finish(delivery_tag, self.channel)
        except Exception:  # noqa: BLE001 - a client whose connection breaks may raise anything
            OWED.acks.append(delivery_tag)
        self._forget(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Put a message back at the end of its queue, or forget it."""
        if not requeue:
            self.ack(delivery_tag)
            return
        self._put_back(delivery_tag, leftmost=True)
        virtual.QoS.ack(self, delivery_tag)
        self._forget(delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002 - kombu's signature
        """Put back what has not started; what runs stays noted until it ends or its worker dies.

        kombu also puts back the messages of running tasks, which then run twice.
        """
        RUNNING.update(sent_tags())
        for tag, message in list(self._delivered.items()):
            if tag in RUNNING:
                self._outlived[tag] = message
            else:
                self._put_back(tag)
        self._delivered.clear()

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """Do nothing: whether their worker is alive decides, not how long tasks take."""

    def _put_back(self, tag: str, *, leftmost: bool = False) -> None:
        try:
            if self.channel.connection is None:
                raise redis.ConnectionError("the channel is closed")
            self.restore_by_tag(tag, leftmost=leftmost)
            STARTED.give_back(tag, self.channel)
        except Exception:  # noqa: BLE001 - a client whose connection breaks may raise anything
            message = self._delivered.get(tag) or self._outlived.get(tag)
            if message is not None:
                self._owe(message)

    def _forget(self, tag: str) -> None:
        RUNNING.discard(tag)
        self._outlived.pop(tag, None)

    def _owe(self, message: Any, *, unregistered: bool = False) -> None:
        queue, text = put_back(self.channel, message._raw, message.queue)
        tag = message.delivery_tag
        owed = HandBack(queue=queue, text=text, tag=tag, unregistered=unregistered)
        OWED.hand_backs.append(owed)
