"""No result of an acknowledged task is lost, whatever fails."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import ImproperlyConfigured

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


#: The backend gives up after so many tries, and with it what listens for results.
GIVES_UP = {
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": 2, "interval_start": 0, "interval_max": 0.1}
    }
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("site", ["gevent"], indirect=True)
def test_tasks_wait_for_results_again_after_a_long_outage(site: Site) -> None:
    site.worker.stop(0)
    site.worker = site.start_worker("gevent", lease_s=LEASE_S, conf=json.dumps(GIVES_UP))
    site.send("ask_nobody")
    site.until(lambda: site.farm.broker.client.llen("nobody"), "it asked nobody")
    site.until(site.store.client.pubsub_channels, "it does not wait for the answer")
    site.store.kill()
    site.until(lambda: "Retry limit exceeded" in site.worker.log.read_text(), "it did not give up")
    site.store.start()
    assert site.send("ask", 2).get(timeout=WAIT_S) == 2


@pytest.mark.parametrize(
    "url",
    [
        "lease+sentinel://127.0.0.1:1/0",
        "lease+redis://127.0.0.1:1/0;redis://127.0.0.1:2/0",
        "lease+leases://127.0.0.1:1/0",
        "lease+rediscluster://:hunter2@127.0.0.1:1/0",
    ],
)
def test_an_address_that_the_backend_cannot_use_is_refused_in_one_line(url: str) -> None:
    app = Celery("shop", backend=url, set_as_current=False)
    with pytest.raises(ImproperlyConfigured, match="address of one Redis server") as caught:
        app.backend.get_state("x")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
