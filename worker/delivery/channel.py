"""kombu's Redis channel with a hash of its own for each worker process, and dead letters.

`worker.delivery.install` puts it in place of `kombu.transport.redis.Channel`, in workers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from queue import Empty
from typing import Any

import redis
from kombu.transport import redis as stock
from kombu.utils.objects import cached_property

from kombu_lease.dead import DeadLetter, stream
from worker.delivery.keys import OWNER, Keys
from worker.delivery.message import CheckedMessage
from worker.delivery.owed import OWED, HandBack
from worker.delivery.qos import BROKER_ERRORS, OwnedQoS
from worker.delivery.registration import enter


class OwnedChannel(stock.Channel):
    """A channel whose messages belong to this process."""

    Message = CheckedMessage
    QoS = OwnedQoS

    #: The list that a message was popped from and the message, until it has been checked.
    popped: tuple[str, bytes] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Connect, and register this process before it can hold a message."""
        super().__init__(*args, **kwargs)
        options: Mapping[str, Any] = vars(self)
        self.keys = Keys.of(options)
        self.unacked_key = Keys.held(self.keys_without_prefix, OWNER)
        self.unacked_index_key = Keys.index_of(self.keys_without_prefix, OWNER)
        enter(self.bare, self.keys)

    @property
    def keys_without_prefix(self) -> Keys:
        """The same keys as kombu's client names them, which adds the prefix itself."""
        return Keys(prefix="", unacked=self.keys.unacked, index=self.keys.index)

    @property
    def bare(self) -> redis.Redis:
        """A client that takes the names of keys as they are."""
        return redis.Redis(connection_pool=self.pool)

    @cached_property
    def client(self) -> Any:
        """kombu's client, which here remembers the message that it has just popped."""
        client = super().client
        parse = client.parse_response

        def parse_response(connection: Any, command_name: str, **options: Any) -> Any:
            reply = parse(connection, command_name, **options)
            if command_name == "BRPOP" and reply:
                self.popped = (reply[0].decode(), reply[1])
            return reply

        client.parse_response = parse_response
        return client

    def queue_of(self, key: str) -> str:
        """Return the queue whose messages are in a list."""
        return key.rsplit(self.sep, 1)[0]

    def _brpop_read(self, **options: Any) -> Any:
        """Read and deliver a message; keep one that kombu cannot read.

        kombu has popped it by then. It would drop it, and end pools that have no event loop.
        """
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except Empty:
            raise
        except Exception as error:
            popped, self.popped = self.popped, None
            if popped is None or isinstance(error, BROKER_ERRORS):
                raise
            self._keep_popped(*popped, error)
            raise Empty from None

    def _keep_popped(self, key: str, message: bytes, error: Exception) -> None:
        letter = DeadLetter(
            key=f"{self.keys.prefix}{key}",
            message=message,
            reason=f"not a Celery message: {type(error).__name__}: {error}",
        )
        try:
            fields = letter.fields()
            pairs: Any = dict(zip(fields[::2], fields[1::2], strict=True))
            self.bare.xadd(stream(self.keys.prefix), pairs)
        except BROKER_ERRORS:
            OWED.hand_backs.append(HandBack(queue=key, text=message, unregistered=True))
            raise
