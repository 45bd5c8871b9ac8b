"""The channel: kombu's own for Redis, except for how messages are claimed and settled."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import time
from typing import Any

import redis
from kombu.utils.json import dumps

from kombu_lease import delayed, options, scripts, stock
from kombu_lease.claims import Claims
from kombu_lease.consuming import Consuming
from kombu_lease.delivery import due_s
from kombu_lease.errors import refusals
from kombu_lease.getting import Getting
from kombu_lease.keys import keys, pack
from kombu_lease.lease import Lease
from kombu_lease.message import Message
from kombu_lease.native import Waker
from kombu_lease.qos import QoS
from kombu_lease.sentinel import ask_all
from kombu_lease.silence import give_up_after


class LeaseMixin(Getting, Consuming):
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
        super().__init__(*args, **kwargs)
        self._lease_keys = keys(self.global_keyprefix)
        self.claims = Claims(self._claim_connection, self._lease_keys, self._unwatch_claims)

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

    def _queue_bind(self: Any, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Bind a queue, even if Redis is full: a consumer that starts then is what it needs."""
        with refusals():
            try:
                super()._queue_bind(exchange, routing_key, pattern, queue)  # type: ignore[misc]
            except redis.exceptions.OutOfMemoryError:
                names = [self.keyprefix_queue % (exchange,)]
                if queue not in self._expires and hasattr(self, "keyprefix_binding_permanent"):
                    names.append(self.keyprefix_binding_permanent % (exchange,))
                keys = [self.global_keyprefix + name for name in names]
                binding = self.sep.join([routing_key or "", pattern or "", queue or ""])
                scripts.BIND.run(self._plain_client(), keys, [binding])

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
        # Not `make_connection`, which counts, and refuses to make more than a few.
        return pool.connection_class(**pool.connection_kwargs)

    def _unwatch_claims(self: Any) -> None:
        if self.connection is not None:
            self.connection.cycle.forget(self, "CLAIM")

    def close(self: Any) -> None:
        """Stop claiming, and hand back what nobody works on."""
        try:
            if not self.closed:
                self._stop_claiming()
            super().close()  # type: ignore[misc]
        finally:  # kombu's part raises if it deletes a binding and Redis is away
            self._close_lease()

    def _stop_claiming(self: Any) -> None:
        self.claims.abandon()
        try:
            arrived = [*self._arrived, *self.claims.rest()]
            self._arrived.clear()
            self._hand_back(arrived[::-1])
        finally:
            self.claims.close()

    def _close_lease(self: Any) -> None:
        if self.lease is None:
            return
        if self._qos is not None:
            self._qos.restore_unacked_once()
        self.lease.close()
        self.lease.wait_settled(options.REPLY_S)

    def _after_fork(self: Any) -> None:
        self.lease = None  # it is the parent's, and so is the connection
        self.claims = Claims(self._claim_connection, self._lease_keys, self._unwatch_claims)
        self.__dict__.pop("_claim_pool", None)
        self._arrived.clear()
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
        chosen = getattr(self, "sentinel_kwargs", None) or {}
        return ask_all(pool, self.connection.client, self.connection.default_port, chosen)
