"""A shutdown or a lost connection loses no task, runs none twice, and a shutdown ends."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.local import RunningWorker
from tasks.transport_options import TRANSPORTS
from tests.faults.place import Place, private_place

#: More than fits into the pipe to a process, which then holds only a part of the task.
PADDING = "x" * 1_000_000
#: A task in a pipe is longer than the bytes with which threads and processes wake each other.
WAKE_UP_BYTES = 100


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with private_place(tmp_path) as opened:
        yield opened


def _wait_for_received(place: Place, worker: RunningWorker, child: psutil.Process) -> None:
    """Wait until a task is in the pipe to a suspended process.

    The worker reserves a task before it writes it; a shutdown in between hands it back.
    """
    place.until(lambda: max(_unread_bytes(child.pid)) > WAKE_UP_BYTES, 20, worker)


def _unread_bytes(pid: int) -> Iterator[int]:
    """Yield how many bytes wait in each pipe of a process. Source: pipe(7)."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        if str(file.readlink()).startswith("pipe:"):
            opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
            try:
                counted = fcntl.ioctl(opened, termios.FIONREAD, bytes(4))
                yield int.from_bytes(counted, sys.byteorder)
            finally:
                os.close(opened)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_cold_shutdown_of_a_gevent_worker_is_orderly_and_loses_nothing(
    transport: str, place: Place
) -> None:
    """The signal comes while the event loop waits, in which Celery's handler may not wait."""
    worker = place.start("worker", "gevent", transport=transport)
    ids = {place.send("io.sleep", 40) for _ in range(2)}
    place.until(lambda: place.busy(worker.spec.node) == len(ids), 10, worker)
    os.kill(worker.child.pid, signal.SIGQUIT)
    place.until(lambda: not worker.child.alive, 30, worker)
    assert "BlockingSwitchOutError" not in worker.child.log.read_text()
    waiting = [json.loads(text) for text in place.server.lrange(place.queue, 0, -1)]
    assert {one["headers"]["id"] for one in (*waiting, *place.held())} == ids


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_task_that_a_process_has_received_runs_once_in_a_warm_shutdown(
    transport: str, place: Place
) -> None:
    """Celery drops a task that its process has not reported as started, but it runs anyway."""
    worker = place.start("worker", "prefork", slots=1, transport=transport)
    [child] = psutil.Process(worker.child.pid).children()
    child.suspend()
    task_id = place.send("io.sleep", 0.1)
    _wait_for_received(place, worker, child)
    os.kill(worker.child.pid, signal.SIGTERM)
    place.until(lambda: not place.server.client_list(_type="pubsub"), 20, worker)
    child.resume()
    place.until(lambda: not worker.child.alive, 60, worker)
    assert place.runs(task_id) == 1
    place.start("other", "threads", transport=transport)
    later = place.send("io.sleep", 0)
    place.until(lambda: place.runs(later) == 1, 20)
    assert place.runs(task_id) == 1
    assert place.client.AsyncResult(task_id).state == "SUCCESS"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
def test_a_task_that_a_process_has_received_in_part_runs_once(
    transport: str, number: signal.Signals, place: Place
) -> None:
    """The process would take what follows for the rest of the task, and the worker never ended."""
    worker = place.start("worker", "prefork", slots=1, transport=transport)
    [child] = psutil.Process(worker.child.pid).children()
    child.suspend()
    task_id = place.send("io.sleep", 0.1, headers={"padding": PADDING})
    _wait_for_received(place, worker, child)
    os.kill(worker.child.pid, number)
    place.until(lambda: not place.client.control.ping([worker.spec.node]), 20, worker)
    child.resume()
    place.until(lambda: not worker.child.alive, 60, worker)
    place.start("other", "threads", transport=transport)
    place.until(lambda: place.runs(task_id) == 1, 20)
    later = place.send("io.sleep", 0)
    place.until(lambda: place.runs(later) == 1, 20)
    assert place.runs(task_id) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_task_that_a_process_has_received_runs_once_if_the_connection_is_lost(
    transport: str, place: Place
) -> None:
    worker = place.start("worker", "prefork", slots=1, transport=transport)
    [child] = psutil.Process(worker.child.pid).children()
    child.suspend()
    task_id = place.send("io.sleep", 0.1)
    _wait_for_received(place, worker, child)
    for kind in ("normal", "pubsub"):
        place.server.client_kill_filter(_type=kind, skipme=True)
    place.until(lambda: "Connection to broker lost" in worker.child.log.read_text(), 20, worker)
    place.until(lambda: place.server.client_list(_type="pubsub"), 20, worker)
    child.resume()
    place.until(lambda: place.runs(task_id), 20, worker)
    later = place.send("io.sleep", 0)
    place.until(lambda: place.runs(later), 20, worker)
    assert place.runs(task_id) == 1
