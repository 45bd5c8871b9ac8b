"""Whatever answers to remote control, the commands that ask go on and show it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cluster.local import LocalCluster
from tasks.celery import app
from tests.command import poolwise

HALF = "half \ud800 a character"
NODE = "impostor@here"
#: Arguments of a task, which kombu turns into JSON and back.
ARGUMENTS = [datetime(2026, 1, 2, tzinfo=UTC), uuid4(), Decimal("0.1"), b"\xff"]
#: What a worker without tasks answers.
ANSWERS: dict[str, Any] = {
    "ping": {"ok": "pong"},
    "stats": {
        "pid": 1,
        "pool": {"implementation": "celery.concurrency.solo:TaskPool", "max-concurrency": 1},
        "rusage": {"utime": 1.0, "stime": 1.0},
        "prefetch_count": 4,
        "total": {},
    },
    "active_queues": [{"name": "mail"}],
    "conf": {},
    "registered": ["a.task"],
    "active": [],
    "reserved": [],
}
#: Complete answers to one request, by what is wrong with them.
WRONG: dict[str, Any] = {
    "half a character in the worker's name": {f"{HALF}@here": ANSWERS},
    "half a character in a queue": {NODE: {**ANSWERS, "active_queues": [{"name": HALF}]}},
    "half a character in a task": {NODE: {**ANSWERS, "registered": [HALF]}},
    "half a character in a task that runs": {
        NODE: {**ANSWERS, "active": [{"id": HALF, "name": HALF}]}
    },
    "half a character in a pool": {
        NODE: {**ANSWERS, "stats": {**ANSWERS["stats"], "pool": {"implementation": HALF}}}
    },
    "arguments that are no text": {
        NODE: {**ANSWERS, "active": [{"id": "1", "name": "a.task", "args": ARGUMENTS}]}
    },
    "errors": {NODE: {method: {"error": HALF} for method in ANSWERS}},
    "no worker's name": "pong",
    "a list of names": [NODE],
    "nothing": None,
    "a number": 7,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Start a broker without workers."""
    with LocalCluster(tmp_path_factory.mktemp("broker")) as cluster:
        yield cluster


@contextmanager
def answering(broker_url: str, wrong: Any) -> Iterator[set[str]]:
    """Answer all requests for a while, as a program does that can write to the broker.

    Yields the methods that were answered so far.
    """
    over, answered = threading.Event(), set[str]()
    with app.connection_for_write(broker_url) as connection:
        control: Any = app.control
        mailbox = control.mailbox(connection)
        mailbox.producer_pool = None  # it would send to the app's broker
        node = mailbox.Node(NODE, channel=connection.default_channel)

        def answer(body: dict[str, Any], _message: object) -> None:
            method, to = body["method"], body.get("reply_to")
            if to:
                data = wrong
                if isinstance(wrong, dict):
                    data = {name: answers.get(method) for name, answers in wrong.items()}
                node.reply(data, to["exchange"], to["routing_key"], body["ticket"])
                answered.add(method)

        def run() -> None:
            while not over.is_set():
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue

        with node.listen(callback=answer):
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            try:
                yield answered
            finally:
                over.set()
                thread.join(10)


#: Those whose text an observation shows, or whose form it reads.
OBSERVED = [name for name in WRONG if name.endswith(("worker's name", "queue", "pool", "no text"))]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((["workers"], name) for name in WRONG),
        *((["observe", "--for", "5s"], name) for name in OBSERVED),
    ],
)
def test_a_command_goes_on_whatever_answers(
    command: list[str], name: str, cluster: LocalCluster, tmp_path: Path
) -> None:
    with answering(cluster.broker_url, WRONG[name]) as answered:
        done = poolwise(*command, "--broker", cluster.broker_url, cwd=tmp_path)
    assert "ping" in answered
    assert done.returncode in {0, 1, 4}, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr
