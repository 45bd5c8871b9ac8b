"""Flower's other pages still work, and the Throughput page has the same access rules as they."""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser

from cluster.local import WorkerSpec
from cluster.ports import free_port
from cluster.process import Child
from cluster.wait import wait_until
from tasks.celery import app
from tests.chromium import listening
from tests.pages.monitor.conftest import SLOTS, LiveVisit, OpenPage, Watched
from worker.pools import POOLS

CREDENTIAL = "someone:a password"


def request(url: str, *, auth: str = "", method: str = "GET") -> tuple[int, bytes]:
    """Return the status and body, also of an error."""
    asked = urllib.request.Request(url, method=method)  # noqa: S310 - our own Flower
    if auth:
        asked.add_header("Authorization", f"Basic {base64.b64encode(auth.encode()).decode()}")
    try:
        with urllib.request.urlopen(asked, timeout=10) as reply:  # noqa: S310 - our own Flower
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture(scope="module")
def guarded(watched: Watched) -> str:
    """Return the address of a second Flower, with a password and under a prefix."""
    _, url = watched.cluster.start_flower(
        free_port(), prefix="flower", env={"FLOWER_BASIC_AUTH": CREDENTIAL}
    )
    return url


def api(guarded: str, path: str, method: str = "GET") -> Any:
    """Query Flower's API with the password."""
    status, body = request(f"{guarded}{path}", auth=CREDENTIAL, method=method)
    assert status == 200, body
    return json.loads(body)


@pytest.mark.parametrize(
    "path", ["/throughput", "/throughput/data", "/throughput/assets/charts.js", "/api/throughput"]
)
def test_the_page_and_its_data_require_the_password(guarded: str, path: str) -> None:
    assert request(f"{guarded}{path}")[0] == 401
    assert request(f"{guarded}{path}", auth="someone:else")[0] == 401
    assert request(f"{guarded}{path}", auth=CREDENTIAL)[0] == 200


def test_the_api_requires_authentication_like_flowers_api(watched: Watched) -> None:
    assert request(f"{watched.url}/api/workers")[0] == 401
    assert request(f"{watched.url}/api/throughput")[0] == 401


def test_an_invalid_request_is_an_error(watched: Watched) -> None:
    assert request(f"{watched.url}/throughput/data?range_s=7")[0] == 400
    assert request(f"{watched.url}/throughput/data?by=weather")[0] == 400
    assert request(f"{watched.url}/throughput/assets/nothing.js")[0] == 404


def test_the_page_works_under_a_prefix_with_a_password(
    watched: Watched, guarded: str, browser: Browser
) -> None:
    name, _, password = CREDENTIAL.partition(":")
    page = browser.new_page(http_credentials={"username": name, "password": password})
    seen = LiveVisit(page=page)
    with listening(seen):
        page.goto(f"{guarded}/throughput")
        _under_a_prefix(seen, watched)
    assert all(url.startswith(guarded) for url in seen.asked_for)
    page.close()


def _under_a_prefix(seen: LiveVisit, watched: Watched) -> None:
    seen.wait("live")
    watched.run(1.0, {"threads": 40.0})
    seen.wait_for("document.querySelectorAll('#tp-rate .scatterlayer .trace').length > 0")
    link = seen.page.get_attribute("#tp-table tbody a", "href") or ""
    assert link.startswith("/flower/worker/")
    seen.page.click("text=Broker")
    seen.page.click("text=Throughput")
    seen.wait("live")


def test_flower_shows_the_pool_and_queues_of_each_worker(watched: Watched, guarded: str) -> None:
    def inspected() -> dict[str, Any]:
        found: dict[str, Any] = api(guarded, "/api/workers?refresh=1")
        return found if all("stats" in found.get(node, {}) for node in nodes) else {}

    nodes = {worker.spec.node: pool for pool, worker in watched.workers.items()}
    found = wait_until(inspected, 20, lambda: AssertionError("Flower does not know all workers"))
    for node, pool in nodes.items():
        stats = found[node]["stats"]["pool"]
        assert stats["implementation"] == f"{POOLS[pool].implementation}:TaskPool"
        assert stats["max-concurrency"] == SLOTS[pool]
        assert [queue["name"] for queue in found[node]["active_queues"]] == [pool]
        page = request(f"{guarded}/worker/{urllib.parse.quote(node)}", auth=CREDENTIAL)
        assert page[0] == 200
        # Flower capitalises the first letter.
        assert f"{POOLS[pool].implementation}:taskpool" in page[1].decode().lower()


def test_flower_counts_the_processed_tasks(watched: Watched, guarded: str) -> None:
    def processed() -> dict[str, int]:
        rows = api(guarded, "/workers?json=1")["data"]
        return {row["hostname"]: row.get("task-succeeded", 0) for row in rows}

    node = watched.workers["gevent"].spec.node
    wait_until(lambda: node in processed(), 20, lambda: AssertionError("no heartbeat yet"))
    before = processed()[node]
    watched.run(1.0, {"gevent": 30.0})
    wait_until(
        lambda: processed()[node] == before + 30,
        15,
        lambda: AssertionError(f"{before} before, {processed()[node]} after 30 more"),
    )


@pytest.mark.parametrize("pool", SLOTS)
def test_a_pool_grows_and_shrinks_if_it_supports_that(
    watched: Watched, guarded: str, pool: str
) -> None:
    node = watched.workers[pool].spec.node
    grow = f"{guarded}/api/worker/pool/grow/{node}?n=1"
    status, _ = request(grow, auth=CREDENTIAL, method="POST")
    assert (status == 200) is POOLS[pool].grow_shrink

    def slots() -> int:
        rows = watched.data()["recent"]["workers"]
        return next(int(row["slots"]) for row in rows if row["worker"] == node)

    if not POOLS[pool].grow_shrink:
        return
    wrong = lambda: AssertionError(f"{node} has {slots()} slots on the Throughput page")  # noqa: E731
    wait_until(lambda: slots() == SLOTS[pool] + 1, 15, wrong)
    shrink = f"{guarded}/api/worker/pool/shrink/{node}?n=1"
    assert request(shrink, auth=CREDENTIAL, method="POST")[0] == 200
    wait_until(lambda: slots() == SLOTS[pool], 15, wrong)


def test_the_queue_depth_is_shown_and_the_broker_page_works(watched: Watched, guarded: str) -> None:
    with app.connection_for_write(watched.cluster.broker_url) as connection:
        for _ in range(7):
            app.send_task(
                "io.sleep", (0.01,), queue="cpu", connection=connection, ignore_result=True
            )
    wait_until(
        lambda: watched.data()["recent"]["queues"].get("cpu") == 7,
        10,
        lambda: AssertionError(f"queues: {watched.data()['recent']['queues']}"),
    )
    assert request(f"{guarded}/broker", auth=CREDENTIAL)[0] == 200


def test_a_worker_without_a_probe_is_counted_from_task_events(
    watched: Watched, open_page: OpenPage
) -> None:
    command = [
        sys.executable,
        *("-m", "celery", "--app", "tasks", "worker", "--pool", "threads", "--concurrency", "3"),
        *("--queues", "stranger", "--hostname", "stranger@poolwise", "--task-events"),
    ]
    places = {"CELERY_BROKER_URL": watched.cluster.broker_url}
    log = watched.cluster.folder / "stranger.log"
    child = Child("stranger", command, log=log, registry=watched.registry, env=places)
    try:
        seen = open_page(f"{watched.url}/throughput?worker=stranger@poolwise")
        seen.wait_for("document.querySelector('#tp-table').textContent.includes('no probe')")
        with app.connection_for_write(watched.cluster.broker_url) as connection:
            for _ in range(25):
                app.send_task(
                    "io.sleep", (0.01,), queue="stranger", connection=connection, ignore_result=True
                )
        seen.wait_for("document.querySelector('#tp-finished').textContent.startsWith('25 ')")
        assert "No probe on stranger@poolwise" in seen.page.inner_text("#tp-notes")
        found = watched.data(worker="stranger@poolwise")
        assert found["choices"]["pools"] == ["gevent", "prefork", "threads"]
        assert found["recent"]["workers"][0]["slots"] == 3
        child.stop()
        seen.wait_for("document.querySelector('#tp-table .tp-fold') !== null")
        [row] = watched.data(worker="stranger@poolwise")["recent"]["workers"]
        assert row["state"] == "stopped"
    finally:
        child.kill()


def test_the_broker_page_lists_the_queue_of_a_worker_that_started_after_flower(
    watched: Watched, guarded: str
) -> None:
    def listed() -> bool:
        return b">later<" in request(f"{guarded}/broker", auth=CREDENTIAL)[1]

    spec = WorkerSpec(
        name="later",
        pool="threads",
        concurrency=1,
        queues=("later",),
        broker_url=watched.cluster.broker_url,
    )
    assert not listed()
    [worker] = watched.cluster.start_workers([spec])
    try:
        wait_until(listed, 30, lambda: AssertionError("the queue is missing"))
    finally:
        watched.cluster.stop([worker.child], 5)
