"""Workers of every pool run each task once, wake up at once, and stop without losing anything."""

from __future__ import annotations

import time

import pytest

from tests.lease.farm import POOLS, Farm


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_runs_every_task_once_and_hands_back_the_rest(pool: str, farm: Farm) -> None:
    worker = farm.worker(pool)
    app = farm.app()
    farm.send(app, "note", 300)
    farm.until_ran(300)
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")
    assert set(farm.ran().values()) == {1}
    farm.send(app, "wait", 30, 0.3)
    farm.until(lambda: farm.ran("began"), 10)
    worker.stop(20)
    client = farm.broker.client
    began = len(farm.ran("began"))
    assert began < 30
    assert client.llen("celery") == 30 - began
    assert not farm.held()
    assert not client.zcard("_kombu.lease.leases")
    assert "redelivered" not in str(client.lrange("celery", 0, -1))
    assert worker.exit_code == 0, worker.log_tail()


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
