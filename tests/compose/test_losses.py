"""Workers and Redis end in the middle of load, and the ledger accounts for every task."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import redis

from cluster.wait import wait_until
from producer.plan import Work, burst, steady
from tests.compose.project import Project
from tests.compose.ride import Ride, accounts_for_all

SLEEP = Work(task="io.sleep", args=(0.2,))
RATE_PER_S, COUNT = 40.0, 200
#: A dead worker's tasks come back after 60 s (tasks/settings.py), to a worker that is up again.
COMEBACK_S = 80.0


def test_a_stopped_worker_loses_nothing_and_what_a_killed_one_loses_is_named(
    ring: Project, ride: Ride
) -> None:
    killed = Ride(ride.url)
    plan = steady(SLEEP, RATE_PER_S, COUNT)
    with ThreadPoolExecutor(2) as threads:
        sending = [
            threads.submit(ride.submit, plan, "prefork"),
            threads.submit(killed.submit, plan, "threads"),
        ]
        _until_some_ended(ride, "prefork")
        _until_some_ended(killed, "threads")
        _kill_worker(ring, "worker-threads")
        ring.compose("stop", "worker-prefork")  # SIGTERM, and time enough
        for one in sending:
            one.result(timeout=30)
    ring.compose("up", "--detach", "--wait", "worker-prefork", "worker-threads")

    assert ride.settle(30)
    stopped = ride.close("prefork")
    assert len(stopped.finished) == stopped.submitted == COUNT
    assert "stopped" in {batch.kind for batch in ride.batches if batch.pool == "prefork"}

    killed.settle(COMEBACK_S)
    _expect_accounted(killed, "threads")


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
    closing = ride.close(queue)
    told = (
        f"{queue}: {closing.submitted} submitted, {len(closing.finished)} finished, "
        f"{closing.duplicated} run again, lost: {sorted(closing.lost)}"
    )
    assert accounts_for_all(closing), told
    assert not closing.unserved, told
    assert len(closing.finished) >= 0.8 * closing.submitted, told
