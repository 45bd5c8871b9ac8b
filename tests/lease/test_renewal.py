"""One lease is renewed, whatever happens to its connection and to Redis's scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from kombu_lease.keys import keys
from kombu_lease.renewal import Renewal
from tests.lease.farm import Server

KEYS = keys()
LEASE_S = 60.0


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """Return a client with one connection, as the thread of a lease has it."""
    known: dict[str, Any] = server.client.connection_pool.connection_kwargs
    one = redis.Redis(port=known["port"], single_connection_client=True)
    yield one
    one.close()


def close(client: redis.Redis, other: redis.Redis) -> None:
    """Close the client's connection on the side of Redis."""
    other.client_kill_filter(_id=str(client.client_id()))


@pytest.mark.parametrize(
    "happens",
    [
        lambda _client, _other: None,
        lambda _client, other: other.script_flush(),
        lambda client, _other: client.connection_pool.disconnect(),
        close,
    ],
    ids=["nothing", "scripts-flushed", "disconnected", "closed-by-redis"],
)
def test_a_lease_is_renewed_again_and_again(
    server: Server,
    client: redis.Redis,
    happens: Callable[[redis.Redis, redis.Redis], None],
) -> None:
    renewal = Renewal(KEYS, "someone", LEASE_S)
    renewal.create(client)
    for _ in range(3):
        server.client.zadd(KEYS.leases, {"someone": 1})  # it ended long ago
        happens(client, server.client)
        assert renewal.renew(client)
        ends_ms: Any = server.client.zscore(KEYS.leases, "someone")
        assert ends_ms > 1
    assert 0.0 < renewal.pause_s < LEASE_S


def test_a_lease_that_others_have_ended_is_lost(server: Server, client: redis.Redis) -> None:
    renewal = Renewal(KEYS, "loser", LEASE_S)
    renewal.create(client)
    assert renewal.renew(client)
    server.client.hdel(KEYS.held + "loser", "@lease")
    assert not renewal.renew(client)


def test_the_time_until_the_next_renewal_differs_but_not_much(client: redis.Redis) -> None:
    renewal = Renewal(KEYS, "one", LEASE_S)
    renewal.create(client)
    pauses = []
    for _ in range(20):
        assert renewal.renew(client)
        pauses.append(renewal.pause_s)
    assert len(set(pauses)) > 1
    assert max(pauses) <= LEASE_S / 6 * 1.1
