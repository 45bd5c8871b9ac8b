"""Every task is accounted for when workers stop, die or switch, or Redis dies, under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import redis

from cluster.wait import wait_until
from producer.plan import Work, burst, steady
from tests.compose.load_run import LoadRun, accounts_for_all
from tests.compose.project import Project
from tests.compose.test_lab import lab

SLEEP = Work(task="io.sleep", args=(0.2,))
RATE_PER_S, COUNT = 40.0, 200
#: Timeout in seconds; a dead worker's tasks are redelivered after 60 s (tasks/settings.py).
REDELIVERY_S = 80.0


@pytest.fixture(scope="module")
def killed(cluster: Project) -> Iterator[Future[LoadRun]]:
    """Kill the worker during a run, then follow the run in the background until it is over."""
    load_run = LoadRun(cluster.redis_url)
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(load_run.submit, steady(SLEEP, RATE_PER_S, COUNT), "threads")
        _until_some_ended(load_run, "threads")
        _kill_worker(cluster, "worker-threads")
        sending.result(timeout=30)
        cluster.compose("up", "--detach", "--wait", "worker-threads")
        yield background.submit(_followed, load_run, "threads")


@pytest.mark.usefixtures("killed")  # its tasks are redelivered while the next tests run
def test_stopped_worker_loses_no_task(cluster: Project, load_run: LoadRun) -> None:
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(load_run.submit, steady(SLEEP, RATE_PER_S, COUNT), "prefork")
        _until_some_ended(load_run, "prefork")
        cluster.compose("stop", "worker-prefork")  # SIGTERM, with enough time to finish
        sending.result(timeout=30)
    cluster.compose("up", "--detach", "--wait", "worker-prefork")
    assert load_run.settle(30)
    totals = load_run.close("prefork")
    assert len(totals.finished) == totals.submitted == COUNT
    assert "stopped" in {batch.kind for batch in load_run.batches if batch.pool == "prefork"}


@pytest.fixture(scope="module")
def switched_back(cluster: Project) -> Iterator[None]:
    """Recreate the gevent worker at the end, because a switched worker keeps its new flags."""
    yield
    cluster.compose("up", "--detach", "--wait", "--no-deps", "--force-recreate", "worker-gevent")


@pytest.mark.usefixtures("switched_back")
@pytest.mark.parametrize("pool", ["threads", "prefork", "gevent"])
def test_switch_under_load_loses_no_task_and_keeps_the_container(
    cluster: Project, load_run: LoadRun, pool: str
) -> None:
    before = cluster.inspect("worker-gevent")["State"]
    plan = steady(Work(task="io.sleep", args=(0.1,)), rate_per_s=40, count=400)
    load = threading.Thread(target=load_run.submit, args=(plan, "gevent"))
    load.start()
    printed = lab(cluster, "switch", "gevent", "--pool", pool, "--concurrency", "6")
    load.join()
    assert pool in printed
    assert load_run.settle(30)
    totals = load_run.close("gevent")
    assert accounts_for_all(totals)
    assert len(totals.finished) == totals.submitted == len(plan)
    after = cluster.inspect("worker-gevent")["State"]
    assert (after["Pid"], after["StartedAt"]) == (before["Pid"], before["StartedAt"])
    assert pool in {record.pool for record in load_run.records}


def test_tasks_of_a_killed_worker_are_accounted_for(killed: Future[LoadRun]) -> None:
    _expect_accounted(killed.result(REDELIVERY_S), "threads")


def test_tasks_are_accounted_for_after_redis_is_killed(cluster: Project, load_run: LoadRun) -> None:
    load_run.submit(burst(SLEEP, 600), "threads")  # nearly 4 s of work for 32 threads
    wait_until(
        lambda: load_run.read() and load_run.open < 600, 20, lambda: AssertionError("no task ended")
    )
    info = load_run.server.info("server")
    before, pid = info["run_id"], info["process_id"]
    assert 0 < load_run.open < 600
    cluster.compose("exec", "--no-TTY", "redis", "sh", "-c", f"kill -KILL {pid}")
    wait_until(
        lambda: _run_id(load_run) not in {"", before},
        30,
        lambda: AssertionError("Redis did not restart"),
    )
    load_run.settle(REDELIVERY_S)
    _expect_accounted(load_run, "threads")
    again = LoadRun(load_run.url)  # every worker still runs tasks
    for queue in ("prefork", "threads", "gevent"):
        again.submit(burst(SLEEP, 5), queue)
    assert again.settle(30)


def _until_some_ended(load_run: LoadRun, pool: str) -> None:
    """Wait until some tasks have ended, while others are still to be sent."""

    def ended() -> bool:
        load_run.read()
        return sum(record.pool == pool for record in load_run.records) >= 20

    wait_until(ended, 20, lambda: AssertionError(f"too few tasks ended in {pool}"))


def _followed(load_run: LoadRun, queue: str) -> LoadRun:
    """Follow a run until every task has ended, or the broker has no more messages of its queue."""

    def over() -> bool:
        load_run.read()
        return not load_run.open or not load_run.held(queue)

    wait_until(
        over, REDELIVERY_S, lambda: AssertionError(f"the broker holds {load_run.held(queue)}")
    )
    load_run.settle(2)  # a record can arrive a moment after the acknowledgement
    return load_run


def _kill_worker(cluster: Project, service: str) -> None:
    """Kill the worker's processes, so that Docker restarts the container as after a crash."""
    [container] = cluster.containers(service)
    find = "for p in /proc/[0-9]*; do grep -qs '^celery' $p/comm && kill -KILL ${p#/proc/}; done"
    cluster.compose("exec", "--no-TTY", service, "sh", "-c", find, expect=None)
    wait_until(
        lambda: cluster.inspect(service)["RestartCount"] >= 1,
        20,
        lambda: AssertionError(f"{container} was not restarted"),
    )


def _run_id(load_run: LoadRun) -> str:
    try:
        return str(load_run.server.info("server")["run_id"])
    except (redis.RedisError, OSError):
        return ""


def _expect_accounted(load_run: LoadRun, queue: str) -> None:
    """Fail unless every task has exactly one outcome and at least 80 % have finished.

    Some may be lost: kombu removes a message from the queue before it records that it holds it.
    """
    totals = load_run.close(queue)
    summary = (
        f"{queue}: {totals.submitted} submitted, {len(totals.finished)} finished, "
        f"{totals.duplicated} run again, lost: {sorted(totals.lost)}"
    )
    assert accounts_for_all(totals), summary
    assert not totals.unserved, summary
    assert len(totals.finished) >= 0.8 * totals.submitted, summary
