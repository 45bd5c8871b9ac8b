"""Stock and lease workers and producers share queues, and a project can move over and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster.process import Child
from tests.lease.farm import Farm, kill

BOTH = ("stock", "lease")


@pytest.mark.parametrize("producer", BOTH)
@pytest.mark.parametrize("consumer", BOTH)
def test_each_serves_what_the_other_publishes(producer: str, consumer: str, farm: Farm) -> None:
    farm.worker("threads", consumer, prefix="shop:")
    app = farm.app(producer, prefix="shop:")
    for mark in range(20):
        app.send_task("tests.lease.shop.note", (mark,), priority=mark % 10)
    farm.until_ran(20)
    assert set(farm.ran().values()) == {1}


def test_both_serve_one_queue_at_the_same_time(farm: Farm) -> None:
    workers = [farm.worker("threads", transport) for transport in BOTH]
    for transport in BOTH:
        farm.send(farm.app(transport), "wait", 100, 0.02)
    farm.until(lambda: sum(farm.ran().values()) >= 200, 60)
    assert sum(farm.ran().values()) == 200
    for worker in workers:
        assert "succeeded" in worker.log.read_text(), f"{worker.name} did nothing"


def test_a_stock_worker_sees_what_came_back_as_redelivered(farm: Farm) -> None:
    victim = farm.worker("threads", lease_s=2)
    farm.send(farm.app(), "describe", 1)
    farm.until(lambda: farm.notes.llen("described"), 10)
    kill(victim)
    farm.worker("threads", "lease", "-Q", "another", lease_s=2)  # returns what the victim held
    farm.worker("threads", "stock")
    farm.until_ran(1, 20)
    assert farm.notes.lrange("described", 0, -1) == [b"False", b"True"]


class Sender:
    """Sends tasks that are numbered across transports."""

    def __init__(self, farm: Farm) -> None:
        self.sent = 0
        self._apps = {transport: farm.app(transport) for transport in BOTH}

    def send(self, transport: str, count: int, etas: int = 0, later_s: float = 0) -> None:
        """Send `etas` tasks that are due later, and then `count` others."""
        due = datetime.now(UTC) + timedelta(seconds=later_s)
        for index in range(count + etas):
            eta = due if index < etas else None
            arguments = (self.sent, 0.03)
            self._apps[transport].send_task("tests.lease.shop.track", arguments, eta=eta)
            self.sent += 1


# Not prefork: Celery 5.7 hangs now and then when it shuts that down under load, on either.
@pytest.mark.timeout(240)
@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_moving_over_and_back_runs_each_task_once(pool: str, farm: Farm) -> None:
    """Follows "Move over and back" in docs/transport.md, with tasks waiting, in flight and late."""
    client = farm.broker.client
    sender = Sender(farm)
    rules: dict[str, Any] = {"visibility_timeout": 3600, "prefetch": 8}
    before = farm.worker(pool, "stock", **rules)
    sender.send("stock", 200, etas=6, later_s=30)
    farm.until_more_ran(20)
    # The ETAs came first; perhaps everything else has ended by now.
    farm.until(lambda: client.hlen("unacked") >= 6, 20, what="no ETA is in flight")
    over = farm.worker(pool, "lease", **rules)
    stopped(before)
    farm.until(lambda: client.zcard("_kombu.lease.delayed") == 6, 20, what="the ETAs are missing")
    sender.send("lease", 100, etas=6, later_s=20)
    sender.send("stock", 100, etas=6, later_s=20)
    farm.until_more_ran(20)
    back = farm.worker(pool, "stock", **rules)
    stopped(over)
    keeper = farm.worker("threads", "lease", "-Q", "another")
    farm.until_ran(sender.sent, 90)
    assert not client.zcard("_kombu.lease.delayed")
    stopped(keeper)
    stopped(back)
    assert not list(client.scan_iter("_kombu.lease.*"))
    assert not client.hlen("unacked")
    assert set(farm.ran().values()) == {1}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", BOTH)
def test_what_a_killed_worker_of_either_kind_held_runs_elsewhere(victim: str, farm: Farm) -> None:
    """Each kind returns what its own kind held, whatever queue it consumes.

    Stock loses the one message that was on its way, taken by BRPOP but not yet noted: kombu's own.
    """
    sender = Sender(farm)
    for transport in BOTH:
        sender.send(transport, 100, etas=3, later_s=15)
    killed = farm.worker("prefork", victim, lease_s=2)
    farm.until_more_ran(20)
    kill(killed)
    for transport in BOTH:
        farm.worker("threads", transport, "-Q", "another", lease_s=2)
    farm.worker("prefork", "lease", lease_s=2)
    farm.until_ran(sender.sent, but=1 if victim == "stock" else 0)
    twice = {mark for mark, times in farm.ran("began").items() if times > 1}
    assert twice <= set(farm.ran("redelivered")), killed.log_tail()


def stopped(worker: Child) -> None:
    """Stop a worker as an operator does."""
    worker.stop(30)
    assert worker.exit_code == 0, worker.log_tail()
