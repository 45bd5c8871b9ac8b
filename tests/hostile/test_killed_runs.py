"""The queues that a killed run leaves at a broker are removed by a later run, and only those."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from cluster.discovery import RemoteControl, discover_workers
from cluster.local import LocalCluster, WorkerSpec
from cluster.machine import Machine
from lab.session.borrowed import BorrowedWorkers
from lab.session.lease import RUNS, Lease
from lab.session.protocols import PoolConfig
from lab.session.session import Session, open_session
from producer.queues import depths
from tasks.celery import app
from tests.command import running
from worker.pools import POOLS

#: Queues that look like a run's, but are noted by no run.
THEIRS = ("poolwise-theirs.1", "mail")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Start a broker that outlives the runs, with a worker for them to borrow."""
    with LocalCluster(tmp_path_factory.mktemp("broker")) as cluster:
        spec = WorkerSpec(
            name="lent",
            pool="threads",
            concurrency=2,
            queues=("mail",),
            broker_url=cluster.broker_url,
        )
        cluster.start_workers([spec])
        with app.connection_for_write(cluster.broker_url) as connection:
            for queue in THEIRS[:1]:
                connection.SimpleQueue(queue).put("a message")
        yield cluster


def bindings(server: redis.Redis) -> set[str]:
    """Return the queues that are declared."""
    names = [key.decode().removeprefix("_kombu.binding.") for key in server.scan_iter("_kombu*")]
    return {name for name in names if name.startswith("poolwise-")}


def runs(server: redis.Redis) -> set[str]:
    """Return the runs that have not removed their queues."""
    members: set[bytes] = server.smembers(RUNS)  # type: ignore[assignment]
    return {member.decode(errors="replace") for member in members}


def open_at(cluster: LocalCluster, folder: Path) -> Session:
    """Open a session at the broker, close it, and return what it was."""
    with open_session(folder, cluster.broker_url, Machine.this()) as session:
        return session


@pytest.mark.parametrize("how", ["--on-new", "--on-running"])
def test_a_killed_runs_queues_are_removed_once_its_lease_has_expired(
    how: str, cluster: LocalCluster, tmp_path: Path
) -> None:
    server = cluster.redis
    options = ("--quick", "--pools", "threads", "--workloads", "burn", how)
    with running("race", *options, "--broker", cluster.broker_url, folder=tmp_path) as race:
        race.until(lambda: "burn ·" in race.output())
        race.signal(signal.SIGKILL)
        race.ended()
        race.wait_for_descendants()
    [run] = runs(server)
    lease = Lease(server, run)
    assert lease.queues() == [f"{run}.1"]
    assert f"{run}.1" in bindings(server)

    open_at(cluster, tmp_path)  # it may live: its lease has not expired
    assert f"{run}.1" in bindings(server)

    assert 0 < server.ttl(lease.key) <= 120
    server.delete(lease.key)
    open_at(cluster, tmp_path)
    assert f"{run}.1" not in bindings(server)
    assert not server.exists(RUNS, lease.key, lease.queues_key)
    with RemoteControl(app, cluster.broker_url) as remote:
        [consumed] = remote.ask("active_queues", ["lent@poolwise"]).values()
    assert [queue["name"] for queue in consumed] == ["mail"]
    assert waiting(cluster) == {THEIRS[0]: 1}


def waiting(cluster: LocalCluster) -> dict[str, int]:
    """Return how many messages wait in the queue that belongs to nobody's run."""
    with Connection(cluster.broker_url) as connection:
        return depths(connection, THEIRS[:1])


def test_a_note_cannot_name_a_queue_that_is_not_the_runs(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    server = cluster.redis
    lease = Lease(server, "poolwise-x")
    server.sadd(RUNS, "poolwise-x", b"\xff", "mail")
    server.sadd(lease.queues_key, *THEIRS, "poolwise-x.1", b"poolwise-x.\xff", "poolwise-xy.1")
    assert lease.queues() == ["poolwise-x.1", "poolwise-x.\ufffd"]
    open_at(cluster, tmp_path)
    assert waiting(cluster) == {THEIRS[0]: 1}
    assert runs(server) == {"\ufffd", "mail"}
    server.delete(RUNS)


def test_workers_that_were_not_given_back_are_told_by_a_later_run(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = cluster.redis
    spec = WorkerSpec(
        name="other", pool="solo", concurrency=1, queues=("post",), broker_url=cluster.broker_url
    )
    [other] = cluster.start_workers([spec])
    asked: list[str] = []
    ask = RemoteControl.ask

    def interrupted(remote: RemoteControl, method: str, *words: Any, **more: Any) -> Any:
        if method == "cancel_consumer":
            asked.append(method)
            if len(asked) == 1:
                raise KeyboardInterrupt
        return ask(remote, method, *words, **more)

    def consumed() -> dict[str, set[str]]:
        with RemoteControl(app, cluster.broker_url) as remote:
            replies = remote.ask("active_queues", ["lent@poolwise", "other@poolwise"], 3)
        return {node: {queue["name"] for queue in reply} for node, reply in replies.items()}

    def borrow(session: Session) -> None:
        found = {worker.pool: worker for worker in discover_workers(session.remote)}
        workers = BorrowedWorkers(session.remote, session.queues, found)
        workers.prepare(
            [PoolConfig(pool=POOLS[one], concurrency=found[one].concurrency) for one in found],
            lambda _ready, _of: None,
        )
        assert all(len(queues) == 2 for queues in consumed().values())
        monkeypatch.setattr(RemoteControl, "ask", interrupted)
        workers.close()

    with (
        pytest.raises(KeyboardInterrupt),
        open_session(tmp_path, cluster.broker_url, Machine.this()) as session,
    ):
        borrow(session)
    monkeypatch.setattr(RemoteControl, "ask", ask)
    assert sorted(map(len, consumed().values())) == [1, 2]  # the interrupted one was not asked
    assert runs(server) == {session.run}

    server.delete(Lease(server, session.run).key)
    open_at(cluster, tmp_path)
    assert consumed() == {"lent@poolwise": {"mail"}, "other@poolwise": {"post"}}
    assert not runs(server)
    assert not list(server.scan_iter(f"*{session.run}*"))
    other.child.stop()


def test_a_run_that_ends_leaves_no_note(cluster: LocalCluster, tmp_path: Path) -> None:
    with open_session(tmp_path, cluster.broker_url, Machine.this()) as session:
        queue = session.queues.part("gil").new()
        assert Lease(cluster.redis, session.run).queues() == [queue]
        assert queue.startswith(f"{session.run}.gil.")
    with (
        pytest.raises(KeyboardInterrupt),
        open_session(tmp_path, cluster.broker_url, Machine.this()),
    ):
        raise KeyboardInterrupt
    assert not list(cluster.redis.scan_iter("poolwise:run*"))
