"""The thread that writes the records survives errors of its own, counts them, and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import redis

from cluster.wait import wait_until
from tests.integration.test_probe import note_of, server_at
from tests.shared_session import SharedSession
from worker import probe

BOUND_S = 20.0
LAST = 99
#: What fails: the object, its attribute, and which of its calls.
FAULTS: dict[str, tuple[Any, str, range]] = {
    "row": (probe, "_own", range(1)),
    "encoder": (probe, "_ENCODER", range(2)),
    "clock": (probe.Clock, "read", range(2)),
    "command": (probe._Line, "send", range(2)),
    "gauge": (probe.Gauge, "read", range(1_000)),
}


def failing(real: Callable[..., Any], calls: range) -> Callable[..., Any]:
    """Return a function that raises in some of its calls."""
    number = count()

    def function(*args: Any, **kwargs: Any) -> Any:
        if next(number) in calls:
            raise ValueError("made to fail")
        return real(*args, **kwargs)

    return function


def entries(server: redis.Redis, node: str) -> list[dict[str, Any]]:
    """Return what the recorder has written."""
    stream: Any = server.xrange(probe.STREAM)
    bodies = [json.loads(fields[b"b"]) for _, fields in stream]
    return [body for body in bodies if body["node"] == node]


def written(server: redis.Redis, node: str) -> set[str]:
    """Return the ids of the tasks in the written rows."""
    return {row[1] for entry in entries(server, node) for row in entry["rows"]}


@pytest.fixture
def recorder(shared: SharedSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[probe.Recorder]:
    monkeypatch.setattr(probe, "_errors", probe._Errors())
    server = server_at(shared.cluster.broker_url)
    pool = SimpleNamespace(num_processes=1, limit=1, info={})
    queues = SimpleNamespace(consume_from={})
    consumer = SimpleNamespace(pool=pool, app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)))
    recorder = probe.Recorder(
        server, node=str(uuid4()), pool=object(), slots=1, gauge=probe.Gauge(consumer)
    )
    yield recorder
    recorder.stop()


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_does_not_end_the_writer(
    fault: str,
    shared: SharedSession,
    recorder: probe.Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place, name, calls = FAULTS[fault]
    node = str(recorder._about["node"])
    real = getattr(place, name)
    broken = (
        SimpleNamespace(encode=failing(real.encode, calls))
        if fault == "encoder"
        else failing(real, calls)
    )
    monkeypatch.setattr(place, name, broken)
    server = shared.cluster.redis
    recorder.notes.extend(note_of(number) for number in range(5))
    recorder.start()
    wait_until(lambda: entries(server, node), BOUND_S, lambda: AssertionError("no entry"))
    recorder.notes.append(note_of(LAST))
    wait_until(
        lambda: str(LAST) in written(server, node), BOUND_S, lambda: AssertionError("no row")
    )
    recorder.stop()
    last = entries(server, node)[-1]
    assert last["kind"] == "stopped"
    assert last["errors"] >= 1
    assert caplog.text.count("an error in the probe") == 1


def test_rows_are_written_even_if_a_reply_makes_no_sense(
    shared: SharedSession, recorder: probe.Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unknown whether the entry was written, so its rows are sent again."""
    node = str(recorder._about["node"])
    monkeypatch.setattr(probe._Line, "settle", failing(probe._Line.settle, range(3, 40, 7)))
    recorder.start()
    for number in range(20):
        recorder.notes.append(note_of(number))
        wait_until(
            lambda number=number: str(number) in written(shared.cluster.redis, node),  # type: ignore[misc]
            BOUND_S,
            lambda: AssertionError("no row"),
        )
    recorder.stop()
    assert entries(shared.cluster.redis, node)[-1]["kind"] == "stopped"


def test_one_note_that_makes_no_row_does_not_take_the_others_with_it(
    shared: SharedSession, recorder: probe.Recorder
) -> None:
    node = str(recorder._about["node"])
    wrong = (None, "wrong", "task", 1, 1, "no time", 0.0, 3, "succeeded", False, None)
    recorder.notes.extend([note_of(1), wrong, note_of(2)])
    recorder.start()
    recorder.stop()
    assert written(shared.cluster.redis, node) == {"1", "2"}
    assert entries(shared.cluster.redis, node)[-1]["errors"] == 1
