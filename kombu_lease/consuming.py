"""What a channel does for its consumers: it claims messages and delivers them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic, time
from typing import Any

import redis
from kombu.log import get_logger

from kombu_lease import options
from kombu_lease.claims import Claimed, Sources
from kombu_lease.delivery import decoded, delivery_count, due_s
from kombu_lease.errors import UndecodableError
from kombu_lease.holding import Held

_log = get_logger(__name__)

#: Seconds that one delivery of messages may take before other things get their turn.
_TURN_S = 0.05


class Consuming:
    """The part of a channel that its consumers use; the channel has `claims` and `lease`."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self._unleased: set[str] = set()  # queues whose messages need no acknowledgement
        # By consumer, its queue, its callback, and whether its messages need no acknowledgement;
        # and the callback of the newest consumer of each queue. kombu's own table is the
        # connection's; another channel may consume from the same queue.
        self._consumed: dict[str, tuple[str, Callable[[Any], Any], bool]] = {}
        self._callbacks: dict[str, Callable[[Any], Any]] = {}
        self._arrived: deque[Claimed] = deque()  # to be delivered
        super().__init__(*args, **kwargs)

    def basic_consume(
        self: Any, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **kwargs: Any
    ) -> None:
        """Consume from `queue`."""
        if queue not in self._fanout_queues and not no_ack:
            self._ensure_lease()
        super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)  # type: ignore[misc]
        self._consumed[consumer_tag] = queue, self.connection._callbacks[queue], no_ack
        self._know_consumers()
        self.claims.look_again()

    def _basic_cancel(self: Any, consumer_tag: str) -> None:
        super()._basic_cancel(consumer_tag)  # type: ignore[misc]
        self._consumed.pop(consumer_tag, None)
        self._know_consumers()
        self.claims.abandon()
        self.claims.look_again()
        self._hand_back(self._unwanted()[::-1])

    def _know_consumers(self: Any) -> None:
        """Let the newest consumer of each queue have its messages."""
        self._callbacks = {queue: callback for queue, callback, _ in self._consumed.values()}
        newest = {queue: no_ack for queue, _, no_ack in self._consumed.values()}
        self._unleased = {queue for queue, no_ack in newest.items() if no_ack}

    def pump(self: Any) -> None:
        """Claim as many messages as there is room for, and send acknowledgements."""
        queues = self.active_queues
        if not queues and not self.claims.connected:
            return
        credit = self._credit() if queues else 0
        self.claims.pump(credit, self._sources(self._queue_cycle.consume(len(queues))))

    def receive(self: Any) -> bool:
        """Deliver the messages that have arrived; return whether there were any."""
        found = self.claims.receive()
        self._hold(found)
        self._arrived.extend(found)
        return bool(self.deliver())

    def deliver(self: Any) -> bool:
        """Deliver what has arrived; return whether there was anything.

        If it takes long, as in a solo worker, which runs tasks meanwhile, the rest is delivered at
        the next opportunity: there may be a reason to stop.
        """
        any_arrived, until_s = bool(self._arrived), monotonic() + _TURN_S
        unwanted: list[Claimed] = []
        try:
            while self._arrived:
                claimed = self._arrived.popleft()
                if not self._deliver(claimed):
                    unwanted.append(claimed)
                if self._arrived and monotonic() > until_s:
                    self.waker.wake()
                    break
        except BaseException:  # what comes after it will not be delivered
            unwanted += self._arrived
            self._arrived.clear()
            raise
        finally:
            self._hand_back(unwanted[::-1])
        return any_arrived

    def _unwanted(self: Any) -> list[Claimed]:
        """Remove and return what has arrived although nobody consumes from its queue any more."""
        arrived, self._arrived = self._arrived, deque()
        unwanted: list[Claimed] = []
        for claimed in arrived:
            wanted = self._queue_of(claimed.list_key) in self._callbacks
            (self._arrived if wanted else unwanted).append(claimed)
        return unwanted

    def _hold(self: Any, found: list[Claimed]) -> None:
        for claimed in found:
            if claimed.field:
                self.lease.hold(claimed.field, Held(claimed.list_key, claimed.message))

    def _credit(self: Any) -> int:
        credit = self.qos.credit
        most = self.claim_limit if credit is None else min(credit, self.claim_limit)
        return max(0, int(most) - len(self._arrived))

    def _sources(self: Any, queues: list[str], unleased: bool | None = None) -> Sources:
        prefix = self.global_keyprefix
        held = [
            queue not in self._unleased if unleased is None else not unleased for queue in queues
        ]
        return Sources(
            queues=tuple(queues),
            lists=tuple(
                prefix + self._q_for_pri(queue, pri)
                for pri in self.priority_steps
                for queue in queues
            ),
            holds="".join("01"[hold] for hold in held),
            fair=self.queue_order_strategy == "round_robin",
        )

    def _queue_of(self: Any, list_key: str) -> str:
        name = list_key[len(self.global_keyprefix) :]
        return name.rsplit(self.sep, 1)[0] if self.sep in name else name

    def _deliver(self: Any, claimed: Claimed) -> bool:
        """Return whether anyone consumes from the queue of this message."""
        queue = self._queue_of(claimed.list_key)
        callback = self._callbacks.get(queue)
        if callback is None:
            return False
        if payload := self._accepted(claimed):
            self._queue_cycle.rotate(queue)
            try:
                callback(payload)
            except UndecodableError as error:
                self._refuse(claimed, error)
            except Exception as error:
                self._blame(claimed, error)
                raise
            else:
                if claimed.field and queue in self._unleased:  # claimed for another consumer
                    self.lease.ack(claimed.field)
        return True

    def _accepted(self: Any, claimed: Claimed) -> dict[str, Any] | None:
        """Return a claimed message to deliver; None if it goes elsewhere."""
        try:
            payload = decoded(claimed.message)
        except UndecodableError as error:
            self._refuse(claimed, error)
            return None
        if not claimed.field:
            payload["properties"].setdefault("delivery_tag", "")
            return payload
        payload["properties"]["delivery_tag"] = claimed.field
        count = delivery_count(payload)
        if self.max_deliveries and count >= self.max_deliveries:
            often = "once" if count == 1 else f"{count} times"
            reason = f"it was delivered {often} without being acknowledged"
            _log.error("A message of %r became a dead letter: %s.", claimed.list_key, reason)
            self._settle(claimed, "dead", reason)
            return None
        due = due_s(payload)
        if due is not None and due - time() > options.LATER_S:
            self._settle(claimed, "wait", str(int(due * 1000)))
            return None
        return payload

    def _refuse(self: Any, claimed: Claimed, error: UndecodableError) -> None:
        _log.error("A message of %r cannot be decoded: %s.", claimed.list_key, error)
        self._settle(claimed, "dead", str(error))

    def _blame(self: Any, claimed: Claimed, error: Exception) -> None:
        """Count a delivery whose consumer raised: that ends a worker, or makes it reconnect.

        Otherwise each worker would get this message first, without end.
        """
        if claimed.field and not isinstance(error, (redis.RedisError, OSError)):
            self.lease.blame(claimed.field)

    def _settle(self: Any, claimed: Claimed, operation: str, argument: str = "") -> None:
        if claimed.field:
            self.lease.settle(operation, claimed.field, argument)

    def _hand_back(self: Any, newest_first: list[Claimed]) -> None:
        """Return messages to the head of their queues."""
        for claimed in newest_first:
            if claimed.field:
                self._settle(claimed, "head")
            else:
                self._plain_client().rpush(claimed.list_key, claimed.message)
