"""Workers end or switch, and Redis ends, in the middle of load; every task is accounted for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import redis

from cluster.wait import wait_until
from producer.plan import Work, burst, steady
from tests.compose.project import Project
from tests.compose.ride import Ride, accounts_for_all
from tests.compose.test_lab import lab

SLEEP = Work(task="io.sleep", args=(0.2,))
RATE_PER_S, COUNT = 40.0, 200
#: A dead worker's tasks come back after 60 s (tasks/settings.py), to a worker that is up again.
COMEBACK_S = 80.0


@pytest.fixture(scope="module")
def killed(ring: Project) -> Iterator[Future[Ride]]:
    """A run whose worker is killed in its middle, followed until no more can come of it."""
    ride = Ride(ring.redis_url)
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(ride.submit, steady(SLEEP, RATE_PER_S, COUNT), "threads")
        _until_some_ended(ride, "threads")
        _kill_worker(ring, "worker-threads")
        sending.result(timeout=30)
        ring.compose("up", "--detach", "--wait", "worker-threads")
        yield beside.submit(_followed, ride, "threads")


@pytest.mark.usefixtures("killed")  # what it waits for comes back while the next tests run
def test_a_stopped_worker_loses_nothing(ring: Project, ride: Ride) -> None:
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(ride.submit, steady(SLEEP, RATE_PER_S, COUNT), "prefork")
        _until_some_ended(ride, "prefork")
        ring.compose("stop", "worker-prefork")  # SIGTERM, and time enough
        sending.result(timeout=30)
    ring.compose("up", "--detach", "--wait", "worker-prefork")
    assert ride.settle(30)
    totals = ride.close("prefork")
    assert len(totals.finished) == totals.submitted == COUNT
    assert "stopped" in {batch.kind for batch in ride.batches if batch.pool == "prefork"}


@pytest.fixture(scope="module")
def switched_back(ring: Project) -> Iterator[None]:
    """The gevent worker anew at the end: a switched one keeps its flags as long as it lives."""
    yield
    ring.compose("up", "--detach", "--wait", "--no-deps", "--force-recreate", "worker-gevent")


@pytest.mark.usefixtures("switched_back")
@pytest.mark.parametrize("pool", ["threads", "prefork", "gevent"])
def test_a_switch_under_load_loses_nothing_and_keeps_the_container(
    ring: Project, ride: Ride, pool: str
) -> None:
    before = ring.inspect("worker-gevent")["State"]
    plan = steady(Work(task="io.sleep", args=(0.1,)), rate_per_s=40, count=400)
    load = threading.Thread(target=ride.submit, args=(plan, "gevent"))
    load.start()
    printed = lab(ring, "switch", "gevent", "--pool", pool, "--concurrency", "6")
    load.join()
    assert pool in printed
    assert ride.settle(30)
    totals = ride.close("gevent")
    assert accounts_for_all(totals)
    assert len(totals.finished) == totals.submitted == len(plan)
    after = ring.inspect("worker-gevent")["State"]
    assert (after["Pid"], after["StartedAt"]) == (before["Pid"], before["StartedAt"])
    assert pool in {record.pool for record in ride.records}


def test_what_a_killed_worker_loses_is_named(killed: Future[Ride]) -> None:
    _expect_accounted(killed.result(COMEBACK_S), "threads")


def test_redis_killed_and_restarted_is_accounted_for(ring: Project, ride: Ride) -> None:
    ride.submit(burst(SLEEP, 600), "threads")  # 32 at once: nearly 4 s of work
    wait_until(lambda: ride.read() and ride.open < 600, 20, lambda: AssertionError("none ended"))
    info = ride.server.info("server")
    before, pid = info["run_id"], info["process_id"]
    assert 0 < ride.open < 600
    ring.compose("exec", "--no-TTY", "redis", "sh", "-c", f"kill -KILL {pid}")
    wait_until(lambda: _run_id(ride) not in {"", before}, 30, lambda: AssertionError("gone"))
    ride.settle(COMEBACK_S)
    _expect_accounted(ride, "threads")
    again = Ride(ride.url)  # and every worker serves on
    for queue in ("prefork", "threads", "gevent"):
        again.submit(burst(SLEEP, 5), queue)
    assert again.settle(30)


def _until_some_ended(ride: Ride, pool: str) -> None:
    """Wait until tasks have ended, though not all were sent yet."""

    def ended() -> bool:
        ride.read()
        return sum(record.pool == pool for record in ride.records) >= 20

    wait_until(ended, 20, lambda: AssertionError(f"nothing ended in {pool}"))


def _followed(ride: Ride, queue: str) -> Ride:
    """Follow a run until each task has ended, or the broker holds none that could still come."""

    def over() -> bool:
        ride.read()
        return not ride.open or not ride.held(queue)

    wait_until(over, COMEBACK_S, lambda: AssertionError(f"the broker holds {ride.held(queue)}"))
    ride.settle(2)  # the last of them are recorded a moment after they are acknowledged
    return ride


def _kill_worker(ring: Project, service: str) -> None:
    """Kill the worker's process; Docker then restarts the container, as after any crash."""
    [container] = ring.containers(service)
    find = "for p in /proc/[0-9]*; do grep -qs '^celery' $p/comm && kill -KILL ${p#/proc/}; done"
    ring.compose("exec", "--no-TTY", service, "sh", "-c", find, expect=None)
    wait_until(
        lambda: ring.inspect(service)["RestartCount"] >= 1,
        20,
        lambda: AssertionError(f"{container} was not restarted"),
    )


def _run_id(ride: Ride) -> str:
    try:
        return str(ride.server.info("server")["run_id"])
    except (redis.RedisError, OSError):
        return ""


def _expect_accounted(ride: Ride, queue: str) -> None:
    """Every task has one end; most have finished, and what is lost is named.

    No promise of zero: kombu takes a message out of the queue before it notes that it has it.
    """
    totals = ride.close(queue)
    told = (
        f"{queue}: {totals.submitted} submitted, {len(totals.finished)} finished, "
        f"{totals.duplicated} run again, lost: {sorted(totals.lost)}"
    )
    assert accounts_for_all(totals), told
    assert not totals.unserved, told
    assert len(totals.finished) >= 0.8 * totals.submitted, told
