"""Variables that a shell has set for other workers do not change Poolwise's own processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cluster.local import LocalCluster, WorkerSpec
from cluster.ports import free_port
from lab.results import files as result_files
from lab.results.race import RaceResult
from tests.command import poolwise, running
from tests.hostile.real_server import real

#: Each may name another broker.
NAMES = ("BROKER_URL", "CELERY_BROKER", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")


class Other:
    """A broker that nothing should connect to."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._client = redis.Redis(port=port)
        self._connections = self._count()

    def _count(self) -> int:
        return int(self._client.info("stats")["total_connections_received"])

    def is_untouched(self) -> bool:
        """Return whether nobody has connected since this object was made."""
        return self._client.dbsize() == 0 and self._count() == self._connections


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    (tmp_path / "other").mkdir()
    with real(tmp_path / "other") as port:
        yield Other(port)


def spec(cluster: LocalCluster) -> WorkerSpec:
    return WorkerSpec(
        name="w", pool="threads", concurrency=2, queues=("q",), broker_url=cluster.broker_url
    )


@pytest.mark.parametrize("name", NAMES)
def test_workers_and_flower_use_the_given_broker(
    name: str, other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, other.url)
    with LocalCluster(tmp_path) as cluster:
        cluster.start_workers([spec(cluster)])
        cluster.start_flower(free_port())
        assert other.is_untouched()


@pytest.mark.parametrize("name", NAMES[:3])
def test_the_command_flower_uses_the_given_broker(name: str, other: Other, tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as cluster:
        words = ("flower", "--port", "0", "--broker", cluster.broker_url)
        env = {name: other.url, "APP": "no_such_module"}
        with running(*words, folder=tmp_path, env=env) as flower:
            flower.until(lambda: "able to read records" in flower.output())
            flower.signal(signal.SIGINT)
            assert flower.ended() == 0
        assert other.is_untouched()


def test_a_race_runs_on_its_own_broker_with_its_own_flags(other: Other, tmp_path: Path) -> None:
    env = {
        **dict.fromkeys(NAMES, other.url),
        "RESULT_BACKEND": other.url,
        "CELERY_WORKER_AUTOSCALE": "8,1",
        "CELERY_WORKER_LOGFILE": str(tmp_path / "worker.log"),
        "CELERY_WORKER_MAX_TASKS_PER_CHILD": "1",
        "CELERY_WORKER_PIDFILE": str(tmp_path / "worker.pid"),
        "CELERY_WORKER_REVOKES_MAX": "100",
        "CELERY_WORKER_TIME_LIMIT": "0.01",
    }
    words = ("--quick", "--pools", "threads,prefork", "--workloads", "burn")
    done = poolwise("race", *words, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    [run] = (tmp_path / "runs").iterdir()
    result = result_files.read(run / "result.json", RaceResult)
    for pool in result.workloads[0].pools:
        assert pool.summary is not None
        assert pool.summary.account.submitted == pool.summary.account.finished
    assert other.is_untouched()
    assert not (tmp_path / "worker.log").exists()
