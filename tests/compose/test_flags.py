"""The variables of docker-compose.yml take effect, as records of real tasks show."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.wait import wait_until
from producer.plan import Work, burst
from tests.compose.flower import Flower
from tests.compose.load_run import LoadRun, most_at_once
from tests.compose.project import Project

SLEEP = Work(task="io.sleep", args=(0.3,))
#: The concurrency that each worker is given, by pool.
CONCURRENCY = {"prefork": 3, "threads": 5, "gevent": 7}
WORKERS = [f"worker-{pool}" for pool in CONCURRENCY]


def start_of_flower(cluster: Project) -> tuple[str, str]:
    """Return the id of Flower's container and when it started."""
    facts = cluster.inspect("flower")
    return facts["Id"], facts["State"]["StartedAt"]


@pytest.fixture(scope="module")
def resized(cluster: Project) -> Iterator[tuple[str, str]]:
    """Run the three workers with a changed concurrency; return when Flower had started before."""
    variables = {f"{pool.upper()}_CONCURRENCY": str(slots) for pool, slots in CONCURRENCY.items()}
    before = start_of_flower(cluster)
    cluster.compose("up", "--detach", "--wait", env=variables)
    yield before
    cluster.compose("up", "--detach", "--wait", *WORKERS)


def test_changing_the_workers_leaves_flower_running(
    cluster: Project, resized: tuple[str, str]
) -> None:
    assert start_of_flower(cluster) == resized


@pytest.mark.usefixtures("resized")
@pytest.mark.parametrize(("pool", "slots"), CONCURRENCY.items())
def test_concurrency_limits_how_many_tasks_run_at_once(
    load_run: LoadRun, pool: str, slots: int
) -> None:
    load_run.submit(burst(SLEEP, 4 * slots), pool)
    assert load_run.settle(20)
    assert most_at_once(load_run.records) == slots


@pytest.mark.usefixtures("resized")
@pytest.mark.parametrize(("pool", "separator"), [("prefork", ""), ("threads", "/")])
def test_concurrency_sets_the_number_of_processes_or_threads(
    load_run: LoadRun, pool: str, separator: str
) -> None:
    load_run.submit(burst(SLEEP, 4 * CONCURRENCY[pool]), pool)
    assert load_run.settle(20)
    slots = {record.slot or "" for record in load_run.records}
    assert len(slots) == CONCURRENCY[pool]
    assert all(separator in slot for slot in slots)


@pytest.mark.usefixtures("resized")
def test_greenlets_share_one_thread(load_run: LoadRun) -> None:
    load_run.submit(burst(SLEEP, 4 * CONCURRENCY["gevent"]), "gevent")
    assert load_run.settle(20)
    slots = {record.slot or "" for record in load_run.records}
    assert len({slot.partition("#")[0] for slot in slots}) == 1
    assert len(slots) >= CONCURRENCY["gevent"]


def test_configurable_worker_accepts_pool_concurrency_queues_and_flags(
    cluster: Project, load_run: LoadRun
) -> None:
    cluster.compose(
        *("--profile", "worker", "up", "--detach", "--wait", "worker"),
        env={
            "WORKER_POOL": "prefork",
            "WORKER_CONCURRENCY": "2",
            "WORKER_QUEUES": "mine,yours",
            "WORKER_FLAGS": "--max-tasks-per-child=1 --prefetch-multiplier=1",
        },
    )
    load_run.submit(burst(SLEEP, 3), "mine")
    load_run.submit(burst(SLEEP, 3), "yours")
    assert load_run.settle(20)
    assert most_at_once(load_run.records) == 2
    assert len({record.slot for record in load_run.records}) == 6  # a process for each task
    cluster.compose("--profile", "worker", "rm", "--stop", "--force", "worker")


def test_configurable_worker_logs_flags_that_its_pool_ignores(cluster: Project) -> None:
    cluster.compose(
        *("--profile", "worker", "up", "--detach", "--wait", "worker"),
        env={"WORKER_POOL": "threads", "WORKER_FLAGS": "--time-limit=5"},
    )
    assert "[time-limit-ignored]" in cluster.log("worker")
    cluster.compose("--profile", "worker", "rm", "--stop", "--force", "worker")


def test_every_replica_is_a_separate_worker(
    cluster: Project, load_run: LoadRun, flower: Flower
) -> None:
    cluster.compose("up", "--detach", "--wait", "--scale", "worker-gevent=3", "worker-gevent")
    expected = {f"gevent@{one[:12]}" for one in cluster.containers("worker-gevent")}
    assert len(expected) == 3

    def shown() -> set[str]:
        return {worker for worker in flower.workers() if worker.startswith("gevent@")}

    wait_until(lambda: expected <= shown(), 20, lambda: AssertionError(f"Flower shows {shown()}"))
    load_run.submit(burst(SLEEP, 1_500), "gevent")
    assert load_run.settle(30)
    assert {record.node for record in load_run.records} == expected
    cluster.compose("up", "--detach", "--wait", "--scale", "worker-gevent=1", "worker-gevent")
