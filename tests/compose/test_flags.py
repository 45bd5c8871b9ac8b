"""The variables of docker-compose.yml change what really runs, as the tasks themselves see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.wait import wait_until
from producer.plan import Work, burst
from tests.compose.project import Project
from tests.compose.ride import Ride, most_at_once
from tests.compose.watch import Flower

SLEEP = Work(task="io.sleep", args=(0.3,))
#: Slots asked for, by pool.
ASKED = {"prefork": 3, "threads": 5, "gevent": 7}
WORKERS = [f"worker-{pool}" for pool in ASKED]


@pytest.fixture(scope="module")
def resized(ring: Project) -> Iterator[None]:
    """The three workers with other concurrencies."""
    variables = {f"{pool.upper()}_CONCURRENCY": str(slots) for pool, slots in ASKED.items()}
    ring.compose("up", "--detach", "--wait", *WORKERS, env=variables)
    yield
    ring.compose("up", "--detach", "--wait", *WORKERS)


@pytest.mark.usefixtures("resized")
@pytest.mark.parametrize(("pool", "slots"), ASKED.items())
def test_a_concurrency_is_the_number_of_tasks_that_run_at_once(
    ride: Ride, pool: str, slots: int
) -> None:
    ride.submit(burst(SLEEP, 4 * slots), pool)
    assert ride.settle(20)
    assert most_at_once(ride.records) == slots


@pytest.mark.usefixtures("resized")
@pytest.mark.parametrize(("pool", "separator"), [("prefork", ""), ("threads", "/")])
def test_as_many_processes_or_threads_run_them(ride: Ride, pool: str, separator: str) -> None:
    ride.submit(burst(SLEEP, 4 * ASKED[pool]), pool)
    assert ride.settle(20)
    slots = {record.slot or "" for record in ride.records}
    assert len(slots) == ASKED[pool]
    assert all(separator in slot for slot in slots)


@pytest.mark.usefixtures("resized")
def test_greenlets_share_one_thread(ride: Ride) -> None:
    ride.submit(burst(SLEEP, 4 * ASKED["gevent"]), "gevent")
    assert ride.settle(20)
    slots = {record.slot or "" for record in ride.records}
    assert len({slot.partition("#")[0] for slot in slots}) == 1
    assert len(slots) >= ASKED["gevent"]


def test_the_free_worker_takes_pool_slots_queues_and_any_flag(ring: Project, ride: Ride) -> None:
    ring.compose(
        *("--profile", "worker", "up", "--detach", "--wait", "worker"),
        env={
            "WORKER_POOL": "prefork",
            "WORKER_CONCURRENCY": "2",
            "WORKER_QUEUES": "mine,yours",
            "WORKER_FLAGS": "--max-tasks-per-child=1 --prefetch-multiplier=1",
        },
    )
    ride.submit(burst(SLEEP, 3), "mine")
    ride.submit(burst(SLEEP, 3), "yours")
    assert ride.settle(20)
    assert most_at_once(ride.records) == 2
    assert len({record.slot for record in ride.records}) == 6  # a process for each task
    ring.compose("--profile", "worker", "rm", "--stop", "--force", "worker")


def test_the_free_worker_warns_of_flags_that_its_pool_ignores(ring: Project) -> None:
    ring.compose(
        *("--profile", "worker", "up", "--detach", "--wait", "worker"),
        env={"WORKER_POOL": "threads", "WORKER_FLAGS": "--time-limit=5"},
    )
    assert "[time-limit-ignored]" in ring.log("worker")
    ring.compose("--profile", "worker", "rm", "--stop", "--force", "worker")


def test_every_replica_is_a_worker_of_its_own(ring: Project, ride: Ride, flower: Flower) -> None:
    ring.compose("up", "--detach", "--wait", "--scale", "worker-gevent=3", "worker-gevent")
    named = {f"gevent@{one[:12]}" for one in ring.containers("worker-gevent")}
    assert len(named) == 3

    def shown() -> set[str]:
        return {worker for worker in flower.workers() if worker.startswith("gevent@")}

    wait_until(lambda: named <= shown(), 20, lambda: AssertionError(f"Flower shows {shown()}"))
    ride.submit(burst(SLEEP, 1_500), "gevent")
    assert ride.settle(30)
    assert {record.node for record in ride.records} == named
    ring.compose("up", "--detach", "--wait", "--scale", "worker-gevent=1", "worker-gevent")
