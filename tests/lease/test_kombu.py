"""What applications see that use kombu without Celery: its options, `get`, cancelled consumers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.asynchronous import Hub

import kombu_lease  # noqa: F401  registers lease://
from cluster.reaper import Reaper
from cluster.wait import wait_until
from tests.lease.farm import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("server")
    reaper = Reaper()
    server = Server(folder, reaper)
    yield server
    server.client.close()
    server.kill()
    reaper.close()


@pytest.fixture(params=["", "shop."], ids=["plain", "prefixed"])
def prefix(request: pytest.FixtureRequest) -> str:
    """The keys' global prefix."""
    return str(request.param)


def connection(server: Server, prefix: str = "", **options: Any) -> Connection:
    url = server.url.replace("redis", "lease", 1)
    return Connection(url, transport_options={"global_keyprefix": prefix, **options})


def held(client: Any, prefix: str) -> int:
    """Return how many messages are in flight."""
    keys = client.scan_iter(f"{prefix}_kombu.lease.held.*")
    return sum(not field.startswith(b"@") for key in keys for field in client.hkeys(key))


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


@pytest.mark.parametrize("no_ack", [False, True])
def test_a_requeued_message_can_be_got_at_once(server: Server, prefix: str, no_ack: bool) -> None:
    queue = Queue(uuid4().hex)
    with connection(server, prefix) as broker:
        Producer(broker).publish("again", routing_key=queue.name, declare=[queue])
        bound: Any = queue(broker.default_channel)
        for _ in range(10):
            bound.get().requeue()
        assert bound.get(no_ack=no_ack).payload == "again"
        assert bound.get() is None


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


@pytest.mark.parametrize("no_ack", [False, True])
def test_getting_a_message_keeps_a_queue_that_expires(
    server: Server, prefix: str, no_ack: bool
) -> None:
    queue = Queue(uuid4().hex, expires=3600)
    with connection(server, prefix) as broker:
        for body in range(2):
            Producer(broker).publish(body, routing_key=queue.name, declare=[queue])
        server.client.pexpire(prefix + queue.name, 60_000)
        message: Any = queue(broker.default_channel).get(no_ack=no_ack)
        assert message.payload == 0
        left_ms: Any = server.client.pttl(prefix + queue.name)
        assert left_ms > 60_000


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
