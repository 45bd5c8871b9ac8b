"""What a collector measures and reports, without a broker."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from celery import Celery
from kombu import Queue

from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from monitor.collecting.sources import Sources
from monitor.history.gauge_history import GONE_S, MAX_QUEUES
from producer.records import Batch, Gauge
from tests.unit.producer.sample import record


def batch(node: str, queue: str, written_s: float, **changes: Any) -> Batch:
    """Return what the probe of a worker of one queue writes every second."""
    gauge = Gauge(
        up_s=5.0, slots=1, busy=0, queues=(queue,), cpu_s=None, memory_bytes=None, memory=None
    )
    known: dict[str, Any] = {
        "kind": "gauge",
        "node": node,
        "pool": "prefork",
        "slots": 1,
        "pid": 1,
        "seq": 0,
        "dropped": 0,
        "error_s": 0.0,
        "records": (),
        "gauge": gauge,
        "entry_id": (round(written_s * 1_000), 0),
    }
    return Batch(**(known | changes))


def collector(*lasting: str) -> Collector:
    """Return one that reads nothing by itself."""
    app = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    app.conf.task_queues = [Queue(name) for name in lasting]
    return Collector(app)


def left_out(found: Collector) -> int:
    """Return how many queues the page says are not measured."""
    count: int = found.respond(Query(), None)["left_out"]["queues"]
    return count


GONE = 3 * MAX_QUEUES


def test_queues_of_gone_workers_push_no_others_out() -> None:
    found = collector("zz-lasting")
    now_s = time.time()
    past_s = now_s - GONE_S - 10
    gone = [batch(f"{n}@x", f"a-gone-{n:03}", past_s + n / 1_000) for n in range(GONE)]
    found.add_batches([*gone, batch("live@x", "z-live", now_s)], now_s)
    names = found.queue_names()
    assert len(names) == MAX_QUEUES
    assert names[:2] == ["zz-lasting", "z-live"]
    assert names[2:4] == [f"a-gone-{GONE - 1:03}", f"a-gone-{GONE - 2:03}"]  # the last ones seen
    assert left_out(found) == 0


def test_queues_of_live_workers_without_room_are_counted() -> None:
    found, now_s = collector("a"), time.time()
    found.add_batches([batch(f"{n}@x", f"q-{n:03}", now_s) for n in range(150)], now_s)
    assert found.queue_names()[0] == "a"
    assert left_out(found) == 151 - MAX_QUEUES


def test_a_count_has_grown_when_flower_noticed_it_not_when_a_page_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Collector, "supervisors", [])  # no thread starts
    found, now_s = collector(), time.time()
    state = SimpleNamespace(workers={}, tasks={})
    events = SimpleNamespace(state=state, on_event=lambda _: None, is_alive=lambda: True)
    found.attach(SimpleNamespace(events=events, workers={}))
    for after_s, dropped in ((0, 0), (100, 3), (200, 3)):
        monkeypatch.setattr(Sources, "now_s", lambda _, at_s=now_s + after_s: at_s)
        one = batch("a@x", "q", now_s + after_s, dropped=dropped)
        found.add_batches([one], now_s + after_s)
        found.tend()
    monkeypatch.setattr(Sources, "now_s", lambda _: now_s + 1_000)
    source = found.respond(Query(), None)["source"]
    assert source["dropped_records"] == 3
    assert source["grew_at"] == {"dropped_records": round(now_s + 100, 3)}


HALF = "half a \ud800 character"


@pytest.fixture
def eventful(monkeypatch: pytest.MonkeyPatch) -> Collector:
    """Return a collector that knows workers only from events, and starts no thread."""
    monkeypatch.setattr(Collector, "supervisors", [])
    return Collector(Celery(broker="memory://", set_as_current=False))


def attached(found: Collector, **names: str) -> SimpleNamespace:
    """Attach a stand-in for Flower that knows one live worker and one task by these names."""
    known = {"node": "w@x", "task": "t", "id": "1", "queue": "q", "pool": "solo:TaskPool", **names}
    stats = {"pool": {"implementation": known["pool"], "max-concurrency": 2}}
    inspected = {known["node"]: {"stats": stats, "active_queues": [{"name": known["queue"]}]}}
    state = SimpleNamespace(
        workers={known["node"]: SimpleNamespace(alive=True, active=1)},
        tasks={known["id"]: SimpleNamespace(name=known["task"])},
    )
    events = SimpleNamespace(state=state, on_event=lambda _: None, is_alive=lambda: True)
    found.attach(SimpleNamespace(events=events, workers=inspected, update_workers=lambda: None))
    now_s = time.time()
    for kind in ("received", "succeeded"):
        event = {"type": f"task-{kind}", "timestamp": now_s, "name": known["task"]}
        events.on_event({**event, "hostname": known["node"], "uuid": known["id"]})
    found.tend()
    return events


@pytest.mark.parametrize("part", ["node", "task", "id", "queue", "pool"])
def test_half_a_character_in_a_name_leaves_the_page_working(part: str, eventful: Collector) -> None:
    attached(eventful, **{part: HALF})
    answer = eventful.respond(Query(by="worker"), None)
    msgspec.json.encode((answer, eventful.queue_names()))
    [worker], choices = answer["recent"]["workers"], answer["choices"]
    names = {"node": worker["worker"], "queue": worker["queues"][0], "task": choices["tasks"][0]}
    assert choices["workers"] == [names["node"]]
    assert names.get(part, "half a ? character") == "half a ? character"


#: The name in an event of a worker that stops, and what is shown of a worker named w@x.
STOPPED: dict[str, tuple[Any, str]] = {
    "its own": ("w@x", "stopped"),
    "another": ("v@x", "silent"),
    "too long": ("w@x" * 1_000, "silent"),
    "none": (None, "silent"),
    "a list": (["w@x"], "silent"),
}


def states(found: Collector, after_s: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the states of the workers so many seconds from now."""
    now_s = time.time() + after_s
    monkeypatch.setattr(Sources, "now_s", lambda _: now_s)
    return [one["state"] for one in found.respond(Query(), None)["recent"]["workers"]]


@pytest.mark.parametrize("name", STOPPED)
def test_a_worker_without_a_probe_that_stops_is_not_silent(
    name: str, eventful: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = attached(eventful)
    node, state = STOPPED[name]
    events.on_event({"type": "worker-offline", "hostname": node, "timestamp": time.time()})
    eventful.tend()
    events.state.workers.clear()
    eventful.tend()
    assert states(eventful, GONE_S + 1, monkeypatch) == [state]


def test_a_worker_whose_name_is_mended_stops_too(
    eventful: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = attached(eventful, node=HALF)
    events.on_event({"type": "worker-offline", "hostname": HALF})
    eventful.tend()
    events.state.workers.clear()
    assert states(eventful, GONE_S + 1, monkeypatch) == ["stopped"]


def test_a_worker_that_starts_again_is_there(
    eventful: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = attached(eventful)
    events.on_event({"type": "worker-offline", "hostname": "w@x"})
    eventful.tend()
    assert states(eventful, 0, monkeypatch) == ["stopped"]
    eventful.tend()  # it has sent a heartbeat
    assert states(eventful, 0, monkeypatch) == ["here"]


def test_the_probe_of_a_worker_reports_its_end_itself(
    eventful: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.time()
    eventful.add_batches([batch("w@x", "q", now_s)], now_s)
    events = attached(eventful)
    events.on_event({"type": "worker-offline", "hostname": "w@x"})
    eventful.tend()
    assert states(eventful, 0, monkeypatch) == ["here"]
    eventful.add_batches([batch("w@x", "q", now_s, kind="stopped", gauge=None)], now_s)
    assert states(eventful, 0, monkeypatch) == ["stopped"]


@pytest.mark.parametrize("back_s", [0, 11, 600, 5_000])
def test_after_the_clock_was_set_back_the_page_shows_what_is_read(
    back_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, now_s = collector(), float(int(time.time()))
    found.begin(now_s, now_s - 60)
    for after_s in range(-10, 0):
        found.add_batches([batch("w@here", "q", now_s + after_s)], now_s + after_s)
    then_s = now_s - back_s
    for after_s in range(1, 10):  # the server goes on with the number of its last entry
        written_s = now_s if back_s else then_s + after_s
        records = (record(str(after_s), at=then_s + after_s - 0.5),)
        one = batch("w@here", "q", 0, records=records, entry_id=(round(1_000 * written_s), after_s))
        found.add_batches([one], then_s + after_s)
    monkeypatch.setattr(Sources, "now_s", lambda _: then_s + 10)
    answer = found.respond(Query(), None)
    assert answer["source"]["misdated_records"] == 0
    assert answer["recent"]["finished_per_s"] == 1.0
    [worker] = answer["recent"]["workers"]
    assert (worker["state"], worker["seen"]) == ("here", then_s + 9)


def test_workers_are_inspected_even_if_the_clock_was_set_back(
    eventful: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.collecting.collector.INSPECT_EVERY_S", 0.0)
    asked: list[float] = []
    state = SimpleNamespace(workers={"w@x": SimpleNamespace(alive=True, active=1)}, tasks={})
    events = SimpleNamespace(state=state, on_event=lambda _: None, is_alive=lambda: True)
    eventful.attach(
        SimpleNamespace(events=events, workers={}, update_workers=lambda: asked.append(0.0))
    )
    now_s = time.time()
    for at_s in (now_s, now_s - 600):
        monkeypatch.setattr(Sources, "now_s", lambda _, at_s=at_s: at_s)
        eventful.tend()
    assert len(asked) == 2
