"""Channels of one connection do not disturb each other, nor those of another process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import billiard
import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue

from tests.lease.connections import connection, held, until, until_no_lease
from tests.lease.farm import Server


def publish(broker: Connection, queue: Queue, *bodies: Any) -> None:
    """Publish messages to a queue."""
    for body in bodies:
        Producer(broker).publish(body, routing_key=queue.name, declare=[queue])


def noting(received: list[tuple[int, Any]], number: int) -> Callable[[Any, Any], None]:
    """Return a callback that notes messages with a number."""
    return lambda _body, message: received.append((number, message))


def test_channels_that_share_a_queue_keep_their_messages_apart(server: Server, prefix: str) -> None:
    queue = Queue(uuid4().hex)
    received: list[tuple[int, Any]] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        channels: list[Any] = [broker.channel(), broker.channel()]
        for number, one in enumerate(channels):
            one.basic_qos(0, 2, False)
            Consumer(one, [queue], callbacks=[noting(received, number)]).consume()
        publish(other, queue, *range(4))
        while len(received) < 4:
            broker.drain_events(timeout=20)
        for number, message in received:
            assert message.channel is channels[number]
        first, *rest = received
        first[1].ack()
        until(lambda: held(server.client, prefix) == 3, "not only one was acknowledged")
        for _, message in rest:
            message.ack()
        until(lambda: held(server.client, prefix) == 0, "some are still held")
    assert server.client.llen(prefix + queue.name) == 0


def test_a_queue_is_consumed_until_its_last_consumer_is_cancelled(
    server: Server, prefix: str
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        on = broker.channel()
        consumers = [
            Consumer(on, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)])
            for _ in range(2)
        ]
        for one in consumers:
            one.consume()
        for one, body in zip(reversed(consumers), ("both", "one"), strict=True):
            publish(other, queue, body)
            while body not in received:
                broker.drain_events(timeout=20)
            one.cancel()
        publish(other, queue, "none")
        with suppress(TimeoutError):
            broker.drain_events(timeout=0.5)
    assert received == ["both", "one"]
    assert server.client.llen(prefix + queue.name) == 1


def test_a_channel_that_cannot_delete_a_binding_still_returns_its_messages(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(uuid4().hex)
    exchange = Exchange(uuid4().hex, type="fanout")
    broadcasts = Queue(uuid4().hex, exchange, auto_delete=True)
    received: list[Any] = []
    broker, other = connection(server, prefix), connection(server, prefix)
    with other:
        publish(other, queue, *range(3))
        consumer = Consumer(
            broker, [queue, broadcasts], callbacks=[lambda _, message: received.append(message)]
        )
        consumer.consume()
        while len(received) < 3:
            broker.drain_events(timeout=20)
        received.clear()
        on: Any = consumer.channel

        def away(*_arguments: Any, **_options: Any) -> None:
            raise ConnectionError("Redis is away")

        monkeypatch.setattr(on, "queue_delete", away)
        with suppress(ConnectionError):
            on.close()
        until(lambda: server.client.llen(prefix + queue.name) == 3, "messages are missing")
        until_no_lease(server, prefix)
        broker.collect()


def test_a_consumer_may_reconnect_as_often_as_it_must(server: Server, prefix: str) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        consumer = Consumer(
            broker, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)]
        )
        consumer.consume()
        on: Any = consumer.channel
        for body in range(30):
            publish(other, queue, body)
            while body not in received:
                broker.drain_events(timeout=20)
            on.claims.close()
    assert received == list(range(30))


def _close(broker: Connection) -> None:
    broker.release()
    os._exit(0)


def test_a_child_process_that_closes_the_connection_leaves_it_to_its_parent(
    server: Server, prefix: str
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        consumer = Consumer(
            broker, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)]
        )
        consumer.consume()
        transport: Any = broker.transport
        forking: Any = billiard.get_context("fork")
        for body in range(10):
            publish(other, queue, body)
            transport.cycle.on_poll_start()  # claims, but does not read the reply
            child = forking.Process(target=_close, args=(broker,))
            child.start()
            child.join(20)
            assert child.exitcode == 0
            while body not in received:
                broker.drain_events(timeout=20)
    assert received == list(range(10))
    assert server.client.llen(prefix + queue.name) == 0


@pytest.mark.parametrize("no_ack", [False, True])
def test_a_child_process_of_a_callback_leaves_the_other_messages_to_its_parent(
    server: Server, prefix: str, no_ack: bool
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    forking: Any = billiard.get_context("fork")
    with connection(server, prefix) as broker, connection(server, prefix) as other:

        def note(body: Any, message: Any) -> None:
            received.append(body)
            child = forking.Process(target=_close, args=(broker,))
            child.start()
            child.join(20)
            assert child.exitcode == 0
            if not no_ack:
                message.ack()

        publish(other, queue, *range(5))
        with Consumer(broker, [queue], no_ack=no_ack, callbacks=[note]):
            while len(received) < 5:
                broker.drain_events(timeout=20)
    assert received == list(range(5))
    assert server.client.llen(prefix + queue.name) == 0
    until_no_lease(server, prefix)


@pytest.mark.parametrize("kept", [False, True], ids=["acknowledges", "needs no acknowledgement"])
def test_a_consumer_gets_messages_of_its_kind_after_another_was_cancelled(
    server: Server, prefix: str, kept: bool
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        on = broker.channel()
        for no_ack in (kept, not kept):
            consumer = Consumer(
                on, [queue], no_ack=no_ack, callbacks=[lambda _, message: received.append(message)]
            )
            consumer.consume()
        consumer.cancel()
        publish(other, queue, "one")
        while not received:
            broker.drain_events(timeout=20)
        assert held(server.client, prefix) == (0 if kept else 1)
        if not kept:
            received[0].ack()
    until_no_lease(server, prefix)
    assert server.client.llen(prefix + queue.name) == 0


def test_a_message_that_was_claimed_for_another_consumer_is_done_when_delivered(
    server: Server, prefix: str
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        on = broker.channel()
        late = Consumer(on, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)])

        def first(body: Any, message: Any) -> None:
            received.append(body)
            message.ack()
            late.consume()

        publish(other, queue, *range(3))
        # Only when it is delivered, it turns out to be unreadable.
        unreadable = b'{"body": "x", "properties": {"body_encoding": "odd"}}'
        server.client.lpush(prefix + queue.name, unreadable)
        with Consumer(on, [queue], callbacks=[first]):
            while len(received) < 3:
                broker.drain_events(timeout=20)
        until(lambda: held(server.client, prefix) == 0, "a message is still held")
    assert received == [0, 1, 2]
    letters: Any = server.client.xrange(f"{prefix}_kombu.lease.dead")
    assert [letter[b"message"] for _, letter in letters] == [unreadable]
    server.client.delete(f"{prefix}_kombu.lease.dead")
