"""Workers and brokers die, stall and are cut off; every task still runs."""

from __future__ import annotations

import time

import pytest

from tests.lease.farm import POOLS, Farm, kill, pause, resume

#: Short, so that the tests are.
LEASE_S = 3
#: Tasks that may run again each time a worker reconnects: Celery forgets those that it has passed
#: to a child process that has not yet said that it began.
MAY_RUN_TWICE = {"prefork": 2, "threads": 0, "gevent": 0, "solo": 0}
CRASHING = ("prefork", "threads", "gevent")


@pytest.mark.parametrize("pool", CRASHING)
def test_killed_workers_lose_nothing(pool: str, farm: Farm) -> None:
    app = farm.app()
    farm.send(app, "wait", 600, 0.01)
    for kills in range(4):
        worker = farm.worker(pool, lease_s=LEASE_S)
        farm.until_more_ran(1 + 13 * kills)
        kill(worker)
    farm.worker(pool, lease_s=LEASE_S)
    farm.until_ran(600)
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")


@pytest.mark.timeout(90)
def test_from_kill_to_running_elsewhere_takes_seconds(farm: Farm) -> None:
    app = farm.app()
    victim = farm.worker("threads")
    farm.send(app, "wait", 2, 600)
    farm.until(lambda: set(farm.ran("began")) == {0, 1}, 10)
    farm.worker("threads")
    time.sleep(6)  # a worker that has just started gives the others one lease to renew theirs
    kill(victim)
    began_s = time.monotonic()
    farm.until(lambda: farm.ran("began") == {0: 2, 1: 2}, 20)
    assert time.monotonic() - began_s < 8


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_longer_than_the_lease_runs_once(pool: str, farm: Farm) -> None:
    farm.worker(pool, lease_s=LEASE_S)
    rival = farm.worker("threads", "lease", lease_s=LEASE_S)
    farm.send(farm.app(), "wait", 4, 4 * LEASE_S)
    farm.until_ran(4)
    assert set(farm.ran("began").values()) == {1}, rival.log_tail()


def test_a_prefork_task_may_hold_the_gil_for_longer_than_the_lease(farm: Farm) -> None:
    farm.worker("prefork", lease_s=2)
    farm.send(farm.app(), "hold_gil", 1, 6)
    farm.until(lambda: farm.ran("began"), 10)
    farm.worker("threads", lease_s=2)
    farm.until_ran(1)
    assert farm.ran("began") == {0: 1}


@pytest.mark.parametrize("pool", ["threads", "gevent", "solo"])
def test_a_task_that_holds_the_gil_within_the_limit_runs_once(pool: str, farm: Farm) -> None:
    """The limit is five sixths of the lease, here 5 s."""
    farm.worker(pool, lease_s=6)
    farm.send(farm.app(), "hold_gil", 1, 3)
    farm.until(lambda: farm.ran("began"), 10)
    farm.worker("threads", lease_s=6)
    farm.until_ran(1)
    assert farm.ran("began") == {0: 1}


def test_a_greenlet_that_blocks_the_loop_keeps_its_lease(farm: Farm) -> None:
    """A computation in Python stops gevent's loop, but not the lease's thread."""
    farm.worker("gevent", lease_s=2)
    farm.send(farm.app(), "spin", 1, 8)
    farm.until(lambda: farm.ran("began"), 10)
    farm.worker("threads", lease_s=2)
    farm.until_ran(1)
    assert farm.ran("began") == {0: 1}


@pytest.mark.parametrize("pool", CRASHING)
def test_a_stalled_worker_loses_its_messages_and_learns_it(pool: str, farm: Farm) -> None:
    app = farm.app()
    stalled = farm.worker(pool, lease_s=LEASE_S)
    farm.send(app, "wait", 8, 1.5)
    farm.until(lambda: len(farm.ran("began")) == 2, 10)
    pause(stalled)
    farm.worker(pool, lease_s=LEASE_S)
    farm.until(lambda: set(farm.ran("began")) == set(range(8)), 40)
    resume(stalled)
    farm.until_ran(8)
    farm.until(lambda: not farm.held(), 10, what="messages are still in flight")
    log = stalled.log.read_text()
    assert "lease of this consumer expired" in log
    # What ran, and what each slot took next before the worker noticed, may run twice.
    assert sum(farm.ran().values()) <= 8 + 4, farm.ran()
    farm.send(app, "note", 50)
    farm.until_ran(50)


@pytest.mark.parametrize("pool", POOLS)
def test_workers_recover_from_each_restart_of_the_broker(pool: str, lasting_farm: Farm) -> None:
    farm = lasting_farm
    app = farm.app()
    worker = farm.worker(pool, lease_s=LEASE_S)
    farm.send(app, "wait", 200, 0.05)
    away_times_s = (0.0, 1.0, 2 * LEASE_S)
    for away_s in away_times_s:
        farm.until_more_ran(5)
        farm.broker.kill()
        time.sleep(away_s)
        farm.broker.start()
    farm.until_ran(200)
    farm.until(lambda: not farm.held(), 10, what="messages are still in flight")
    assert worker.alive
    twice = sum(farm.ran().values()) - 200
    assert twice <= MAY_RUN_TWICE[pool] * len(away_times_s), worker.log_tail()


@pytest.mark.parametrize("pool", POOLS)
def test_workers_recover_when_their_connections_are_closed(pool: str, farm: Farm) -> None:
    app = farm.app()
    worker = farm.worker(pool, lease_s=LEASE_S)
    farm.send(app, "wait", 150, 0.05)
    closings = 10
    for _ in range(closings):
        farm.until_more_ran(2)
        farm.broker.client.client_kill_filter(_type="normal", skipme=True)
    farm.until_ran(150)
    farm.until(lambda: not farm.held(), 10, what="messages are still in flight")
    assert worker.alive
    twice = sum(farm.ran().values()) - 150
    assert twice <= MAY_RUN_TWICE[pool] * closings, worker.log_tail()
