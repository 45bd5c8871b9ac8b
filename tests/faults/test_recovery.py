"""The work of a worker that dies starts elsewhere soon, and that of one that lives does not."""

from __future__ import annotations

import copy
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Exchange, Queue

from cluster.local import RunningWorker
from tests.faults.malformed import SOUND
from tests.faults.place import KEYS, Place, kill, private_place
from worker.delivery.limits import ALIVE_S
from worker.pools import POOLS

#: Seconds within which the work of a killed worker starts elsewhere.
RECOVERY_S = 15.0
#: Pools that notice a lost connection while a task runs.
NOTICING = [pool for pool in POOLS if pool != "solo"]
#: A visibility timeout that every task here exceeds.
IMPATIENT = {"POOLWISE_BROKER_OPTIONS": json.dumps({"visibility_timeout": 1})}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with private_place(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("pool", POOLS)
def test_the_work_of_a_killed_worker_starts_elsewhere(pool: str, place: Place) -> None:
    victim = place.start("victim", pool)
    number = 1 if POOLS[pool].fixed_concurrency else 3
    ids = [place.send("io.sleep", 2 * RECOVERY_S) for _ in range(number)]
    place.until(lambda: len(place.held(victim.spec.node)) == number, 10, victim)
    rescuer = place.start("rescuer", "threads")
    kill(victim)
    place.until(lambda: len(place.held(rescuer.spec.node)) == number, RECOVERY_S, rescuer)
    messages = place.held(rescuer.spec.node)
    assert {message["headers"]["id"] for message in messages} == set(ids)
    assert all(message["headers"]["redelivered"] for message in messages)
    assert all(message["properties"]["delivery_info"]["redelivered"] for message in messages)


@pytest.mark.parametrize("pool", POOLS)
def test_a_task_longer_than_the_visibility_timeout_runs_once(pool: str, place: Place) -> None:
    worker = place.start("worker", pool, env=IMPATIENT)
    place.start("idle", "threads", env=IMPATIENT)
    task_id = place.send("io.sleep", 4)
    again: list[object] = []

    def ended() -> bool:
        again.extend(one for one in place.held() if one["headers"].get("redelivered"))
        return bool(place.runs(task_id))

    place.until(ended, 20, worker)
    place.until(place.settled, 5, worker)
    assert not again, "it was delivered again while it ran"
    assert place.runs(task_id) == 1


def test_a_stalled_worker_that_comes_back_harms_nothing(place: Place) -> None:
    """Its late acknowledgement must not end the delivery to the worker that took over."""
    workers = [place.start(name, "threads") for name in ("one", "other")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(RECOVERY_S)
        task_id = place.send("io.fetch", *server.getsockname(), 0)
        first, _ = server.accept()  # a task runs until its connection is answered
        place.until(place.held, 10, *workers)
        stalled, rescuer = sorted(workers, key=lambda worker: not place.held(worker.spec.node))
        os.killpg(stalled.child.pid, signal.SIGSTOP)
        try:
            second, _ = server.accept()
        finally:
            os.killpg(stalled.child.pid, signal.SIGCONT)
        assert len(place.held(rescuer.spec.node)) == 1
        _answer(first)
        place.until(lambda: place.runs(task_id) == 1, 10, stalled)
        time.sleep(1)  # the acknowledgement follows; that it does nothing takes time to be seen
        assert len(place.held(rescuer.spec.node)) == 1, "the late acknowledgement reached the other"
        _answer(second)
        place.until(lambda: place.runs(task_id) == 2, 20, rescuer)
        place.until(place.settled, 5, rescuer)
    assert not place.dead()


def _answer(connection: socket.socket) -> None:
    """Answer the request of a task, which ends it."""
    with connection:
        connection.sendall(b"answer")


def test_a_blocked_event_loop_does_not_stop_the_heart(place: Place) -> None:
    """Under gevent, a task that computes keeps everything else in the process waiting."""
    worker = place.start("blocked", "gevent", slots=1)
    task_id = place.send("cpu.burn", 10**9)
    place.until(lambda: place.held(worker.spec.node), 10, worker)
    [owner] = place.server.hkeys(KEYS.owners)
    end_s = time.monotonic() + ALIVE_S + 4
    while time.monotonic() < end_s:
        assert place.server.exists(KEYS.alive(owner.decode())), "the heart has stopped"
        assert not place.runs(task_id), "the task must block the loop until the end"
        time.sleep(0.2)  # between two looks; that nothing happens takes time to be seen


def test_messages_under_the_keys_of_older_versions_are_restored(place: Place) -> None:
    worker = place.start("worker", "threads", env=IMPATIENT)
    task_id = place.send("io.sleep", 0.1)
    place.until(lambda: place.runs(task_id), 10, worker)
    [message] = _sent_while_stopped(place, worker.child.pid)
    place.server.hset(KEYS.held(), "old", json.dumps([message, "", place.queue]))
    place.server.zadd(KEYS.index_of(), {"old": time.time() - 60})
    place.until(lambda: place.runs(message["headers"]["id"]), 20, worker)
    place.until(place.settled, 5, worker)


def test_messages_of_other_workers_return_to_every_queue_that_their_exchange_names(
    place: Place,
) -> None:
    """kombu notes the exchange. Its bindings are in Redis, but not its type."""
    shop, bank = Exchange("shop", type="topic"), Exchange("bank")
    with place.client.connection_for_write() as connection:
        for queue in (
            *(Queue("orders", shop, "order.#"), Queue("log", shop, "#")),
            *(Queue("mail", shop, "mail.*"), Queue("money", bank, "paid")),
        ):
            queue(connection.default_channel).declare()
    notes = {("shop", "order.new"): "topic", ("bank", "paid"): "direct", ("bank", "no"): "unbound"}
    for (exchange, key), tag in notes.items():
        place.server.hset(KEYS.held(), tag, json.dumps([SOUND, exchange, key]))
        place.server.zadd(KEYS.index_of(), {tag: time.time() - 60})
    worker = place.start("worker", "threads", env=IMPATIENT)
    place.until(lambda: place.server.hkeys(KEYS.held()) == [b"unbound"], 20, worker)
    lengths = {name: place.server.llen(name) for name in ("orders", "log", "mail", "money", "no")}
    assert lengths == {"orders": 1, "log": 1, "mail": 0, "money": 1, "no": 0}


def test_a_note_that_cannot_be_read_keeps_no_other_back(place: Place) -> None:
    worker = place.start("worker", "threads")
    task_id = place.send("io.sleep", 0.1)
    place.until(lambda: place.runs(task_id), 10, worker)
    half = copy.deepcopy(SOUND)
    half["headers"]["id"] = "\ud800"
    notes = {
        "half": json.dumps([half, "", place.queue]),
        "no-json": "hello",
        "no-queue": json.dumps([SOUND, "", "\ud800"]),
        "sound": json.dumps([SOUND, "", place.queue]),
    }
    place.server.hset(KEYS.owners, "gone", "gone@host")
    place.server.zadd(KEYS.index_of("gone"), dict.fromkeys(notes, 1))
    place.server.hset(KEYS.held("gone"), mapping=notes)
    place.until(lambda: place.runs(SOUND["headers"]["id"]), 25, worker)
    place.until(place.dead, 5, worker)
    [letter] = place.dead()
    assert json.loads(letter[b"message"])["headers"]["id"] == "\ud800"
    assert set(place.server.hkeys(KEYS.held("gone"))) == {b"no-json", b"no-queue"}
    assert worker.child.log.read_text().count("cannot restore the message") == 2
    assert worker.child.alive


def _sent_while_stopped(place: Place, pid: int) -> list[dict[str, dict[str, str]]]:
    """Send a task, and take its message out of the queue."""
    os.killpg(pid, signal.SIGSTOP)
    try:
        time.sleep(1.5)  # the server answers the worker's last BRPOP within 1 s
        place.send("io.sleep", 0.1)
        return [json.loads(place.server.rpop(place.queue))]
    finally:
        os.killpg(pid, signal.SIGCONT)


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_that_ends_leaves_nothing_registered(pool: str, place: Place) -> None:
    worker = place.start("worker", pool)
    task_id = place.send("io.sleep", 0.1)
    place.until(lambda: place.runs(task_id), 10, worker)
    os.kill(worker.child.pid, signal.SIGTERM)
    place.until(lambda: not worker.child.alive, 20, worker)
    assert list(place.server.scan_iter("poolwise:unacked*")) == []


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_resumes_after_its_connections_are_cut(pool: str, place: Place) -> None:
    """What ran goes on, once; kombu would put it back and run it twice."""
    worker = place.start("worker", pool)
    number = 1 if POOLS[pool].fixed_concurrency else 2
    ids = [place.send("io.sleep", 3) for _ in range(number)]
    place.until(lambda: len(place.held(worker.spec.node)) == number, 10, worker)
    _reconnect(place, worker)
    place.until(lambda: all(place.runs(one) for one in ids), 10, worker)
    place.until(place.settled, 5, worker)
    assert [place.runs(one) for one in ids] == [1] * number


#: A project whose task waits for an answer; at its first delivery, it then ends in a given way.
PROJECT = """
import os
import signal
import socket

from celery import Celery
from celery.exceptions import Reject

app = Celery("again")
app.config_from_object("tasks.settings")

def reject():
    raise Reject("later", requeue=True)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def exhaust():
    raise MemoryError

ENDS = {"reject": reject, "die": die, "exhaust": exhaust, "never": None}

@app.task(name="again.wait", bind=True)
def wait(self, host, port, end):
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.recv(100)
    if not self.request.delivery_info["redelivered"]:
        ENDS[end]()
"""


ENDS = [
    *((pool, "reject") for pool in NOTICING),
    *((pool, "exhaust") for pool in NOTICING),
    *((pool, "die") for pool in NOTICING if POOLS[pool].survives_task_death),
]


@pytest.mark.parametrize(("pool", "end"), ENDS)
def test_a_task_that_is_put_back_after_a_reconnection_runs_again(
    pool: str, end: str, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "again.py").write_text(PROJECT)
    worker = place.start("worker", pool, app="again", folder=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(RECOVERY_S)
        place.send("again.wait", *server.getsockname(), end)
        first, _ = server.accept()
        _reconnect(place, worker)
        _answer(first)
        second, _ = server.accept()
        _answer(second)
    place.until(place.settled, 10, worker)
    assert worker.child.alive


def _reconnect(place: Place, worker: RunningWorker) -> None:
    """Cut the connections of a worker, and wait until it has connected again."""
    _cut(place)
    later = place.send("io.sleep", 0.1)
    place.until(lambda: place.runs(later), 20, worker)


def _cut(place: Place) -> None:
    place.server.client_kill_filter(_type="normal", skipme=True)
    place.server.client_kill_filter(_type="pubsub", skipme=True)


#: A worker that stops its running tasks when it loses its connection.
STOPPING = """
app.conf.worker_cancel_long_running_tasks_on_connection_loss = True
"""


@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_a_task_that_is_stopped_because_the_connection_is_lost_runs_again(
    pool: str, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "again.py").write_text(PROJECT + STOPPING)
    worker = place.start("worker", pool, app="again", folder=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(RECOVERY_S)
        place.send("again.wait", *server.getsockname(), "never")
        first, _ = server.accept()
        place.until(lambda: place.held(worker.spec.node), 10, worker)
        _cut(place)
        with first:
            assert first.recv(100) == b"", "the task was not stopped"
        second, _ = server.accept()
        _answer(second)
    place.until(place.settled, 10, worker)
    assert worker.child.alive


#: A worker that fetches a task for each of its slots in advance.
FETCHING = """
app.conf.worker_prefetch_multiplier = 2
"""


def test_a_task_that_waits_for_a_thread_while_the_connection_is_cut_runs_once(
    place: Place, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker, connection, ids = _with_one_waiting(place, tmp_path, server)
        _cut(place)
        later = place.send("io.sleep", 0.1)  # behind the waiting one, if that has been put back
        place.until(lambda: len(place.held(worker.spec.node)) == 3, 20, worker)
        _answer(connection)
    place.until(lambda: place.runs(later), 10, worker)
    place.until(place.settled, 10, worker)
    assert [place.runs(one) for one in (*ids, later)] == [1, 1, 1]


def test_a_task_that_waits_for_a_thread_is_not_lost_when_the_worker_shuts_down(
    place: Place, tmp_path: Path
) -> None:
    """Either it runs or it is put back. The remote command leaves no mark in Celery's state."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker, connection, (_, waiting) = _with_one_waiting(place, tmp_path, server)
        place.client.control.shutdown()
        place.until(lambda: "from remote" in worker.child.log.read_text(), 10, worker)
        _answer(connection)
    place.until(lambda: not worker.child.alive, 20, worker)
    assert place.server.llen(place.queue) + place.runs(waiting) == 1
    assert not place.held()


def _with_one_waiting(
    place: Place, folder: Path, server: socket.socket
) -> tuple[RunningWorker, socket.socket, list[str]]:
    """Start a worker whose only thread runs a task while another waits for the thread."""
    (folder / "again.py").write_text(PROJECT + FETCHING)
    worker = place.start("worker", "threads", slots=1, app="again", folder=folder)
    server.settimeout(RECOVERY_S)
    running = place.send("io.fetch", *server.getsockname(), 0)
    connection, _ = server.accept()
    waiting = place.send("io.sleep", 0.1)
    place.until(lambda: len(place.held(worker.spec.node)) == 2, 10, worker)
    return worker, connection, [running, waiting]
