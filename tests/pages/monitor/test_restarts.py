"""The history of the Throughput page outlives Flower: a real Flower is restarted on a real broker.

The tests share one cluster, and the first one needs it unused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cluster.local import RunningWorker, WorkerSpec
from cluster.ports import free_port
from cluster.process import Child
from cluster.wait import wait_until
from monitor.history.tiers import COARSE
from monitor.storing.history_keeper import EXPIRE_S, PREFIX
from tests.pages.monitor.conftest import BOUND_S, OpenPage, Watched
from worker.pools import POOLS
from worker.probe import STREAM

RATES = {"threads": 60.0, "gevent": 40.0}
HOUR = {"range_s": "3600"}


def run(watched: Watched, seconds: float) -> int:
    """Load the cluster; return how many tasks finished."""
    return sum(len(totals.finished) for totals in watched.run(seconds, RATES).values())


def until_counted(watched: Watched, finished: int) -> None:
    """Wait until Flower has counted at least so many tasks."""
    wait_until(
        lambda: watched.data(**HOUR)["finished"] >= finished,
        BOUND_S,
        lambda: AssertionError(
            f"{watched.data(**HOUR)['finished']} instead of {finished}: {watched.data()['source']}"
        ),
    )


def until_stored(watched: Watched) -> None:
    """Wait until everything that has finished until now is in the stored history."""
    server = watched.cluster.redis
    step_s = int(time.time()) // 5 * 5
    wait_until(
        lambda: server.exists(f"{PREFIX}{step_s}"),
        BOUND_S,
        lambda: AssertionError(f"{sorted(server.scan_iter(PREFIX + '*'))}"),
    )


def settled(watched: Watched, after_s: float = 2.0) -> dict[str, Any]:
    """Return the data of the hour, once Flower has read all records, `after_s` seconds from now."""
    newest_s = time.time()
    return wait_until(
        lambda: found if (found := watched.data(**HOUR))["now"] > newest_s + after_s else {},
        BOUND_S,
        lambda: AssertionError("Flower's clock stands still"),
    )


@contextmanager
def away(watched: Watched) -> Iterator[None]:
    """Kill Flower, and start it again at the end."""
    watched.flower.kill()
    yield
    watched.restart_flower()


def test_each_task_counts_once_after_restarts_in_any_moment(watched: Watched) -> None:
    finished = run(watched, 2.0)
    until_counted(watched, finished)
    with away(watched):  # nothing may be stored yet
        pass
    until_counted(watched, finished)
    until_stored(watched)
    finished += run(watched, 3.0)
    with away(watched):
        finished += run(watched, 2.0)  # read from the stream later
    until_counted(watched, finished)
    with away(watched):
        pass
    found = settled(watched)
    assert found["finished"] == finished
    assert found["gaps"] == []
    assert watched.data(range_s="900")["finished"] == finished
    keys = list(watched.cluster.redis.scan_iter(f"{PREFIX}*"))
    assert keys
    assert all(0 < watched.cluster.redis.ttl(key) <= EXPIRE_S for key in keys)


def test_two_flowers_store_one_history(watched: Watched) -> None:
    before = settled(watched)["finished"]
    other, _ = watched.cluster.start_flower(free_port())
    finished = before + run(watched, 6.0)
    until_counted(watched, finished)
    until_stored(watched)
    other.kill()
    with away(watched):
        pass
    found = settled(watched)
    assert found["finished"] == finished
    assert found["source"]["unreadable_steps"] == 0


def lose_records(watched: Watched) -> None:
    """Make the stream forget all tasks, as workers do with those of more than a minute ago.

    No task may be running. The newest record can hold finished tasks, so the next one is the first
    that stays.
    """
    server = watched.cluster.redis

    def newest() -> bytes:
        entries: Any = server.xrevrange(STREAM, count=1)
        newest_id: bytes = entries[0][0]
        return newest_id

    of_tasks = newest()
    kept = wait_until(
        lambda: found if (found := newest()) != of_tasks else b"",
        BOUND_S,
        lambda: AssertionError("the workers write no records"),
    )
    server.xtrim(STREAM, minid=kept, approximate=False)


@pytest.fixture
def loaded(watched: Watched) -> None:
    """Load the cluster for long enough to fill most of a step of 5 s, and until Flower knows."""
    before = settled(watched)["finished"]
    until_counted(watched, before + run(watched, 6.0))


@pytest.mark.usefixtures("loaded")
def test_the_time_without_flower_is_unknown_and_the_past_is_shown(
    watched: Watched, open_page: OpenPage
) -> None:
    until_stored(watched)
    before = settled(watched)
    with away(watched):
        run(watched, 11.0)  # lost
        lose_records(watched)
    # After more than one step of 5 s, the step in which Flower came back is over.
    found = settled(watched, after_s=7.0)
    # A step that was not stored yet is lost with the records.
    assert 0.9 * before["finished"] <= found["finished"] <= before["finished"]
    [[from_s, to_s]] = found["gaps"]
    assert before["now"] - 15 < from_s < before["now"] < to_s < found["now"]
    fine = watched.data(range_s="900")
    rates = dict(zip(fine["at"], fine["lines"]["threads"]["finished_per_s"], strict=True))
    assert {rate for at_s, rate in rates.items() if from_s <= at_s < to_s} == {None}
    assert max(rate or 0 for at_s, rate in rates.items() if at_s < from_s) > 30
    seen = open_page(f"{watched.url}/throughput?range_s=3600")
    seen.wait("live")
    assert seen.page.locator("#tp-range_s option").all_inner_texts() == [
        *("1 min", "5 min", "15 min"),
        "1 hour",
    ]
    assert seen.page.input_value("#tp-range_s") == "3600"
    seen.wait_for("document.querySelector('#tp-finished').textContent.includes(' since ')")
    seen.wait_for("document.getElementById('tp-rate').layout.shapes.length === 1")  # the gap
    assert seen.complaints == []


def row(watched: Watched, node: str) -> dict[str, Any]:
    """Return what the worker table shows of a worker."""
    rows: list[dict[str, Any]] = watched.data()["recent"]["workers"]
    return next((one for one in rows if one["worker"] == node), {})


def until_row(watched: Watched, node: str, **expected: object) -> None:
    """Wait until the worker table shows a worker as expected."""
    wait_until(
        lambda: expected.items() <= row(watched, node).items(),
        BOUND_S,
        lambda: AssertionError(f"{row(watched, node)}"),
    )


def test_workers_that_stopped_or_changed_their_pool_are_still_shown(watched: Watched) -> None:
    def runs_as(pool: str) -> RunningWorker:
        [worker] = watched.cluster.start_workers(
            [
                WorkerSpec(
                    name="passing",
                    pool=pool,
                    concurrency=2,
                    queues=("passing",),
                    broker_url=watched.cluster.broker_url,
                    flags=POOLS[pool].flags,
                )
            ]
        )
        return worker

    node = "passing@poolwise"
    runs_as("threads").child.stop()
    until_row(watched, node, pool="threads", state="stopped")
    second = runs_as("gevent")
    until_row(watched, node, pool="gevent", state="here", was=["threads"])
    until_stored(watched)
    with away(watched):
        lose_records(watched)
    until_row(watched, node, pool="gevent", state="here", was=["threads"])
    second.child.stop()
    until_row(watched, node, state="stopped")
    until_stored(watched)
    stopped = row(watched, node)
    with away(watched):
        lose_records(watched)
    until_row(watched, node, **stopped)


def test_the_time_without_flower_is_shaded_in_the_chart_of_the_queues(
    watched: Watched, open_page: OpenPage
) -> None:
    run(watched, 6.0)  # a step in which nothing happens is not stored
    until_stored(watched)
    until_known = settled(watched)["now"]
    with away(watched):
        run(watched, 8.0)
    back_s = time.time()
    found = settled(watched, after_s=7.0)
    from_s, to_s = found["queue_gaps"][-1]
    assert until_known - 15 < from_s < back_s
    fine = watched.data(range_s="300")
    depths = dict(zip(fine["at"], fine["queues"]["threads"], strict=True))
    step_s = fine["step_s"]  # a gap may begin or end within a point, which then covers both
    assert {depth for at_s, depth in depths.items() if from_s <= at_s <= to_s - step_s} == {None}
    again_s = min(at_s for at_s, depth in depths.items() if at_s > from_s and depth is not None)
    assert to_s - step_s < again_s < to_s + COARSE.step_s
    assert None not in {depth for at_s, depth in depths.items() if from_s - 5 <= at_s < from_s}
    seen = open_page(f"{watched.url}/throughput?range_s=300")
    seen.wait("live")
    shapes = "document.getElementById('tp-{}').layout.shapes.map(one => one.x1 - one.x0)"
    shaded, others = (seen.page.evaluate(shapes.format(one)) for one in ("queues", "rate"))
    assert 1e3 * (to_s - from_s) in shaded
    assert len(others) < len(shaded)
    seen.wait_for(
        "document.querySelector('#tp-queues-legend').textContent.includes('Flower was not running')"
    )
    assert seen.complaints == []


def test_a_history_that_cannot_be_stored_is_reported_and_stored_later(watched: Watched) -> None:
    server = watched.cluster.redis
    server.config_set("maxmemory", "1")
    try:
        wait_until(
            lambda: watched.data()["source"]["history_trouble"],
            BOUND_S,
            lambda: AssertionError(f"{watched.data()['source']}"),
        )
    finally:
        server.config_set("maxmemory", "0")
    wait_until(
        lambda: not watched.data()["source"]["history_trouble"],
        BOUND_S,
        lambda: AssertionError(f"{watched.data()['source']}"),
    )
    run(watched, 6.0)
    until_stored(watched)


def test_a_history_that_the_broker_lost_is_stored_again(watched: Watched) -> None:
    until_stored(watched)
    server = watched.cluster.redis
    keys = list(server.scan_iter(f"{PREFIX}*"))
    server.delete(*keys)
    wait_until(
        lambda: server.exists(*keys) == len(keys),
        BOUND_S,
        lambda: AssertionError(f"{server.exists(*keys)} of {len(keys)}"),
    )


@pytest.fixture(autouse=True)
def _flower_is_running(watched: Watched) -> None:
    flower: Child = watched.flower
    assert flower.alive
