"""Remote control, cancelled consumers, revoked tasks and retries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lease.farm import POOLS, Farm


@pytest.mark.parametrize("pool", [pool for pool in POOLS if pool != "solo"])
def test_remote_control_answers_under_load_and_leaves_nothing(pool: str, farm: Farm) -> None:
    farm.worker(pool)
    app = farm.app()
    farm.send(app, "wait", 60, 0.1)
    for _ in range(5):
        assert app.control.inspect(timeout=5, limit=1).ping()
    farm.until_ran(60)
    farm.until(lambda: not farm.held(), 5, what="a reply is in flight")
    assert set(farm.ran().values()) == {1}


def test_cancelling_a_consumer_returns_what_it_claimed_and_keeps_what_runs(farm: Farm) -> None:
    farm.worker("threads", lease_s=2)
    app = farm.app()
    farm.send(app, "wait", 2, 8)
    farm.until(lambda: len(farm.ran("began")) == 2, 10)
    app.control.cancel_consumer("celery", reply=True, timeout=5)
    farm.send(app, "note", 20)
    farm.worker("threads", "lease", "-Q", "another", lease_s=2)
    farm.until(lambda: set(farm.ran()) == {0, 1}, 20)  # for longer than the lease
    assert farm.ran("began") == {0: 1, 1: 1}
    assert farm.broker.client.llen("celery") == 20
    app.control.add_consumer("celery", reply=True, timeout=5)
    farm.until_ran(20)
    farm.until(lambda: not farm.held(), 5)


def test_a_queue_need_not_be_named_like_its_routing_key(farm: Farm) -> None:
    victim = farm.worker("threads", "lease", "-Q", "odd", lease_s=2)
    app = farm.app()
    options: Any = {"exchange": "odd", "routing_key": "odd"}
    farm.until(lambda: farm.broker.client.exists("_kombu.binding.odd"), 10)
    for mark in range(6):
        app.send_task("tests.lease.shop.wait", (mark, 2), **options)
    farm.until(lambda: len(farm.held()) == 6, 10)
    victim.kill()
    farm.worker("threads", "lease", "-Q", "odd", lease_s=2)
    farm.until_ran(6, 40)


def test_revoked_and_expired_tasks_do_not_run(farm: Farm) -> None:
    farm.worker("prefork")
    app = farm.app()
    farm.send(app, "wait", 2, 3)
    gone = app.send_task("tests.lease.shop.note", (7,))
    app.send_task("tests.lease.shop.note", (8,), expires=1)
    app.control.revoke(gone.id)
    app.send_task("tests.lease.shop.note", (2,))
    farm.until_ran(3)
    farm.until(lambda: not farm.held(), 5)
    assert set(farm.ran()) == {0, 1, 2}


def test_tasks_that_retry_run_to_their_end(farm: Farm) -> None:
    farm.worker("prefork")
    farm.send(farm.app(), "again", 20, 2)
    farm.until_ran(20)
    assert set(farm.ran().values()) == {1}


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("text", ["{}", '{"properties": 1}', "[1]", "1", "{"])
def test_a_broadcast_that_is_no_message_does_no_harm(text: str, pool: str, farm: Farm) -> None:
    worker = farm.worker(pool)
    app = farm.app()
    client = farm.broker.client
    farm.until(lambda: client.pubsub_numpat() or client.pubsub_channels(), 10)
    for _ in range(3):
        assert client.publish("/0.celery.pidbox", text)
    farm.send(app, "note", 1)
    farm.until_ran(1)
    assert app.control.inspect(timeout=5, limit=1).ping(), worker.log_tail()
    assert "nrecoverable" not in worker.log.read_text()
