"""Whatever somebody writes to the record stream, those who read it go on, and count it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from celery import Celery

from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from monitor.findings.judge import Judge
from monitor.findings.recent import Recent
from monitor.reading.inspection import Delivery
from producer.records import RecordReader
from worker.probe import HEADER_KEYS, ROW, VERSION

#: Stands for a value that JSON cannot hold, in Python's JSON.
NAN, INFINITY = float("nan"), float("-inf")
MISSING = object()
LONG = "x" * 100_000

#: For each type, a value that never fits a field of that type.
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "a word": "x",
    "an empty word": "",
    "a long word": LONG,
    "half a character": "\ud800",
    "a list": ["x"],
    "an object": {"x": 1},
    "a fraction": 0.5,
    "negative": -1,
    "huge": 10**30,
    "very huge": 10**4_000,
    "NaN": NAN,
    "infinite": INFINITY,
    "missing": MISSING,
}
NAMES = frozenset(("null", "true", "a list", "an object", "missing", "a long word")) | {
    *("half a character", "a fraction", "negative", "huge", "very huge", "NaN", "infinite"),
}
COUNTS, SECONDS = frozenset(VALUES), frozenset(VALUES) - {"a fraction"}


def optional(values: frozenset[str]) -> frozenset[str]:
    return values - {"null"}


#: The fields of each part of an entry, and the values that do not fit them.
ENTRY = {
    "v": COUNTS,
    "kind": NAMES,
    "node": NAMES,
    "pool": NAMES,
    "slots": COUNTS,
    "pid": COUNTS,
    "seq": COUNTS,
    "dropped": COUNTS,
    "error_s": SECONDS,
    "offset_s": SECONDS - {"negative"},
    "rows": frozenset(VALUES),
}
GAUGE = {
    "up_s": SECONDS,
    "slots": COUNTS,
    "busy": COUNTS,
    "queues": frozenset(VALUES) - {"a list"},
    "cpu_s": optional(SECONDS),
    "memory_bytes": optional(COUNTS),
    "memory": optional(NAMES),
}
ROWS = {
    "header": optional(frozenset(VALUES)) - {"an object"},
    "task_id": NAMES,
    "task": NAMES,
    "slot": optional(NAMES),
    "received": COUNTS,
    "started": optional(COUNTS),
    "finished": COUNTS,
    "outcome": NAMES,
    "redelivered": frozenset(VALUES) - {"null", "true"},
    "runtime": optional(COUNTS),
}
HEADER = {
    "run": optional(NAMES) - {"missing"},
    "due": optional(COUNTS) - {"missing"},
    "sent": optional(COUNTS) - {"missing"},
}


def microseconds() -> int:
    return int(time.time() * 1e6)


def without_missing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not MISSING}


def entry(**changes: Any) -> dict[str, Any]:
    valid = {
        "v": VERSION,
        "kind": "rows",
        "node": "hostile@here",
        "pool": "threads",
        "slots": 2,
        "pid": 1,
        "seq": 0,
        "dropped": 0,
        "error_s": 0.0,
        "offset_s": 0.0,
        "rows": [],
    }
    return without_missing({**valid, **changes})


def row(**changes: Any) -> list[Any]:
    now = microseconds()
    valid = {
        "header": None,
        "task_id": "id",
        "task": "task",
        "slot": "slot",
        "received": now - 5_050_000,
        "started": now - 5_040_000,
        "finished": now - 5_000_000,
        "outcome": "succeeded",
        "redelivered": False,
        "runtime": 40_000,
    }
    return list(without_missing({**valid, **changes}).values())


def gauge(**changes: Any) -> dict[str, Any]:
    valid = {
        "up_s": 1.0,
        "slots": 2,
        "busy": 1,
        "queues": ["q"],
        "cpu_s": 1.0,
        "memory_bytes": 1_000,
        "memory": "rss",
    }
    return entry(kind="gauge", gauge=without_missing({**valid, **changes}))


def header(**changes: Any) -> dict[str, Any]:
    valid = {"run": "run", "due": microseconds(), "sent": microseconds()}
    return entry(rows=[row(header=without_missing({**valid, **changes}))])


@dataclass(frozen=True, slots=True)
class Shape:
    """Something in the stream."""

    name: str
    body: bytes
    fits: bool = False  # whether it is a valid entry


def shape(name: str, value: Any, *, fits: bool = False) -> Shape:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Shape(name, body, fits)


def of_fields() -> Iterator[Shape]:
    """Make every field of every part of an entry have every value."""
    makers = {"entry": (ENTRY, entry), "gauge": (GAUGE, gauge), "header": (HEADER, header)}
    for part, (fields, make) in makers.items():
        for field, bad in fields.items():
            for name, value in VALUES.items():
                with_rows = {"rows": [row()]} if part == "entry" and field != "rows" else {}
                made = make(**{**with_rows, field: value})
                yield shape(f"{part} {field} {name}", made, fits=name not in bad)
    for field, bad in ROWS.items():
        for name, value in VALUES.items():
            made = entry(rows=[row(**{field: value})])
            yield shape(f"row {field} {name}", made, fits=name not in bad)


DEEP = "[" * 100_000
NESTED = f"{'[' * 5_000}{']' * 5_000}"
TEXT = json.dumps(entry(rows=[row(task="TASK")]))
OTHERS = (
    shape("nothing", b""),
    shape("no JSON", b"\x00\xff"),
    shape("half", TEXT[:-5].encode()),
    shape("twice", (TEXT + TEXT).encode()),
    shape("deep", DEEP.encode()),
    shape("deep and closed", NESTED.encode()),
    shape("deep in a field", TEXT.replace('"threads"', NESTED).encode()),
    shape("deep in a row", TEXT.replace('"TASK"', NESTED).encode()),
    shape("deep in an unknown field", TEXT.replace('"pid"', f'"more": {NESTED}, "pid"').encode()),
    shape("bytes that are not UTF-8", TEXT.encode().replace(b"TASK", b"\xff\xfe")),
    shape("half a character", TEXT.replace("TASK", r"\ud800").encode()),
    shape("half a character, raw", TEXT.encode().replace(b"TASK", b"\xed\xa0\x80")),
    shape("a number with an exponent", TEXT.replace('"pid": 1', '"pid": 1e999').encode()),
    shape("a list", [entry()]),
    shape("null", None),
    shape("another version", entry(v=VERSION + 1)),
    shape("a later version of another shape", {"v": VERSION + 1, "workers": []}),
    shape("a short row", entry(rows=[row()[:-1]])),
    shape("a long row", entry(rows=[[*row(), 1]])),
    shape("an object as a row", entry(rows=[dict.fromkeys(ROW, 1)])),
    shape("null as a row", entry(rows=[None])),
    shape("many empty rows", entry(rows=[[]] * 50_000)),
    shape("a bad row among good ones", entry(rows=[row(), row(task=5), row()])),
    shape("a huge entry", entry(rows=[row(task="t" * 900)] * 10_000)),
    shape("more queues than a worker has", gauge(queues=["q"] * 5_000)),
    shape("a queue without a name", gauge(queues=[None])),
    shape("an unknown field", entry(rows=[row()], more=1), fits=True),
    shape("an unknown field in a gauge", gauge(more=1), fits=True),
    shape("an unknown kind", entry(kind="weather", rows=[row()]), fits=True),
    shape("no header", entry(rows=[row(header=dict.fromkeys(HEADER_KEYS))]), fits=True),
    shape("an end before its start", entry(rows=[row(finished=1_000)]), fits=True),
    shape("a time in the future", entry(rows=[row(finished=10**18)]), fits=True),
    shape("a clock far off", entry(offset_s=-1e12, rows=[row()]), fits=True),
    shape("a gap of numbers", entry(seq=10**15, rows=[row()]), fits=True),
    shape("a name of a property", entry(pool="__proto__", rows=[row(task="toString")]), fits=True),
    shape("a name with control characters", entry(node="\0\r\n\t\x1b[2J", rows=[row()]), fits=True),
    shape("markup", entry(node="</script><b>", rows=[row(task="<img onerror=x>")]), fits=True),
    shape("an unknown outcome", entry(rows=[row(outcome="sunny")]), fits=True),
    shape("gone at once", entry(kind="stopped"), fits=True),
)
SHAPES = (*of_fields(), *OTHERS)


class Stream:
    """A stand-in for Redis whose stream has the given entries."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self.bodies = bodies

    def xrevrange(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def xread(self, *_: Any, **__: Any) -> list[Any]:
        now_ms = int(time.time() * 1_000)
        fields = [{b"b": body} if body else {} for body in self.bodies]
        return [[b"stream", [(b"%d-%d" % (now_ms, n), one) for n, one in enumerate(fields)]]]


@pytest.fixture
def collector() -> Collector:
    """Make the collector of a Flower that is not running."""
    found = Collector(Celery(broker="redis://127.0.0.1:1/0"))
    found.begin(time.time(), time.time() - 60)
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_any_record_is_read_or_counted_and_the_page_goes_on(
    shape: Shape, collector: Collector
) -> None:
    good = json.dumps(entry(node="after@here", rows=[row()])).encode()
    reader = RecordReader(Stream([shape.body, good]))  # type: ignore[arg-type]
    batches = reader.read(0.001)
    assert batches[-1].node == "after@here"
    assert (reader.unreadable == 0) is shape.fits
    collector.add_batches(batches, time.time())
    for by in ("pool", "worker"):
        query = Query(by="pool" if by == "pool" else "worker", worker="after@here")
        answer = json.loads(msgspec.json.encode(collector.respond(query, None)))
        assert answer["finished"] == 1
        msgspec.json.encode(collector.respond(Query(by=query.by), None))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_any_record_can_be_judged(shape: Shape) -> None:
    batches = RecordReader(Stream([shape.body] * 6)).read(0.001)  # type: ignore[arg-type]
    recent, now_s = Recent(), time.time()
    for ago_s in (8, 4, 2, 1, 0):
        recent.add_batches([] if ago_s else batches, now_s - ago_s)
        recent.add_depths({"q": 5}, now_s - ago_s)
    judge = Judge(lambda: recent.window(now_s), lambda _: Delivery())
    judge.judge()
    assert msgspec.json.decode(msgspec.json.encode(judge.answer(known=True)))["seconds"] == 8.0


REPLIES: dict[str, Any] = {
    "stats": VALUES | {"pool": {"pool": 5}, "class": {"pool": {"implementation": []}}},
    "slots": {name: {"stats": {"pool": {"max-concurrency": one}}} for name, one in VALUES.items()},
    "queues": VALUES
    | {"nameless": [{}], "a list of lists": [[]], "named by null": [{"name": None}]}
    | {"named by half a character": [{"name": "\ud800"}]},
}


def replies() -> Iterator[Any]:
    for part, values in REPLIES.items():
        for name, value in values.items():
            if value is not MISSING:
                field = {"stats": "stats", "queues": "active_queues"}.get(part)
                yield pytest.param({field: value} if field else value, id=f"{part} {name}")
    yield from (pytest.param(value, id=f"reply {name}") for name, value in VALUES.items())


def flower(inspected: Any = None, worker: Any = None, task: Any = None) -> SimpleNamespace:
    """Return a stand-in for a running Flower that knows one worker, without a probe."""
    alive = SimpleNamespace(alive=True, active=0) if worker is None else worker
    state = SimpleNamespace(workers={"w@here": alive}, tasks={"id": task})
    events = SimpleNamespace(state=state, on_event=lambda _event: None, is_alive=lambda: True)
    known = {"good@here": {"active_queues": [{"name": "good"}]}, "w@here": inspected}
    return SimpleNamespace(events=events, workers=known, update_workers=lambda: None)


@pytest.fixture
def amqp_collector() -> Collector:
    """Make a collector that knows workers only from their events."""
    collector = Collector(Celery(broker="memory://"))
    for supervisor in collector.supervisors:
        supervisor.stop()
    return collector


def events_trouble(collector: Collector) -> str:
    collector.tend()
    answer = collector.respond(Query(), None)
    msgspec.json.encode(answer)
    return str(answer["source"]["events_trouble"])


@pytest.mark.parametrize("reply", list(replies()))
def test_any_reply_to_an_inspection_leaves_the_page_working(
    reply: Any, amqp_collector: Collector
) -> None:
    amqp_collector.attach(flower(inspected=reply))
    assert events_trouble(amqp_collector) == ""
    assert "good" in amqp_collector.queue_names()
    msgspec.json.encode(amqp_collector.queue_names())


EVENT = {"type": "task-succeeded", "hostname": "w@here", "uuid": "id", "timestamp": 1.0}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("field", EVENT)
def test_any_task_event_leaves_the_others_counted(
    field: str, value: str, amqp_collector: Collector
) -> None:
    running = flower()
    amqp_collector.attach(running)
    running.events.on_event(without_missing({**EVENT, field: VALUES[value]}))
    running.events.on_event({**EVENT, "hostname": "after@here"})
    assert events_trouble(amqp_collector) == ""
    assert "after@here" in amqp_collector.respond(Query(), None)["choices"]["workers"]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("field", ["name", "received"])
def test_any_known_task_is_counted(field: str, value: str, amqp_collector: Collector) -> None:
    task = SimpleNamespace(**without_missing({"name": "t", "received": 0.5, field: VALUES[value]}))
    running = flower(task=task)
    amqp_collector.attach(running)
    running.events.on_event(EVENT)
    assert events_trouble(amqp_collector) == ""
    assert len(amqp_collector.respond(Query(), None)["choices"]["tasks"]) == 1


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("field", ["alive", "active"])
def test_any_heartbeat_leaves_the_page_working(
    field: str, value: str, amqp_collector: Collector
) -> None:
    inspected = {"stats": {"pool": {"max-concurrency": 2}}}
    beat = without_missing({"alive": True, "active": 1, field: VALUES[value]})
    amqp_collector.attach(flower(inspected, SimpleNamespace(**beat)))
    assert events_trouble(amqp_collector) == ""
