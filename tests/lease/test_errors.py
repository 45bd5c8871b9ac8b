"""Whatever Redis answers, workers recover by themselves and lose nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kombu import Connection

from cluster.ports import LOOPBACK, free_port
from tests.lease.farm import POOLS, Farm
from tests.lease.proxy import Proxy

LEASE_S = 3


@contextmanager
def out_of_memory(farm: Farm) -> Iterator[None]:
    farm.broker.client.config_set("maxmemory", 1)
    yield
    farm.broker.client.config_set("maxmemory", 0)


@contextmanager
def read_only(farm: Farm) -> Iterator[None]:
    farm.broker.client.config_set("replica-serve-stale-data", "yes")
    farm.broker.client.replicaof(LOOPBACK, 1)
    yield
    farm.broker.client.replicaof("NO", "ONE")


@contextmanager
def without_scripts(farm: Farm) -> Iterator[None]:
    farm.broker.client.script_flush()
    yield
    farm.broker.client.script_flush()


@contextmanager
def without_rights(farm: Farm) -> Iterator[None]:
    farm.broker.client.acl_setuser("default", enabled=True, commands=["-evalsha", "-eval"])
    yield
    farm.broker.client.acl_setuser("default", enabled=True, categories=["+@all"])


Fault = Callable[[Farm], object]
FAULTS: dict[str, Fault] = {
    one.__name__: one for one in (out_of_memory, read_only, without_scripts, without_rights)
}


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", FAULTS)
def test_workers_recover_from_an_error_of_redis(name: str, pool: str, farm: Farm) -> None:
    worker = farm.worker(pool, lease_s=LEASE_S)
    farm.send(farm.app(), "wait", 40, 0.3)
    for _ in range(2):
        farm.until_more_ran(3)
        with FAULTS[name](farm):  # type: ignore[attr-defined]
            time.sleep(1.5)  # the fault lasts
    farm.until_ran(40)
    farm.until(lambda: not farm.held(), 10)
    assert worker.alive


@pytest.mark.parametrize("pool", POOLS)
def test_workers_recover_from_a_connection_that_falls_silent(pool: str, farm: Farm) -> None:
    proxy = Proxy(farm.broker.port)
    try:
        real, farm.place = farm.place, f"{LOOPBACK}:{proxy.port}/0"
        worker = farm.worker(pool, lease_s=LEASE_S)
        farm.place = real
        farm.send(farm.app(), "wait", 40, 0.3)
        farm.until_more_ran(3)
        with proxy.silent():
            time.sleep(2 * LEASE_S)
        farm.until_ran(40)
        farm.until(lambda: not farm.held(), 10)
        assert worker.alive
    finally:
        proxy.close()


def test_a_cluster_is_refused_in_one_line(farm: Farm) -> None:
    farm.broker.kill()
    farm.broker.options |= {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    farm.broker.start()
    client: Any = farm.broker.client
    client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    farm.until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), 10)
    with (
        Connection(farm.url("lease")) as connection,
        pytest.raises(Exception, match="does not support Redis Cluster") as caught,
        connection.Consumer([connection.SimpleQueue("q").queue], callbacks=[print]),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_that_starts_while_redis_is_full_makes_room(pool: str, farm: Farm) -> None:
    app = farm.app()
    farm.send(app, "note", 40)
    with out_of_memory(farm):
        worker = farm.worker(pool, "lease", "-Q", "celery,odd")
        farm.until_ran(40)
        farm.until(lambda: not farm.held(), 10)
    assert worker.alive
    # Only the worker has bound this queue.
    app.send_task("tests.lease.shop.note", (40,), exchange="odd", routing_key="odd")
    farm.until_ran(41)
