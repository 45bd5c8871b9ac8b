"""A connection keeps its transport when it goes on to the next of several addresses."""

from __future__ import annotations

from typing import Any

import pytest
from kombu import Connection

from cluster.ports import LOOPBACK, free_port
from kombu_lease.channel import Channel
from tests.lease.farm import Server

#: Classes, and the schemes of stock that they may be named for.
NAMED = (
    ("Transport", "redis"),
    ("Transport", "lease"),
    ("TLSTransport", "rediss"),
    ("SentinelTransport", "sentinel"),
)


@pytest.mark.parametrize(("name", "scheme"), NAMED)
@pytest.mark.parametrize("strategy", ["round-robin", "shuffle"])
def test_the_class_that_was_named_is_kept(name: str, scheme: str, strategy: str) -> None:
    addresses = ";".join(f"{scheme}://:secret@{LOOPBACK}:{port}/1" for port in (1, 2, 3))
    connection = Connection(
        addresses, transport=f"kombu_lease.transport:{name}", failover_strategy=strategy
    )
    kind, ports = type(connection.transport), {connection.port}
    assert kind.__name__ == name
    for _ in range(20):
        connection.maybe_switch_next()
        assert type(connection.transport) is kind
        assert (connection.password, connection.virtual_host) == ("secret", "1")
        ports.add(connection.port)
    assert ports == {1, 2, 3}


def test_the_next_address_is_used_if_the_first_does_not_answer(server: Server) -> None:
    addresses = f"redis://{LOOPBACK}:{free_port()}/0;{server.url}"
    with Connection(addresses, transport="kombu_lease.transport:Transport") as connection:
        connection.ensure_connection(max_retries=3, interval_start=0)
        channel: Any = connection.default_channel
        assert isinstance(channel, Channel)
        assert connection.port == server.port
