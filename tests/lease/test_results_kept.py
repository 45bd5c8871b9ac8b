"""No result of an acknowledged task is lost, whatever fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kombu_lease.keys import keys
from tests.lease.farm import POOLS, kill
from tests.lease.site import TASKS as MODULE
from tests.lease.site import WAIT_S, Site

LEASE_S = 3
TASKS = 6


@pytest.fixture
def site(request: Any, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, request.param, "lease+redis", lease_s=LEASE_S)
    try:
        yield site
    finally:
        os.kill(site.store.child.pid, signal.SIGCONT)
        site.close()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("site", POOLS, indirect=True)
def test_a_task_is_acknowledged_after_its_result_is_stored(
    site: Site, request: pytest.FixtureRequest
) -> None:
    pool = request.node.callspec.params["site"]
    results = [site.task("report", number).freeze() for number in range(TASKS)]
    producer = site.farm.app()  # waits for no results
    os.kill(site.store.child.pid, signal.SIGSTOP)  # from now on, no result can be stored
    for number, result in enumerate(results):
        producer.send_task(f"{MODULE}.report", (number,), task_id=result.id)
    site.until(lambda: "ran " in site.worker.log.read_text(), "no task ran")
    renewed_ms = renewals(site)
    site.until(lambda: renewals(site) > renewed_ms + 1000, "the lease was not renewed")
    kill(site.worker)
    os.kill(site.store.child.pid, signal.SIGCONT)
    site.worker = site.start_worker(pool, lease_s=LEASE_S)
    assert [result.get(timeout=WAIT_S) for result in results] == list(range(TASKS))


def renewals(site: Site) -> float:
    """Return until when the worker's lease lasts, in ms since 1970."""
    leases: Any = site.farm.broker.client.zrange(keys().leases, 0, -1, withscores=True)
    return float(max(until_ms for _, until_ms in leases))


@pytest.mark.parametrize("site", POOLS, indirect=True)
def test_results_survive_broken_connections(site: Site) -> None:
    for _ in range(5):
        results = [site.send("echo", number) for number in range(10)]
        site.store.client.client_kill_filter(_type="normal", skipme=True)
        assert [result.get(timeout=WAIT_S) for result in results] == list(range(10))


@pytest.mark.parametrize("site", ["gevent", "threads"], indirect=True)
def test_all_tasks_of_a_worker_share_a_connection(site: Site) -> None:
    site.send("echo", 0).get(timeout=WAIT_S)
    before = connections(site)
    results = [site.send("echo", number) for number in range(50)]
    assert [result.get(timeout=WAIT_S) for result in results] == list(range(50))
    assert connections(site) - before <= 5


def connections(site: Site) -> int:
    """Return how many connections the server of the results has accepted."""
    info: Any = site.store.client.info("stats")
    return int(info["total_connections_received"])
