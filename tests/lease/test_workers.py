"""Workers of every pool run each task once, wake up at once, and stop without losing anything."""

from __future__ import annotations

import time

import pytest

from tests.lease.farm import POOLS, Farm

#: How many messages a worker holds before it is stopped. Prefork must not be receiving any: Celery
#: 5.7 then hangs now and then, on any transport.
HELD = {"prefork": 8, "threads": 8, "gevent": 1, "solo": 1}


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_runs_every_task_once_and_hands_back_the_rest(pool: str, farm: Farm) -> None:
    worker = farm.worker(pool)
    app = farm.app()
    farm.send(app, "note", 300)
    farm.until_ran(300)
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")
    assert set(farm.ran().values()) == {1}
    farm.send(app, "wait", 14, 2)
    farm.until(lambda: len(farm.held()) >= HELD[pool], 20)
    before = len(farm.ran("began"))
    worker.stop(30)
    assert worker.exit_code == 0, worker.log_tail()
    client = farm.broker.client
    began = len(farm.ran("began"))
    assert began < 14
    if pool == "solo":  # it runs tasks while it delivers them
        assert began <= before + 1
    assert client.llen("celery") == 14 - began
    assert not farm.held()
    assert not client.zcard("_kombu.lease.leases")
    assert "redelivered" not in str(client.lrange("celery", 0, -1))


@pytest.mark.parametrize("pool", POOLS)
def test_an_idle_worker_wakes_up_at_once(pool: str, farm: Farm) -> None:
    farm.worker(pool)
    app = farm.app("stock")
    took_s = []
    for mark in range(5):
        began_s = time.monotonic()
        app.send_task("tests.lease.shop.note", (mark,))
        farm.until_ran(mark + 1, 10)
        took_s.append(time.monotonic() - began_s)
    assert sorted(took_s)[2] < 0.5
