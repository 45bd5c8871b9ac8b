"""The threads behind the page survive the loss of the broker, and faults, and say what is wrong."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import Celery
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

import monitor.reading.queue_follower
from cluster.broker import start_broker
from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from monitor.findings.recent import Recent
from monitor.page.handlers import HEALTH
from monitor.reading.event_queue import NEW_S
from monitor.storing.stored_steps import StoredSteps
from producer.records import Batch, RecordReader
from worker.probe import ROW, STREAM, VERSION

BOUND_S = 30.0
NAMES = ("trouble", "queues_trouble")


class Background:
    """A collector that follows a broker which may be away, outside of any Flower."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry, self.port = Reaper(), free_port()
        self.broker: Child | None = None
        app = Celery(broker=f"redis://{LOOPBACK}:{self.port}/0")
        # kombu gives up on a broker after 0.2 s, instead of 4 s, and raises an error of its own.
        app.conf.broker_transport_options = {"connect_retries_timeout": 0.2, "interval_start": 0.05}
        self.collector = Collector(app)
        state = SimpleNamespace(workers={}, tasks={})
        self.events = SimpleNamespace(state=state, on_event=lambda _: None, is_alive=lambda: True)
        self.collector.attach(SimpleNamespace(events=self.events, workers={}))

    def start_broker(self) -> str:
        self.broker, url = start_broker(self.folder, self.registry, self.port)
        return url

    def close(self) -> None:
        self.collector.stop()
        assert self.collector.join(BOUND_S)
        if self.broker is not None:
            self.broker.kill()
        self.registry.close()

    def note_success(self, node: str) -> None:
        """Let Flower receive the event of a task that a worker has finished."""
        event = {"type": "task-succeeded", "uuid": "id", "hostname": node, "timestamp": time.time()}
        self.events.on_event(event)

    @property
    def starts(self) -> list[int]:
        return [
            supervisor.starts
            for supervisor in self.collector.supervisors
            if supervisor.health.what != "findings"  # which need no broker
        ]

    def finished_once_known(self) -> int:
        """Return how many tasks have finished, once it is known which workers have a probe."""
        asked_s = self.answer()["now"]
        # A second counts once it is over.
        found = self.until(lambda answer: answer["now"] > asked_s + NEW_S + 2)["finished"]
        assert isinstance(found, int)
        return found

    def answer(self) -> dict[str, Any]:
        """Do what Flower's loop does twice a second, and return the page's data."""
        self.collector.tend()
        return self.collector.respond(Query(), None)

    def until(self, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until an answer meets a condition; return it."""
        return wait_until(
            lambda: found if met(found := self.answer()) else {},
            BOUND_S,
            lambda: AssertionError(json.dumps(self.answer()["source"])),
        )

    def until_trouble(self, *expected: bool) -> dict[str, Any]:
        """Wait until there is trouble with the records and with the queues, or none."""
        found = self.until(
            lambda one: tuple(bool(one["source"][name]) for name in NAMES) == expected
        )
        source: dict[str, Any] = found["source"]
        return source


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    """Make a collector whose broker is away."""
    found = Background(tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_a_broker_that_comes_late_is_followed(background: Background) -> None:
    background.until(lambda _: min(background.starts) >= 3)
    source = background.until_trouble(True, True)
    assert source["trouble"] == source["queues_trouble"] == "connection refused"
    background.start_broker()
    background.until_trouble(False, False)
    background.until(lambda answer: answer["recent"]["waiting"] == 0)
    assert background.answer()["source"]["faults"] == 0
    assert background.collector.stuck() == []


def test_a_broker_that_was_killed_is_followed_again(background: Background) -> None:
    background.start_broker()
    background.until_trouble(False, False)
    assert background.broker is not None
    background.broker.kill()
    before = background.starts
    background.until_trouble(True, True)
    # Long enough that kombu has raised its own error, too.
    background.until(
        lambda _: all(now >= was + 3 for now, was in zip(background.starts, before, strict=True))
    )
    background.start_broker()
    background.until_trouble(False, False)
    assert background.answer()["source"]["faults"] == 0


JOBS = {
    "records": (RecordReader, "read", "trouble"),
    "queue depths": (monitor.reading.queue_follower, "depths", "queues_trouble"),
    "history": (StoredSteps, "take", "history_trouble"),
    "findings": (Recent, "window", "findings_trouble"),
}


@pytest.mark.parametrize("error", [ValueError("a secret"), SystemExit(1)])
@pytest.mark.parametrize("job", JOBS)
def test_a_thread_that_fails_is_reported_and_started_again(
    job: str, error: BaseException, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, trouble = JOBS[job]
    background.start_broker()
    background.until(lambda answer: not answer["source"][trouble])

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(owner, name, fail)
        source = background.until(lambda answer: bool(answer["source"][trouble]))["source"]
    assert source[trouble] == f"{type(error).__name__}; Flower's log has the details"
    assert source["faults"] >= 1
    background.until(lambda answer: not answer["source"][trouble])


def test_events_that_cannot_be_added_are_reported(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    background.start_broker()
    background.until_trouble(False, False)
    with monkeypatch.context() as broken:
        broken.setattr("monitor.reading.task_events.EventListener.collect", None)
        assert background.answer()["source"]["events_trouble"].startswith("TypeError;")
    source = background.answer()["source"]
    assert (source["events_trouble"], source["faults"]) == ("", 1)


#: What a worker with a probe writes when it has nothing to do.
IDLE = {
    **{"v": VERSION, "kind": "gauge", "node": "probed@x", "pool": "threads", "slots": 4},
    **{"pid": 1, "seq": 1, "dropped": 0, "error_s": 0.001, "offset_s": 0.0, "rows": []},
}


def test_no_event_counts_before_the_first_records_are_read(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with a probe reports each task twice: in a record, and in an event."""
    server = redis.Redis.from_url(background.start_broker())
    server.xadd(STREAM, {"b": json.dumps(IDLE)})
    reading, may_read = threading.Event(), threading.Event()
    read = RecordReader.read

    def late(reader: RecordReader, timeout_s: float) -> list[Batch]:
        reading.set()
        assert may_read.wait(BOUND_S)
        return read(reader, timeout_s)

    monkeypatch.setattr(RecordReader, "read", late)
    background.until(lambda _: reading.is_set())
    background.note_success("probed@x")
    background.answer()
    may_read.set()
    background.until_trouble(False, False)
    background.note_success("probed@x")
    background.note_success("plain@x")
    assert background.finished_once_known() == 1


def test_a_new_workers_task_counts_once_although_its_event_is_faster_than_its_record(
    background: Background,
) -> None:
    server = redis.Redis.from_url(background.start_broker())
    background.until_trouble(False, False)
    background.note_success("probed@x")
    background.answer()  # the event is collected before the record is written
    now = int(time.time() * 1e6)
    known = {"task_id": "id", "task": "t", "slot": "1", "outcome": "succeeded", "finished": now}
    row = {**dict.fromkeys(ROW), "redelivered": False, "received": now, "started": now, **known}
    rows = [[row[name] for name in ROW]]
    server.xadd(STREAM, {"b": json.dumps({**IDLE, "kind": "rows", "rows": rows})})
    assert background.finished_once_known() == 1
    assert background.answer()["choices"]["pools"] == ["threads"]


@pytest.mark.parametrize("stuck", [[], ["records: KeyError", "queue depths: no answer for 31 s"]])
def test_the_health_check_fails_if_a_restart_might_help(stuck: list[str]) -> None:
    async def ask() -> tuple[int, str]:
        app = Application([HEALTH], throughput=SimpleNamespace(stuck=lambda: stuck))
        app.options = SimpleNamespace(basic_auth=None, auth=None)  # type: ignore[attr-defined]
        socket, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(socket)
        reply = await AsyncHTTPClient().fetch(
            f"http://{LOOPBACK}:{port}/healthcheck", raise_error=False
        )
        server.stop()
        await server.close_all_connections()
        return reply.code, reply.body.decode()

    assert asyncio.run(ask()) == ((503, "\n".join(stuck)) if stuck else (200, "OK"))
