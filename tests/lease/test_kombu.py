"""What programs see that use kombu without Celery: its options, cancelled consumers."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.asynchronous import Hub

from cluster.ports import LOOPBACK
from cluster.wait import wait_until
from kombu_lease import options
from kombu_lease.native import is_readable
from tests.lease.connections import connection, held, until, until_no_lease
from tests.lease.farm import Server
from tests.lease.proxy import Proxy


def test_messages_are_held_although_kombu_is_asked_not_to(server: Server, prefix: str) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix, ack_emulation=False) as broker:
        Producer(broker).publish("kept", routing_key=queue.name, declare=[queue])
        with Consumer(broker, [queue], callbacks=[lambda _body, message: received.append(message)]):
            broker.drain_events(timeout=20)
            assert [message.payload for message in received] == ["kept"]
            assert held(server.client, prefix) == 1
            received[0].ack()
        wait_until(
            lambda: held(server.client, prefix) == 0, 10, lambda: AssertionError("still held")
        )


@pytest.mark.parametrize("answer", ["ack", "reject", "requeue"])
def test_a_message_that_needs_no_acknowledgement_may_have_one(
    server: Server, prefix: str, answer: str
) -> None:
    name = uuid4().hex
    with connection(server, prefix) as broker, broker.SimpleBuffer(name) as buffer:
        buffer.put("once")
        message = buffer.get(timeout=20)
        assert message.payload == "once"
        getattr(message, answer)()
        assert server.client.llen(prefix + name) == 0


def test_a_callback_that_fails_loses_no_other_message(server: Server, prefix: str) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []

    def fail_once(body: Any, _message: Any) -> None:
        received.append(body)
        if body == 1:
            raise ValueError("bad")

    with connection(server, prefix) as broker:
        producer = Producer(broker)
        for body in range(5):
            producer.publish(body, routing_key=queue.name, declare=[queue])
        with Consumer(broker, [queue], no_ack=True, callbacks=[fail_once]):
            with pytest.raises(ValueError, match="bad"):
                broker.drain_events(timeout=20)
            while len(received) < 5:
                broker.drain_events(timeout=20)
    assert received == list(range(5))


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_a_claim_under_way_loses_no_message(server: Server, prefix: str, end: str) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker, connection(server, prefix) as other:
        producer = Producer(other)
        for body in range(3):
            producer.publish(body, routing_key=queue.name, declare=[queue])
        consumer = Consumer(
            broker, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)]
        )
        consumer.consume()
        transport: Any = broker.transport
        transport.cycle.on_poll_start()  # claims, but does not read the reply
        key = prefix + queue.name
        wait_until(
            lambda: server.client.llen(key) == 0, 10, lambda: AssertionError("no claim arrived")
        )
        if end == "cancel":
            consumer.cancel()
            with suppress(TimeoutError):  # it reads the reply
                broker.drain_events(timeout=0.1)
        else:
            consumer.channel.close()  # type: ignore[union-attr]
        wait_until(
            lambda: server.client.llen(key) == 3,
            10,
            lambda: AssertionError(f"{server.client.llen(key)} messages are left"),
        )
        bound: Any = queue(other.default_channel)
        assert [bound.get(no_ack=True).payload for _ in range(3)] == [0, 1, 2]
    assert received == []


def test_broadcasts_may_be_acknowledged(server: Server, prefix: str) -> None:
    exchange = Exchange(uuid4().hex, type="fanout")
    received: list[Any] = []

    def note(body: Any, message: Any) -> None:
        message.ack()
        received.append(body)

    with (
        connection(server, prefix) as broker,
        connection(server, prefix) as other,
        Consumer(broker, [Queue(uuid4().hex, exchange)], callbacks=[note]),
    ):
        with suppress(TimeoutError):  # it subscribes
            broker.drain_events(timeout=0.1)
        wait_until(server.client.pubsub_numpat, 10, lambda: AssertionError("no subscription"))
        for body in range(3):
            Producer(other, exchange).publish(body)
        while len(received) < 3:
            broker.drain_events(timeout=20)
    assert received == [0, 1, 2]


def test_a_broadcast_without_an_acknowledgement_keeps_nothing_back(
    server: Server, prefix: str
) -> None:
    queue, exchange = Queue(uuid4().hex), Exchange(uuid4().hex, type="fanout")
    received: list[Any] = []
    with (
        connection(server, prefix) as broker,
        connection(server, prefix) as other,
        Consumer(
            broker,
            [queue, Queue(uuid4().hex, exchange)],
            callbacks=[lambda _body, message: received.append(message)],
        ),
    ):
        with suppress(TimeoutError):  # it subscribes
            broker.drain_events(timeout=0.1)
        until(server.client.pubsub_numpat, "no subscription")
        Producer(other).publish("to one", routing_key=queue.name)
        Producer(other, exchange).publish("to all")
        while len(received) < 2:
            broker.drain_events(timeout=20)
    received.clear()
    key = prefix + queue.name
    until(lambda: server.client.llen(key) == 1, "the message is not back")
    assert "redelivered" not in str(server.client.lindex(key, 0))
    until_no_lease(server, prefix)


def test_a_message_whose_callback_fails_goes_behind_the_others(server: Server, prefix: str) -> None:
    queue = Queue(uuid4().hex)

    def fail(_body: Any, _message: Any) -> None:
        raise ValueError("bad")

    with connection(server, prefix) as broker:
        producer = Producer(broker)
        for body in range(3):
            producer.publish(body, routing_key=queue.name, declare=[queue])
        with Consumer(broker, [queue], callbacks=[fail]), suppress(ValueError):
            broker.drain_events(timeout=20)
    key = prefix + queue.name
    until(lambda: server.client.llen(key) == 3, "messages are missing")
    until_no_lease(server, prefix)
    with connection(server, prefix) as broker:
        bound: Any = queue(broker.default_channel)
        found = [bound.get(no_ack=True) for _ in range(3)]
        assert [message.payload for message in found] == [1, 2, 0]
        counts = [message.delivery_info.get("deliveries") for message in found]
        assert counts == [None, None, 1]


def test_a_reply_may_take_longer_than_the_time_limit_while_it_arrives(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "REPLY_S", 1.0)
    queue, text = Queue(uuid4().hex), "x" * 300_000
    received: list[Any] = []
    proxy = Proxy(server.port, bytes_per_s=300_000)
    try:
        with connection(server, prefix) as other:
            for _ in range(3):
                Producer(other).publish(text, routing_key=queue.name, declare=[queue])
        url = f"lease://{LOOPBACK}:{proxy.port}/0"
        with (
            Connection(url, transport_options={"global_keyprefix": prefix}) as broker,
            Consumer(
                broker, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)]
            ),
        ):
            while len(received) < 3:
                broker.drain_events(timeout=20)
        assert received == [text] * 3
    finally:
        proxy.close()


@pytest.mark.parametrize("name", ["{}", "{}*", "{}[a-z]?", "{}\\"])
def test_a_purge_deletes_what_is_delayed_in_that_queue_alone(
    server: Server, prefix: str, name: str
) -> None:
    purged, kept = Queue(name.format(uuid4().hex)), Queue(uuid4().hex)
    later = {"eta": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    with connection(server, prefix) as broker:
        producer = Producer(broker)
        for queue in (purged, kept):
            for priority in (0, 9):
                for headers in (later, {}):
                    producer.publish(
                        "x",
                        routing_key=queue.name,
                        declare=[queue],
                        headers=headers,
                        priority=priority,
                    )
        for queue in (purged, kept):
            bound: Any = queue(broker.default_channel)
            assert bound.purge() == 4
            assert bound.purge() == 0


def test_a_consumer_is_cancelled_while_another_thread_waits_for_messages(server: Server) -> None:
    kept, cancelled = Queue(uuid4().hex), Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server) as broker, connection(server) as other:
        consumer = Consumer(
            broker,
            [kept, cancelled],
            no_ack=True,
            callbacks=[lambda body, _: received.append(body)],
        )
        consumer.consume()
        waiting = threading.Thread(target=broker.drain_events, daemon=True)
        waiting.start()
        transport: Any = broker.transport
        poller = transport.cycle
        wait_until(lambda: poller.waiting, 10, lambda: AssertionError("it does not wait"))
        consumer.cancel_by_queue(cancelled.name)
        channel: Any = consumer.channel
        wait_until(
            lambda: channel.active_queues == [kept.name],
            10,
            lambda: AssertionError(f"it still consumes {channel.active_queues}"),
        )
        producer = Producer(other)
        producer.publish("no", routing_key=cancelled.name)
        producer.publish("yes", routing_key=kept.name)
        waiting.join(20)
        assert received == ["yes"]
        assert server.client.llen(cancelled.name) == 1


class RecordingHub(Hub):
    """An event loop that notes what it was asked to do periodically."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[tuple[str, float, Any]] = []

    def call_repeatedly(self, delay: float, callback: Any, *args: Any) -> Any:
        timer = super().call_repeatedly(delay, callback, *args)
        self.timers.append((callback.__name__, delay, timer))
        return timer

    def intervals_s(self) -> dict[str, float]:
        """Return the interval of each task that still runs, which must not run twice."""
        running = [(name, s) for name, s, timer in self.timers if not timer.canceled]
        assert len(dict(running)) == len(running)
        return dict(running)


def test_intervals_are_options_and_a_new_registration_replaces_the_old(server: Server) -> None:
    hub = RecordingHub()
    with connection(server, reauth_check_interval=7, health_check_interval=11) as broker:
        broker.default_channel  # noqa: B018  connects
        for _ in range(2):
            broker.register_with_event_loop(hub)
            found = hub.intervals_s()
            assert found["maybe_reauth"] == 7
            assert found["maybe_check_subclient_health"] == 11
    assert hub.intervals_s() == {}
    hub.close()


def test_a_reply_that_waits_to_be_read_is_not_overdue(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with (
        connection(server, prefix) as broker,
        Consumer(broker, [queue], no_ack=True, callbacks=[lambda body, _: received.append(body)]),
    ):
        Producer(broker).publish("late", routing_key=queue.name)
        transport: Any = broker.transport
        transport.cycle.on_poll_start()  # claims, but does not read the reply
        [on] = transport.channels
        until(lambda: is_readable(on.claims.socket), "no reply")
        with monkeypatch.context() as patched:
            patched.setattr(options, "REPLY_S", 0.0)  # it has been long since then
            transport.cycle.on_poll_start()
        broker.drain_events(timeout=20)
    assert received == ["late"]


def test_an_acknowledgement_between_two_looks_is_noticed(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(uuid4().hex)
    received: list[Any] = []
    with connection(server, prefix) as broker:
        for body in range(2):
            Producer(broker).publish(body, routing_key=queue.name, declare=[queue])
        on: Any = broker.default_channel
        on.basic_qos(0, 1, False)
        with Consumer(on, [queue], callbacks=[lambda _, message: received.append(message)]):
            broker.drain_events(timeout=20)

            def pump_then_ack() -> None:
                type(on).pump(on)  # there is no credit
                received[0].ack()
                monkeypatch.undo()

            monkeypatch.setattr(on, "pump", pump_then_ack)
            broker.drain_events(timeout=1.5)  # less than it waits if nothing wakes it
        assert [message.payload for message in received] == [0, 1]
