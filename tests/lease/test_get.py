"""A program gets single messages: each once, whatever is between them and whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from kombu import Producer, Queue

from kombu_lease import getting
from kombu_lease.claims import Claimed, claim_now
from tests.lease.connections import connection, held, until, until_no_lease
from tests.lease.farm import Server


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


def test_a_message_that_was_got_returns_when_nobody_can_acknowledge_it(
    server: Server, prefix: str
) -> None:
    queue = Queue(uuid4().hex)
    with connection(server, prefix) as broker:
        Producer(broker).publish("kept", routing_key=queue.name, declare=[queue])
        bound: Any = queue(broker.default_channel)
        message = bound.get()
    assert held(server.client, prefix) == 1
    del message
    key = prefix + queue.name
    until(lambda: server.client.llen(key) == 1, "the message is not back")
    until_no_lease(server, prefix)


def test_a_message_that_was_got_is_acknowledged_long_before_the_next_renewal(
    server: Server, prefix: str
) -> None:
    queue = Queue(uuid4().hex)
    with connection(server, prefix, lease_s=600) as broker:
        producer = Producer(broker)
        for body in range(2):
            producer.publish(body, routing_key=queue.name, declare=[queue])
        bound: Any = queue(broker.default_channel)
        for _ in range(2):
            bound.get().ack()
            until(lambda: held(server.client, prefix) == 0, "still held")


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


LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
#: What a message is changed to that nobody gets, and where it is then.
UNGETTABLE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "undecodable": (lambda _message: b"{", "dead"),
    "no message": (lambda _message: b"{}", "dead"),
    "often delivered": (
        lambda message: message.replace(
            b'"delivery_info": {', b'"delivery_info": {"redelivered": true, "deliveries": 20, '
        ),
        "dead",
    ),
    "due later": (
        lambda message: message.replace(b'"headers": {', f'"headers": {{"eta": "{LATER}"'.encode()),
        "delayed",
    ),
}


@pytest.mark.parametrize("kind", UNGETTABLE)
def test_a_message_that_nobody_gets_does_not_hide_the_next(
    server: Server, prefix: str, kind: str
) -> None:
    queue = Queue(uuid4().hex)
    change, where = UNGETTABLE[kind]
    client: Any = server.client
    with connection(server, prefix) as broker:
        Producer(broker).publish("next", routing_key=queue.name, declare=[queue])
        [message] = client.lrange(prefix + queue.name, 0, -1)
        changed = change(message)
        assert changed != message
        client.rpush(prefix + queue.name, *[changed] * 3)
        bound: Any = queue(broker.default_channel)
        assert bound.get().payload == "next"
        assert bound.get() is None
        size = {"dead": client.xlen, "delayed": client.zcard}[where]
        until(lambda: size(f"{prefix}_kombu.lease.{where}") > 0, f"it is not {where}")
    client.delete(f"{prefix}_kombu.lease.dead", f"{prefix}_kombu.lease.delayed")


def test_a_message_whose_delivery_failed_can_be_got_again(
    server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(uuid4().hex)
    with connection(server, prefix, lease_s=600) as broker:
        Producer(broker).publish("kept", routing_key=queue.name, declare=[queue])
        bound: Any = queue(broker.default_channel)
        with monkeypatch.context() as patched:
            patched.setattr(getting, "claim_now", answered_to_nobody)
            with pytest.raises(redis.ConnectionError):
                bound.get()
        until(lambda: held(server.client, prefix) == 0, "the message is not back")
        assert bound.get().payload == "kept"


def answered_to_nobody(*arguments: Any) -> list[Claimed]:
    """Claim, and lose the reply."""
    assert claim_now(*arguments)
    raise redis.ConnectionError("the reply was lost")
