"""The steady load on a real broker: a full queue stays full, and gets what its workers finish."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
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

    port = server.connection_pool.connection_kwargs["port"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "producer"],
            env={
                **os.environ,
                "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
                "LOAD_RATE": "1000",
                "LOAD_QUEUES": QUEUE,
            },
            stderr=stderr,
        )
    try:
        until(
            lambda: (waiting(), f"{QUEUE} is full" in log.read_text("utf-8")), (MOST_WAITING, True)
        )
        server.ltrim(QUEUE, 0, MOST_WAITING - TAKEN - 1)
        until(waiting, MOST_WAITING)
    finally:
        process.terminate()
        process.wait(30)
    assert log.read_text("utf-8").count("is full") == 1
