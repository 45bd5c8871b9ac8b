"""Workers follow a failover by Sentinel, and nothing is lost that the replica had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from kombu import Connection

from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from kombu_lease.sentinel import ANSWER_S
from tests.lease.farm import SERVER, Farm

LEASE_S = 3
TASKS = 400
#: Tasks that a worker holds at most: two slots, and a prefetch multiplier of four.
HELD = 8
CONFIGURATION = """
bind {host}
port {port}
dir {folder}
sentinel monitor shop {host} {master} 1
sentinel down-after-milliseconds shop 1000
sentinel failover-timeout shop 10000
"""


class Sentinel:
    """Watches the broker of a farm, which gets a replica."""

    def __init__(self, farm: Farm) -> None:
        self.port = free_port()
        self.replica = farm.server("replica")
        self.replica.client.replicaof(LOOPBACK, farm.broker.port)
        folder = farm.folder / "sentinel"
        folder.mkdir()
        file = folder / "sentinel.conf"
        file.write_text(
            CONFIGURATION.format(
                host=LOOPBACK, port=self.port, folder=folder, master=farm.broker.port
            )
        )
        self.child = Child(
            "sentinel",
            (SERVER, str(file), "--sentinel"),
            log=folder / "sentinel.log",
            registry=farm.reaper,
        )
        self.client: Any = redis.Redis(port=self.port, socket_timeout=5)
        farm.until(self._knows_the_replica, 30, self.child, what="it knows no replica")

    def _knows_the_replica(self) -> Any:
        with suppress(redis.RedisError, ValueError):
            [replica] = self.client.sentinel_slaves("shop")
            return replica["master-link-status"] == "ok"
        return False

    def close(self) -> None:
        """Stop it."""
        self.client.close()
        self.child.kill()


@pytest.fixture
def sentinel(farm: Farm) -> Iterator[Sentinel]:
    sentinel = Sentinel(farm)
    # Another one that should be there does not answer.
    first, second = (f"{LOOPBACK}:{port}/0" for port in (free_port(), sentinel.port))
    farm.place = f"{first};leasesentinel://{second}"
    yield sentinel
    sentinel.close()


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_failover_under_load_loses_nothing(pool: str, farm: Farm, sentinel: Sentinel) -> None:
    app = farm.app("leasesentinel")
    farm.send(app, "wait", TASKS, 0.02)
    assert farm.broker.client.wait(1, 10_000) == 1  # the replica has them all
    worker = farm.worker(pool, "leasesentinel", lease_s=LEASE_S)
    farm.until_more_ran(20)
    farm.broker.kill()
    farm.broker = sentinel.replica
    farm.until_ran(TASKS)
    farm.until(lambda: not farm.held(), 10, what="messages are still in flight")
    assert worker.alive
    # What ran at that moment, and what the replica did not yet know to be claimed or done.
    assert sum(farm.ran().values()) <= TASKS + 2 * HELD
    farm.send(app, "note", TASKS + 1)  # producers have followed, too
    farm.until_ran(TASKS + 1)


@pytest.mark.parametrize(
    ("chosen", "expected_s"),
    [({}, ANSWER_S), ({"sentinel_kwargs": {"socket_connect_timeout": 3}}, 3)],
    ids=["default", "chosen"],
)
@pytest.mark.parametrize("limit", [{}, {"socket_connect_timeout": 9, "socket_timeout": 9}])
def test_a_sentinel_that_is_silent_is_given_up_soon(
    chosen: dict[str, Any], expected_s: float, limit: dict[str, Any], sentinel: Sentinel
) -> None:
    url = f"leasesentinel://{LOOPBACK}:{sentinel.port}/0"
    options = {"master_name": "shop", **limit, **chosen}
    with Connection(url, transport_options=options) as connection:
        channel: Any = connection.default_channel
        [asked] = channel.pool.sentinel_manager.sentinels
        found = asked.connection_pool.connection_kwargs
        assert found["socket_connect_timeout"] == expected_s
        assert found["socket_timeout"] == ANSWER_S
