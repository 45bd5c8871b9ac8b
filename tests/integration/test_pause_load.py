"""A race can pause the light load; it always resumes, however the race ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local import LocalCluster, WorkerSpec
from cluster.wait import wait_until
from lab.results import files as result_files
from lab.results.race import RaceResult
from producer import pause
from tasks.celery import app
from tests.command import poolwise, running

RACE = (
    "race", "--on-running", "--pause-load", "--workloads", "burn", "--repeat", "2", "--quick",
    "--pools", "threads",
)  # fmt: skip


class Producer:
    """`python -m producer`, sending to the queue of the threads worker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def says(self, words: str, times: int = 1, within_s: float = 10) -> None:
        """Wait until the log contains `words` that many times."""
        wait_until(
            lambda: self.log().count(words) >= times, within_s, lambda: AssertionError(self.log())
        )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("paused")) as started:
        app.loader.import_default_modules()
        started.start_workers(
            [
                WorkerSpec(
                    name="t", pool="threads", concurrency=2, queues=("threads",),
                    broker_url=started.broker_url,
                )
            ]
        )  # fmt: skip
        yield started


@pytest.fixture
def producer(cluster: LocalCluster, tmp_path: Path) -> Iterator[Producer]:
    log = tmp_path / "producer.log"
    load = {"LOAD_RATE": "5", "LOAD_MIX": "io.sleep", "LOAD_QUEUES": "threads"}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "producer"],
            env={**os.environ, **load, "CELERY_BROKER_URL": cluster.broker_url},
            stderr=stderr,
        )
    try:
        sender = Producer(process, log)
        sender.says("sending 5 tasks per second", within_s=30)
        yield sender
    finally:
        process.terminate()
        process.wait(10)


def assert_flowing(cluster: LocalCluster) -> None:
    """Wait until new tasks of the load arrive at the worker."""
    before = cluster.redis.xinfo_stream("poolwise:records")["entries-added"]

    def after() -> int:
        return int(cluster.redis.xinfo_stream("poolwise:records")["entries-added"])

    wait_until(lambda: after() > before + 5, 10, lambda: AssertionError("no task arrives"))


def test_the_load_is_away_during_the_race_and_back_afterwards(
    cluster: LocalCluster, producer: Producer, tmp_path: Path
) -> None:
    done = poolwise(*RACE, "--broker", cluster.broker_url, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "the light load is paused, and resumes when the race ends" in done.stderr
    [path] = tmp_path.glob("*-race/result.json")
    result = result_files.read(path, RaceResult)
    assert [repeat.others for repeat in result.workloads[0].pools[0].repeats] == [0, 0]
    assert result.settings.load_paused
    assert "--pause-load" in result.settings.command
    assert "paused for a race" in producer.log()
    producer.says("resumed after a pause of")
    assert not cluster.redis.exists(pause.WANTED, pause.PAUSED)
    assert_flowing(cluster)


def test_without_a_producer_the_race_says_that_nothing_was_paused(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    done = poolwise(*RACE, "--broker", cluster.broker_url, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no load generator (python -m producer) answered, so no load was paused" in done.stderr
    assert not cluster.redis.exists(pause.WANTED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_load_resumes_after_a_signal(
    number: signal.Signals, cluster: LocalCluster, producer: Producer, tmp_path: Path
) -> None:
    with running(*RACE, "--broker", cluster.broker_url, folder=tmp_path) as race:
        race.until(lambda: "repeat 1" in race.output())
        race.signal(number)
        race.ended()
    producer.says("resumed after a pause of")
    assert not cluster.redis.exists(pause.WANTED)


def test_the_load_resumes_by_itself_after_a_kill(
    cluster: LocalCluster, producer: Producer, tmp_path: Path
) -> None:
    with running(*RACE, "--broker", cluster.broker_url, folder=tmp_path) as race:
        producer.says("paused for a race", within_s=30)
        race.signal(signal.SIGKILL)
        race.ended()
        assert 0 < cluster.redis.pttl(pause.WANTED) <= 1_000 * pause.HOLD_S
    producer.says("resumed after a pause of", within_s=pause.HOLD_S + 10)


def test_a_pause_of_another_run_is_left_alone(cluster: LocalCluster) -> None:
    first, second = (pause.LoadPause(cluster.redis, run) for run in ("first", "second"))
    first.renew()
    second.renew()
    first.end()
    assert cluster.redis.exists(pause.WANTED)
    second.end()
    assert not cluster.redis.exists(pause.WANTED)


def test_a_race_with_workers_of_its_own_has_nothing_to_pause() -> None:
    done = poolwise("race", "--pause-load")
    assert done.returncode == 2
    assert "--pause-load works only with --on-running: add --on-running" in done.stderr
