"""The channel: kombu's own for Redis, except for how messages are claimed and settled."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from time import time
from typing import Any

import redis
from kombu.log import get_logger
from kombu.utils.json import dumps

from kombu_lease import delayed, options, stock
from kombu_lease.claims import Claimed, Claims, Sources, claim_now
from kombu_lease.delivery import decoded, delivery_count, due_s
from kombu_lease.errors import UndecodableError, refusals
from kombu_lease.holding import Held
from kombu_lease.keys import keys, pack
from kombu_lease.lease import Lease
from kombu_lease.message import Message
from kombu_lease.native import Waker
from kombu_lease.qos import QoS
from kombu_lease.sentinel import ask_all
from kombu_lease.silence import give_up_after

_log = get_logger(__name__)


class LeaseMixin:
    """What a channel of this transport does differently, for any of kombu's Redis channels."""

    QoS = QoS
    Message = Message

    lease_s = options.LEASE_S
    max_deliveries = options.MAX_DELIVERIES
    claim_limit = options.CLAIM_LIMIT
    # kombu sets none of these: a command on a connection that fell silent waits for 15 minutes.
    # There is no limit to the time until a reply, or a slow Redis would get commands twice.
    socket_connect_timeout = options.REPLY_S
    socket_keepalive = True
    socket_keepalive_options = give_up_after(options.SILENT_S)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self.lease: Lease | None = None
        self.waker = Waker()
        self._unleased: set[str] = set()  # queues whose messages need no acknowledgement
        self._get_numbers = itertools.count(1)
        super().__init__(*args, **kwargs)
        self._lease_keys = keys(self.global_keyprefix)
        self.claims = Claims(self._claim_connection, self._lease_keys, self._unwatch_claims)

    # Consuming

    def basic_consume(self: Any, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        """Consume from `queue`."""
        if queue not in self._fanout_queues:
            if no_ack:
                self._unleased.add(queue)
            else:
                self._unleased.discard(queue)
                self._ensure_lease()
        tag = super().basic_consume(queue, no_ack, *args, **kwargs)  # type: ignore[misc]
        self.claims.look_again()
        return tag

    def _basic_cancel(self: Any, consumer_tag: str) -> Any:
        result = super()._basic_cancel(consumer_tag)  # type: ignore[misc]
        self.claims.abandon()
        self.claims.look_again()
        return result

    def basic_get(self: Any, queue: str, no_ack: bool = False, **_kwargs: Any) -> Any:
        """Return one message, or None."""
        if not no_ack:
            self._ensure_lease()
        if self.lease is not None:  # what was requeued just now is in the queue again
            self.lease.wait_moved(options.REPLY_S)
        number, sources = next(self._get_numbers), self._sources([queue], unleased=no_ack)
        client = self._plain_client()
        with refusals():
            with self.conn_or_acquire() as prefixing:
                self._maybe_update_queues_expire(prefixing, queue)
            found = claim_now(client, self.lease, self._lease_keys, number, sources)
        self._hold(found)
        for claimed in found:
            if payload := self._accepted(claimed):
                try:
                    message = self.Message(payload, channel=self)
                except UndecodableError as error:
                    self._refuse(claimed, error)
                    continue
                if claimed.field:
                    self.qos.append(message, claimed.field)
                return message
        return None

    def pump(self: Any) -> None:
        """Claim as many messages as there is room for, and send acknowledgements."""
        queues = self.active_queues
        if not queues and not self.claims.connected:
            return
        credit = self._credit() if queues else 0
        self.claims.pump(credit, self._sources(self._queue_cycle.consume(len(queues))))

    def receive(self: Any) -> bool:
        """Deliver the messages that have arrived; return whether there were any."""
        waiting = self.claims.receive()
        waiting.reverse()
        any_delivered = bool(waiting)
        self._hold(waiting)
        unwanted: list[Claimed] = []
        try:
            while waiting:
                claimed = waiting.pop()
                if not self._deliver(claimed):
                    unwanted.append(claimed)
        finally:  # if a callback raised, what comes after it was not delivered
            self._hand_back([*waiting, *reversed(unwanted)])
        return any_delivered

    def _hold(self: Any, found: list[Claimed]) -> None:
        for claimed in found:
            if claimed.field:
                self.lease.hold(claimed.field, Held(claimed.list_key, claimed.message))

    def _credit(self: Any) -> int:
        credit = self.qos.credit
        return int(self.claim_limit if credit is None else min(credit, self.claim_limit))

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
        callback = self.connection._callbacks.get(queue) if self.connection else None
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

    # Publishing

    def _put(self: Any, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        """Put a message into its queue, or let it wait in Redis until it is due."""
        due = due_s(message)
        if due is None or due - time() <= options.SOON_S:
            super()._put(queue, message, **kwargs)  # type: ignore[misc]
            return
        priority = self._get_message_priority(message, reverse=False)
        list_key = self.global_keyprefix + self._q_for_pri(queue, priority)
        name = self._lease_keys.delayed.removeprefix(self.global_keyprefix)
        scores = {pack(list_key, dumps(message).encode()): int(due * 1000)}
        if batch := kwargs.pop("_publish_batch", None):
            batch.add("zadd", name, scores)
            return
        with self.conn_or_acquire() as client:
            client.zadd(name, scores)

    def _purge(self: Any, queue: str) -> int:
        """Delete all messages of a queue, also those that are not due yet."""
        lists = self._sources([queue]).lists
        forgotten = delayed.forget(self._plain_client(), self._lease_keys.delayed, lists)
        return int(super()._purge(queue)) + forgotten  # type: ignore[misc]

    # Declaring

    def _queue_bind(self: Any, *args: Any) -> None:
        with refusals():
            super()._queue_bind(*args)  # type: ignore[misc]

    def queue_declare(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Declare a queue."""
        with refusals():
            return super().queue_declare(*args, **kwargs)  # type: ignore[misc]

    # Connections

    def _ensure_lease(self: Any) -> None:
        if self.lease is not None:
            return
        client = self._plain_client()
        lease = Lease(self._lease_keys, float(self.lease_s), self._lease_client(), self.waker.wake)
        with refusals():
            lease.open(client)
        self.lease = self.claims.lease = lease
        weakref.finalize(self, lease.close)

    def _plain_client(self: Any) -> redis.Redis:
        """Return a client that adds no prefix."""
        return redis.Redis(connection_pool=self.pool)

    def _lease_client(self: Any) -> Callable[[], redis.Redis]:
        """Return what makes the client of the lease, which must outlive this channel."""
        pool = self._get_pool()
        limit_s = max(0.5, float(self.lease_s) / 3)
        pool.connection_kwargs.update(
            socket_timeout=limit_s, socket_connect_timeout=limit_s, health_check_interval=0
        )
        return lambda: redis.Redis(connection_pool=pool, single_connection_client=True)

    def _claim_connection(self: Any) -> Any:
        pool = self.__dict__.get("_claim_pool")
        if pool is None:
            pool = self._claim_pool = self._get_pool()
            kwargs = pool.connection_kwargs
            kwargs.update(protocol=3, health_check_interval=0)
            for name in ("socket_timeout", "socket_connect_timeout"):
                if kwargs.get(name) is None:
                    kwargs[name] = options.REPLY_S
        return pool.make_connection()

    def _unwatch_claims(self: Any) -> None:
        if self.connection is not None:
            self.connection.cycle.forget(self, "CLAIM")

    def close(self: Any) -> None:
        """Stop claiming, and hand back what nobody works on."""
        if not self.closed:
            self.claims.abandon()
            self._hand_back(self.claims.rest()[::-1])
            self.claims.close()
        super().close()  # type: ignore[misc]
        if self.lease is not None:
            self.lease.close()
            self.lease.wait_settled(options.REPLY_S)

    def _after_fork(self: Any) -> None:
        self.lease = None  # it is the parent's
        super()._after_fork()  # type: ignore[misc]

    def _get(self, queue: str) -> Any:
        """Refuse what would take a message out of Redis before it is held."""
        raise NotImplementedError(f"claim from {queue} instead")


class Channel(LeaseMixin, stock.Channel):  # type: ignore[misc]
    """A channel to one Redis server."""

    from_transport_options = options.names(stock.Channel.from_transport_options)


class SentinelChannel(LeaseMixin, stock.SentinelChannel):  # type: ignore[misc]
    """A channel to the Redis server that Sentinel names."""

    from_transport_options = options.names(stock.SentinelChannel.from_transport_options)

    def _get_pool(self, asynchronous: bool = False) -> Any:
        pool = super()._get_pool(asynchronous)
        return ask_all(pool, self.connection.client, self.connection.default_port)
