"""Tasks with an ETA wait in Redis, no matter which producer sent them, and run once and in time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from kombu_lease.keys import keys
from tests.lease.farm import Farm, kill


@pytest.mark.parametrize(("producer", "lease_s"), [("stock", 6), ("lease", 6), ("lease", 600)])
def test_an_eta_waits_in_redis_and_runs_in_time(producer: str, lease_s: int, farm: Farm) -> None:
    worker = farm.worker("threads", lease_s=lease_s)
    due = datetime.now(UTC) + timedelta(seconds=9)
    farm.app(producer).send_task("tests.lease.shop.note", (0,), eta=due, priority=3)
    delayed = keys().delayed
    farm.until(lambda: farm.broker.client.zcard(delayed) == 1, 4)
    farm.until(lambda: not farm.held(), 4)
    farm.until_ran(1, 20)
    late_s = time.time() - due.timestamp()
    assert 0 <= late_s < 1.5, worker.log_tail()
    assert farm.ran() == {0: 1}
    assert not farm.broker.client.zcard(delayed)


def test_no_eta_is_lost_with_a_worker_or_holds_one_up(farm: Farm) -> None:
    app = farm.app()
    farm.send(app, "note", 200, countdown=20)
    victim = farm.worker("prefork", lease_s=2)
    assert not farm.held()
    kill(victim)
    farm.worker("prefork", lease_s=2)
    farm.until_ran(200, 40)
    assert set(farm.ran().values()) == {1}


def test_a_stock_worker_gets_it_when_it_is_due(farm: Farm) -> None:
    app = farm.app("lease")
    farm.worker("threads", "stock")
    app.send_task("tests.lease.shop.note", (0,), countdown=5)
    assert farm.broker.client.zcard(keys().delayed) == 1
    keeper = farm.worker("threads", "lease", "-Q", "another")
    farm.until_ran(1, 20)
    assert keeper.alive


def test_a_batch_of_messages_waits_too(farm: Farm) -> None:
    app = farm.app()
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        for mark in range(3):
            app.send_task("tests.lease.shop.note", (mark,), countdown=60, producer=producer)
    assert farm.broker.client.zcard(keys().delayed) == 3
    assert not farm.broker.client.llen("celery")
