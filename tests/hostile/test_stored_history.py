"""Whatever somebody writes into the stored history, Flower starts, skips it and counts it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from celery import Celery

from cluster.broker import start_broker
from cluster.local import LocalCluster
from cluster.ports import free_port
from cluster.reaper import Reaper
from cluster.wait import wait_until
from monitor.answer.points import STEPS_S
from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from monitor.storing.history_keeper import PREFIX
from monitor.storing.stored_step import (
    MAX_BYTES,
    MAX_COUNT,
    VERSION,
    StoredSeries,
    StoredWorker,
    UnreadableStepError,
    decode,
)
from tests.hostile.test_flower import Watched
from tests.hostile.test_records import (
    COUNTS,
    MISSING,
    NAMES,
    NESTED,
    SECONDS,
    VALUES,
    Shape,
    gauge,
    optional,
    shape,
    without_missing,
)

BOUND_S = 30.0
AT_S = int(time.time()) // 5 * 5 - 100
NEVER = frozenset(VALUES)

#: The fields of each part of a step, and the values that do not fit them.
STEP = {
    "v": COUNTS - {"missing"},
    "at_s": COUNTS,
    "through": NEVER,
    "series": NEVER - {"missing"},
    "workers": NEVER - {"missing"},
    "queues": NEVER - {"missing"},
}
SERIES = {
    "pool": NAMES,
    "node": NAMES,
    "task": NAMES,
    "finished": COUNTS,
    "failed": COUNTS,
    "origins": NEVER,
    "latencies": NEVER,
}
WORKER = {
    "pool": NAMES,
    "node": NAMES,
    "probed": NEVER - {"true"},
    "busy": optional(SECONDS),
    "slots": optional(SECONDS),
    "cpu_percent": optional(SECONDS),
    "memory_bytes": optional(SECONDS),
    "stop": NEVER - {"null", "missing"},
}


def step(**changes: Any) -> dict[str, Any]:
    valid = {
        "v": VERSION,
        "at_s": AT_S,
        "through": [AT_S * 1_000, 0],
        "series": [series()],
        "workers": [worker()],
        "queues": [["q", 3.5]],
    }
    return without_missing({**valid, **changes})


def series(**changes: Any) -> list[Any]:
    valid = {
        "pool": "threads",
        "node": "hostile@here",
        "task": "task",
        "finished": 3,
        "failed": 1,
        "origins": [0, 1, 2],
        "latencies": [[3, 2], [9, 1]],
    }
    return list(without_missing({**valid, **changes}).values())


def worker(**changes: Any) -> list[Any]:
    valid = {
        "pool": "threads",
        "node": "hostile@here",
        "probed": True,
        "busy": 1.5,
        "slots": 2,
        "cpu_percent": 50.1,
        "memory_bytes": 1_000,
        "stop": MISSING,
    }
    return list(without_missing({**valid, **changes}).values())


def of_fields() -> Iterator[Shape]:
    """Make every field of every part of a step have every value."""
    for field, bad in STEP.items():
        for name, value in VALUES.items():
            yield shape(f"step {field} {name}", step(**{field: value}), fits=name not in bad)
    for field, bad in SERIES.items():
        for name, value in VALUES.items():
            made = step(series=[series(**{field: value})])
            yield shape(f"series {field} {name}", made, fits=name not in bad)
    for field, bad in WORKER.items():
        for name, value in VALUES.items():
            made = step(workers=[worker(**{field: value})])
            yield shape(f"worker {field} {name}", made, fits=name not in bad)


LAST = gauge()["gauge"]
TEXT = json.dumps(step(series=[series(task="TASK")]))
FULLEST = [[3, 65_535]] * 9
HIGHEST = ["", "", "", MAX_COUNT, MAX_COUNT, [MAX_COUNT] * 3, []]
FULL = msgspec.json.encode(step(series=[HIGHEST] * 560))
OTHERS = (
    shape("no JSON", b"\x00\xff"),
    shape("half", TEXT[:-5].encode()),
    shape("twice", (TEXT + TEXT).encode()),
    shape("deep", b"[" * 20_000),
    shape("deep in a field", TEXT.replace('"TASK"', NESTED).encode()),
    shape("bytes that are not UTF-8", TEXT.encode().replace(b"TASK", b"\xff\xfe")),
    shape("half a character", TEXT.replace("TASK", r"\ud800").encode()),
    shape("null", None),
    shape("a list", [step()]),
    shape("another version", step(v=VERSION + 1)),
    shape("another time", step(at_s=AT_S - 5)),
    shape("an entry that is no pair", step(through=[1, 2, 3])),
    shape("a negative entry", step(through=[-1, 0])),
    shape("more failed than finished", step(series=[series(failed=4)])),
    shape("a count that is too high", step(series=[series(finished=MAX_COUNT + 1)])),
    shape("too many origins", step(series=[series(origins=[0] * 4)])),
    shape("no such bucket", step(series=[series(latencies=[[184, 1]])])),
    shape("a bucket that is negative", step(series=[series(latencies=[[-1, 1]])])),
    shape("too many in a bucket", step(series=[series(latencies=[[3, 65_536]])])),
    shape("too many buckets", step(series=[series(latencies=[[3, 1]] * 185)])),
    shape("a queue without a depth", step(queues=[["q"]])),
    shape("a negative depth", step(queues=[["q", -1]])),
    shape("a stop without a gauge", step(workers=[worker(stop=[1.5])])),
    shape("a stop before its step", step(workers=[worker(stop=[-1, LAST])])),
    shape("a stop after its step", step(workers=[worker(stop=[1e9, LAST])])),
    shape("a stop with half a gauge", step(workers=[worker(stop=[1.5, {"up_s": 1.0}])])),
    shape("a stop", step(workers=[worker(stop=[1.5, LAST])]), fits=True),
    shape("too long", step(queues=[["q" * 900, 1]] * 40)),
    shape("a bucket again and again", step(series=[series(latencies=FULLEST)]), fits=True),
    shape("as many tasks as fit", FULL, fits=True),
    shape("the same worker again and again", step(workers=[worker()] * 300), fits=True),
    shape("many queues", step(queues=[[f"q{n}", 1] for n in range(900)]), fits=True),
    shape("many workers", step(workers=[worker(node=f"n{n}") for n in range(300)]), fits=True),
    shape("many tasks", step(series=[series(task=f"t{n}") for n in range(300)]), fits=True),
    shape("read until the end of time", step(through=[10**18, 10**18]), fits=True),
    shape("an unknown field", step(more=1), fits=True),
    shape("a name of a property", step(series=[series(pool="__proto__")]), fits=True),
    shape("a name with control characters", step(workers=[worker(node="\0\x1b[2J")]), fits=True),
)  # fmt: skip
SHAPES = (*of_fields(), *OTHERS)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_any_step_is_restored_or_rejected_and_the_page_goes_on(shape: Shape) -> None:
    collector = Collector(Celery(broker="redis://127.0.0.1:1/0"))
    try:
        steps = [decode(shape.body[: MAX_BYTES + 1], AT_S)]
    except UnreadableStepError:
        steps = []
    assert bool(steps) is shape.fits
    collector.begin(AT_S + 100.0, AT_S + 50.0, [steps])
    for range_s in STEPS_S:
        for by in ("pool", "worker"):
            query = Query(range_s=range_s, by="pool" if by == "pool" else "worker")
            msgspec.json.encode(collector.respond(query, None))


def test_the_tables_name_every_field() -> None:
    assert tuple(SERIES) == StoredSeries.__struct_fields__
    assert tuple(WORKER) == StoredWorker.__struct_fields__


def test_a_flower_starts_with_hostile_keys_counts_them_and_replaces_them(tmp_path: Path) -> None:
    registry = Reaper()
    broker, url = start_broker(tmp_path, registry, free_port())
    server = redis.Redis.from_url(url)
    bad = [one.body for one in SHAPES if not one.fits and one.body and len(one.body) < 10**6]
    newest_s = int(time.time()) // 5 * 5 - 1_000
    for number, body in enumerate(bad[:100]):
        server.set(f"{PREFIX}{newest_s - 5 * number}", body)
    server.rpush(f"{PREFIX}{newest_s + 5}", "a list")
    server.hset(f"{PREFIX}{newest_s + 10}", "a", "hash")
    server.set(f"{PREFIX}{newest_s + 15}", b"x" * 5_000_000)
    server.set(f"{PREFIX}constructor", b"x")
    try:
        with LocalCluster(tmp_path, url) as cluster:
            _, flower_url = cluster.start_flower(free_port())
            watched = Watched(broker=broker, broker_port=0, url=flower_url)
            watched.until(False, False)
            source = watched.source()
            assert source["unreadable_steps"] == 103
            assert source["faults"] == 0
            wait_until(
                lambda: watched.source()["history_trouble"] == "",
                BOUND_S,
                lambda: AssertionError(f"{watched.source()}"),
            )
    finally:
        server.close()
        broker.kill()
        registry.close()
