"""Lessons on a running cluster: errors get one line, and nothing is left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local import LocalCluster, WorkerSpec
from cluster.ports import LOOPBACK, free_port
from tasks.celery import app
from tests.command import poolwise, running
from tests.lessons.taught import held, nothing_left, take

#: A small lesson whose claims hold on the workers below.
SMALL = ("gil", "--tasks", "20", "--pause-ms", "200")
#: A lesson that takes some seconds on the workers below.
LONG = ("learn", "gil", "--no-predict", "--pause-ms", "500")
NO_GEVENT = "import sys\nsys.modules['gevent'] = None\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("running")) as runs:
        app.loader.import_default_modules()
        runs.start_workers(
            [
                WorkerSpec(
                    name=pool,
                    pool=pool,
                    concurrency=slots,
                    queues=(pool,),
                    broker_url=runs.broker_url,
                )
                for pool, slots in {"threads": 20, "prefork": 2}.items()
            ]
        )
        yield runs


@pytest.fixture
def on_running(cluster: LocalCluster) -> tuple[str, ...]:
    return ("--on-running", "--broker", cluster.broker_url)


def error(stderr: str) -> str:
    assert "Traceback" not in stderr
    [line] = [line for line in stderr.splitlines() if line.startswith("error: ")]
    return line


def test_a_lesson_runs_on_running_workers_and_leaves_nothing_behind(
    cluster: LocalCluster, on_running: tuple[str, ...], tmp_path: Path
) -> None:
    before = held(cluster.redis)
    result = take(*SMALL, *on_running, folder=tmp_path)
    assert set(result.workers) == {"threads@poolwise", "prefork@poolwise"}
    nothing_left(cluster.redis, before)


def test_a_second_lesson_on_one_cluster_is_rejected(
    cluster: LocalCluster, on_running: tuple[str, ...], tmp_path: Path
) -> None:
    before = held(cluster.redis)
    with running(*LONG, *on_running, folder=tmp_path) as first:
        first.until(lambda: "threads: no pause" in first.output())
        second = poolwise(*LONG, *on_running, cwd=tmp_path)
        first.signal(signal.SIGINT)
        assert first.ended() == 130
    assert second.returncode == 1
    assert "another lesson is running on this cluster (gil on " in error(second.stderr)
    nothing_left(cluster.redis, before)


def test_ctrl_c_during_a_lesson_on_running_workers_leaves_nothing_behind(
    cluster: LocalCluster, on_running: tuple[str, ...], tmp_path: Path
) -> None:
    before = held(cluster.redis)
    with running(*LONG, *on_running, folder=tmp_path) as lesson:
        lesson.until(lambda: "threads: no pause" in lesson.output())
        lesson.signal(signal.SIGINT)
        assert lesson.ended() == 130
        assert "interrupted; what Poolwise started has been stopped" in lesson.output()
        assert "Traceback" not in lesson.output()
    nothing_left(cluster.redis, before)
    take(*SMALL, *on_running, folder=tmp_path)  # the workers still work


def test_ctrl_c_stops_the_workers_that_a_lesson_has_started(tmp_path: Path) -> None:
    with running(*LONG, "--pools", "threads", folder=tmp_path) as lesson:
        lesson.until(lambda: "threads: no pause" in lesson.output())
        lesson.signal(signal.SIGINT)
        assert lesson.ended() == 130
        lesson.wait_for_descendants()


def test_a_chosen_pool_without_a_running_worker_gets_one_line(
    on_running: tuple[str, ...], tmp_path: Path
) -> None:
    done = poolwise("learn", "gil", "--no-predict", "--pools", "gevent", *on_running, cwd=tmp_path)
    assert done.returncode == 4
    line = error(done.stderr)
    assert "gevent" in line
    assert "threads@poolwise" in line


def test_a_broker_that_refuses_the_connection_gets_one_line(tmp_path: Path) -> None:
    nowhere = f"redis://{LOOPBACK}:{free_port()}/0"
    done = poolwise("learn", "gil", "--no-predict", "--broker", nowhere, cwd=tmp_path)
    assert done.returncode == 3
    assert "connection refused" in error(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_with_one_slot_gets_the_command_that_adds_slots(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as there:
        one = WorkerSpec(
            name="narrow", pool="threads", concurrency=1, queues=("q",), broker_url=there.broker_url
        )
        there.start_workers([one])
        words = ("learn", "gil", "--no-predict", "--on-running", "--broker", there.broker_url)
        done = poolwise(*words, cwd=tmp_path)
    assert done.returncode == 4
    assert "poolwise switch narrow@poolwise --pool threads --concurrency 4" in error(done.stderr)


def test_options_before_the_lesson_override_the_environment(tmp_path: Path) -> None:
    words = ("learn", "--pools", "solo", "gil")
    done = poolwise(*words, cwd=tmp_path, env={"POOLWISE_POOLS": "threads"})
    assert done.returncode == 2
    assert "gil does not use solo" in error(done.stderr)


def test_a_broker_that_stops_during_a_lesson_gets_a_one_line_error(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as there:
        words = (*LONG, "--pools", "threads", "--broker", there.broker_url)
        with running(*words, folder=tmp_path) as lesson:
            lesson.until(lambda: "threads: no pause" in lesson.output())
            there.close()
            assert lesson.ended() == 3
            assert "lost the connection to the broker" in error(lesson.output())


def test_without_gevent_the_error_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_GEVENT)
    done = poolwise("learn", "gil", "--no-predict", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    line = error(done.stderr)
    assert "pip install gevent" in line
    assert "--pools" in line


def test_a_broker_without_workers_gets_one_line(tmp_path: Path) -> None:
    with LocalCluster(tmp_path) as empty:
        words = ("learn", "gil", "--no-predict", "--on-running", "--broker", empty.broker_url)
        done = poolwise(*words, cwd=tmp_path)
        assert done.returncode == 4
        assert "no worker answers" in error(done.stderr)
        assert held(empty.redis) == set()
