"""What a channel does for a program that asks for single messages."""

from __future__ import annotations

import itertools
from typing import Any

import redis

from kombu_lease import options
from kombu_lease.claims import Claimed, Sources, claim_now
from kombu_lease.errors import UndecodableError, refusals


class Getting:
    """The part of a channel that `Queue.get` uses; it extends `Consuming`."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self._get_numbers = itertools.count(1)
        self._get_station = "g"
        super().__init__(*args, **kwargs)

    def basic_get(self: Any, queue: str, no_ack: bool = False, **_kwargs: Any) -> Any:
        """Return one message, or None."""
        if not no_ack:
            self._ensure_lease()
        if self.lease is not None:  # what was requeued just now is in the queue again
            self.lease.wait_moved(options.REPLY_S)
        client, sources = self._plain_client(), self._sources([queue], unleased=no_ack)
        with refusals():
            with self.conn_or_acquire() as prefixing:
                self._maybe_update_queues_expire(prefixing, queue)
            while found := self._get_one(client, sources):
                if (message := self._message(found)) is not None:
                    return message
        return None

    def _get_one(self: Any, client: redis.Redis, sources: Sources) -> Claimed | None:
        station, number = self._get_station, next(self._get_numbers)
        try:
            found = claim_now(client, self.lease, self._lease_keys, (station, number), sources)
        except BaseException:  # Redis may have moved a message all the same
            if self.lease is not None:
                self.lease.settle("close", station, str(number))
                self._get_station += "x"
            raise
        self._hold(found)
        return found[0] if found else None

    def _message(self: Any, claimed: Claimed) -> Any:
        """Return the message of a caller that asked for one; None if it goes elsewhere."""
        payload = self._accepted(claimed)
        if payload is None:
            return None
        try:
            message = self.Message(payload, channel=self)
        except UndecodableError as error:
            self._refuse(claimed, error)
            return None
        if claimed.field:
            self.qos.append(message, claimed.field)
        return message
