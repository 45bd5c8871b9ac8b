"""The steady load on a real broker: a full queue stays full, and gets what its workers finish."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from cluster.wait import wait_until
from producer.room import MOST_WAITING
from tests.hostile.real_server import real

QUEUE = "slow"
TAKEN = 700


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    with real(tmp_path) as port, redis.Redis(port=port) as client:
        yield client


@contextmanager
def running(server: redis.Redis, log: Path, rate: int) -> Iterator[None]:
    """Run `python -m producer`, which sends to one queue of the server."""
    port = server.connection_pool.connection_kwargs["port"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "producer"],
            env={
                **os.environ,
                "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
                "LOAD_RATE": str(rate),
                "LOAD_QUEUES": QUEUE,
            },
            stderr=stderr,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_a_full_queue_is_topped_up_and_never_overfilled(
    server: redis.Redis, tmp_path: Path
) -> None:
    server.rpush(QUEUE, *["{}"] * (MOST_WAITING - 1))
    log = tmp_path / "producer.log"

    def waiting() -> int:
        count = server.llen(QUEUE)
        assert isinstance(count, int)
        assert count <= MOST_WAITING
        return count

    def until(condition: object, expected: object) -> None:
        assert callable(condition)
        wait_until(
            lambda: condition() == expected, 20, lambda: AssertionError(log.read_text("utf-8"))
        )

    with running(server, log, rate=1000):
        until(
            lambda: (waiting(), f"{QUEUE} is full" in log.read_text("utf-8")), (MOST_WAITING, True)
        )
        server.ltrim(QUEUE, 0, MOST_WAITING - TAKEN - 1)
        until(waiting, MOST_WAITING)
    assert log.read_text("utf-8").count("is full") == 1


def test_a_broker_that_answers_but_takes_no_task_is_not_back(
    server: redis.Redis, tmp_path: Path
) -> None:
    server.config_set("maxmemory", "1")
    log = tmp_path / "producer.log"

    def says(words: str) -> None:
        wait_until(
            lambda: words in log.read_text("utf-8"),
            30,
            lambda: AssertionError(log.read_text("utf-8")),
        )

    with running(server, log, rate=20):
        says("the broker is not usable (its memory is full")
        connected = server.info("stats")["total_connections_received"]
        wait_until(
            lambda: server.info("stats")["total_connections_received"] > connected + 2,
            30,
            lambda: AssertionError("no further attempt"),
        )
        assert log.read_text("utf-8").count("not usable") == 1
        assert "is back" not in log.read_text("utf-8")
        server.config_set("maxmemory", "0")
        says("the broker is back after")
