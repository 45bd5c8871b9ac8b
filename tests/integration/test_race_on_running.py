"""Running workers race as they are, and are left unchanged."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.discovery import DiscoveredWorker, RemoteControl, discover_workers
from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from cluster.ports import free_port
from cluster.wait import wait_until
from lab.results import files as result_files
from lab.results.race import RaceResult
from lab.session.borrowed import BorrowedWorker, BorrowedWorkers
from lab.session.protocols import PoolConfig
from lab.session.queues import Queues
from producer.plan import Work
from tasks.celery import app
from tests.command import poolwise
from tests.integration.background_load import BackgroundLoad
from worker.pools import POOLS


def spec(cluster: LocalCluster, name: str, pool: str, transport: str = "stock") -> WorkerSpec:
    return WorkerSpec(
        name=name,
        pool=pool,
        concurrency=2,
        queues=(pool, "io"),
        broker_url=cluster.broker_url,
        transport=transport,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("running")) as running:
        app.loader.import_default_modules()
        running.start_workers(
            [spec(running, "p", "prefork"), spec(running, "t", "threads", "lease")]
        )
        yield running


@pytest.fixture(scope="module")
def remote(cluster: LocalCluster) -> Iterator[RemoteControl]:
    with RemoteControl(app, cluster.broker_url) as ask:
        yield ask


def test_all_tasks_of_the_race_and_of_users_are_accounted_for_and_no_queue_is_left(
    cluster: LocalCluster, remote: RemoteControl, tmp_path: Path
) -> None:
    before = wait_until(
        lambda: len(found := discover_workers(remote)) == 2 and found,
        10,
        lambda: AssertionError("two workers run, but not both answer"),
    )
    cluster.redis.lpush("nobody-consumes-this", "another client's message")
    with app.connection_for_write(cluster.broker_url) as connection:
        load = BackgroundLoad(
            app=app,
            connection=connection,
            server=cluster.redis,
            queue="threads",
            work=Work(task="io.sleep", args=(0.01,)),
            rate_per_s=10,
        )
        words = ("race", "--on-running", "--workloads", "burn", "--repeat", "1", "--quick")
        with load:
            done = poolwise(*words, "--broker", cluster.broker_url, "--out", str(tmp_path))
        users = load.settled()
    assert done.returncode == 0, done.stderr
    assert len(users.finished) == users.submitted > 0
    assert "gevent is left out: no gevent worker that can be raced" in done.stderr
    assert f"poolwise workers --broker {cluster.broker_url}" in done.stderr
    assert "threads is left out" not in done.stderr
    [path] = tmp_path.glob("*-race/result.json")
    result = result_files.read(path, RaceResult)
    assert set(result.settings.workers) == {"p@poolwise", "t@poolwise"}
    [burn] = result.workloads
    assert [(pool.pool, pool.concurrency, pool.transport) for pool in burn.pools] == [
        ("prefork", 2, "stock"),
        ("threads", 2, "lease"),
    ]
    assert result.settings.transports == ("lease", "stock")
    assert "--transport" not in result.settings.command
    for pool in burn.pools:
        [repeat] = pool.repeats
        assert repeat.account.finished == repeat.account.submitted == burn.tasks_per_repeat
        assert repeat.cpu_s is not None
        assert repeat.cpu_s > 0
        assert pool.start_up_s is None
    assert burn.pools[1].repeats[0].others > 0
    assert "from other clients" in done.stdout
    assert discover_workers(remote) == before
    assert cluster.redis.llen("nobody-consumes-this") == 1
    assert not [key for key in cluster.redis.keys("*") if b"poolwise-" in key]


def test_a_restarted_worker_is_not_the_one_that_was_borrowed(
    cluster: LocalCluster, remote: RemoteControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.borrowed.LOOK_S", 0.5)
    [first] = cluster.start_workers([spec(cluster, "again", "solo")])

    def described() -> DiscoveredWorker | None:
        return next((w for w in discover_workers(remote) if w.node == "again@poolwise"), None)

    worker = wait_until(described, 10, lambda: AssertionError(first.child.log_tail()))
    assert worker is not None
    borrowed = BorrowedWorker(remote, worker, "q")
    assert borrowed.alive
    assert borrowed.pid == first.child.pid
    first.child.kill()
    cluster.start_workers([spec(cluster, "again", "solo")])
    wait_until(lambda: not borrowed.alive, 15, lambda: AssertionError("it counts as alive"))
    assert borrowed.how_it_ended() == "restarted"


@pytest.fixture
def lent(cluster: LocalCluster) -> Iterator[Queues]:
    """Return queues for borrowed workers, which are removed at the end."""
    with app.connection_for_write(cluster.broker_url) as connection:
        queues = Queues(connection, "poolwise-lent")
        yield queues
        queues.remove()


def restart(cluster: LocalCluster, worker: RunningWorker, spec: WorkerSpec) -> RunningWorker:
    """Kill a worker and start another one with its name."""
    worker.child.kill()
    [again] = cluster.start_workers([spec])
    return again


def test_a_restarted_worker_is_borrowed_again_only_if_its_pool_and_slots_are_the_same(
    cluster: LocalCluster, remote: RemoteControl, lent: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.borrowed.LOOK_S", 0.0)
    one = spec(cluster, "same", "threads")
    [running] = cluster.start_workers([one])

    def described() -> DiscoveredWorker | None:
        return next((w for w in discover_workers(remote) if w.node == "same@poolwise"), None)

    found = wait_until(described, 10, lambda: AssertionError(running.child.log_tail()))
    assert found is not None
    config = PoolConfig(pool=POOLS["threads"], concurrency=2, transport=found.transport)
    workers = BorrowedWorkers(remote, lent, {"threads": found})
    workers.prepare([config], lambda _ready, _of: None)
    assert workers[config].pid == running.child.pid
    assert not workers.replace_dead(config)

    def ended() -> bool:
        return not workers[config].alive

    running = restart(cluster, running, one)
    wait_until(ended, 20, lambda: AssertionError("it counts as alive"))
    wait_until(lambda: workers.replace_dead(config), 20, lambda: AssertionError("not replaced"))
    assert workers[config].pid == running.child.pid
    assert workers[config].alive

    for other in (replace(one, pool="prefork"), replace(one, concurrency=3)):
        running = restart(cluster, running, other)
        wait_until(ended, 20, lambda: AssertionError("it counts as alive"))
        wait_until(described, 10, lambda: AssertionError("it does not answer"))
        assert not workers.replace_dead(config)
        assert not workers[config].alive
    workers.close()
    running.child.kill()


def test_a_worker_that_was_too_busy_to_answer_when_it_was_borrowed_has_not_restarted(
    cluster: LocalCluster, remote: RemoteControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.session.borrowed.LOOK_S", 0.0)
    [first] = cluster.start_workers([spec(cluster, "late", "solo")])
    worker = wait_until(
        lambda: next((w for w in discover_workers(remote) if w.node == "late@poolwise"), None),
        10,
        lambda: AssertionError(first.child.log_tail()),
    )
    assert worker is not None
    os.kill(first.child.pid, signal.SIGSTOP)
    try:
        borrowed = BorrowedWorker(remote, worker, "q")
    finally:
        os.kill(first.child.pid, signal.SIGCONT)
    monkeypatch.setattr("cluster.discovery.MOMENT_S", 10.0)
    # A late reply to the first request may be taken for that to the next one, which is then lost.
    wait_until(lambda: remote.info(worker.node), 30, lambda: AssertionError(first.child.log_tail()))
    assert [borrowed.alive for _ in range(3)] == [True] * 3
    assert borrowed.how_it_ended() == "still running"
    first.child.kill()
    cluster.start_workers([spec(cluster, "late", "solo")])
    wait_until(lambda: not borrowed.alive, 30, lambda: AssertionError("it counts as alive"))
    assert borrowed.how_it_ended() == "restarted"


def test_workers_lists_running_workers_or_says_how_to_start_one(
    cluster: LocalCluster,
) -> None:
    listed = poolwise("workers", "--broker", cluster.broker_url)
    assert "t@poolwise" in listed.stdout
    assert "threads ×2" in listed.stdout
    none = poolwise("workers", "--broker", cluster.broker_url.replace("/0", "/5"))
    assert none.returncode == 4
    assert none.stderr.startswith("error: no worker answers at redis://127.0.0.1:")
    assert "try again" in none.stderr
    assert "CELERY_BROKER_URL=redis://" in none.stderr


def test_a_missing_broker_names_both_ways_to_reach_a_cluster() -> None:
    refused = poolwise("workers", "--broker", f"redis://127.0.0.1:{free_port()}/0")
    assert refused.returncode == 3
    assert "poolwise up`" in refused.stderr
    assert "put `docker compose run --rm` in front of" in refused.stderr
