"""The history returns what was added to it and uses a bounded amount of memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.answer.points import STEPS_S
from monitor.answer.response import Query, build_response
from monitor.history.gauge_history import MAX_QUEUES, WorkerKey
from monitor.history.history import (
    BEHIND_S,
    MAX_FOLDED,
    FinishedTask,
    History,
    SeriesKey,
    finished_task,
)
from monitor.history.tiers import COARSE, RANGE_S
from producer.records import Gauge, Record

NOW_S = 1_700_000_003
POOLS = ("prefork", "threads", "gevent")

TASKS = st.lists(
    st.builds(
        FinishedTask,
        key=st.builds(
            SeriesKey,
            pool=st.sampled_from(POOLS),
            node=st.sampled_from(["a@x", "b@x"]),
            task=st.sampled_from(["cpu.burn", "io.sleep"]),
        ),
        at_s=st.floats(NOW_S - RANGE_S, NOW_S - 0.001),
        failed=st.booleans(),
        latency_s=st.none() | st.floats(1e-4, 100),
        origin=st.integers(0, 2),
    ),
    max_size=80,
)


def task(at_s: float = NOW_S - 1.5, name: str = "cpu.burn", **changes: Any) -> FinishedTask:
    key = SeriesKey(pool="prefork", node="a@x", task=name)
    known: dict[str, Any] = {"failed": False, "latency_s": 0.1, "origin": 0}
    return FinishedTask(key=key, at_s=at_s, **{**known, **changes})


def gauge(**changes: Any) -> Gauge:
    known: dict[str, Any] = {
        "up_s": 50.0,
        "slots": 4,
        "busy": 3,
        "queues": ("cpu",),
        "cpu_s": 1.0,
        "memory_bytes": 1_000,
        "memory": "pss",
    }
    return Gauge(**{**known, **changes})


def filled(tasks: list[FinishedTask]) -> History:
    history = History(NOW_S - COARSE.kept_s)
    history.advance(NOW_S)
    history.add(tasks)
    return history


def query(history: History, now_s: float = NOW_S + 1, **how: Any) -> dict[str, Any]:
    return build_response(history, Query(**how), now_s)


def total(found: dict[str, Any], name: str, field: str = "finished_per_s") -> float:
    values: list[float | None] = found["lines"].get(name, {}).get(field, [])
    seconds = [min(at + found["step_s"], found["revision"][1]) - at for at in found["at"]]
    return sum(float(value or 0) * int(n) for value, n in zip(values, seconds, strict=bool(values)))


@given(TASKS, st.sampled_from(list(STEPS_S)))
def test_the_points_add_up_to_the_tasks_that_were_added(
    tasks: list[FinishedTask], range_s: int
) -> None:
    found = query(filled(tasks), range_s=range_s)
    kept = [one for one in tasks if one.at_s >= found["at"][0]]
    assert found["revision"][1] - range_s - found["at"][0] in range(STEPS_S[range_s])
    expected = Counter(one.key.pool for one in kept)
    assert found["finished"] == len(kept)
    for pool in POOLS:
        assert total(found, pool) == pytest.approx(expected[pool], abs=0.01 * range_s)
    failures = Counter(one.key.pool for one in kept if one.failed)
    for pool in POOLS:
        assert total(found, pool, "failed_per_s") == pytest.approx(
            failures[pool], abs=0.01 * range_s
        )


@given(TASKS)
def test_the_filtered_parts_add_up_to_the_whole(tasks: list[FinishedTask]) -> None:
    history = filled(tasks)
    whole = query(history)["finished"]
    for field, names in (("pool", POOLS), ("worker", ("a@x", "b@x"))):
        narrowed: list[dict[str, Any]] = [{field: name} for name in names]
        parts = [query(history, **one)["finished"] for one in narrowed]
        assert sum(parts) == whole


@given(TASKS, st.integers(0, 80))
def test_an_incremental_response_completes_the_previous_one(
    tasks: list[FinishedTask], cut: int
) -> None:
    history = filled(tasks[:cut])
    first = query(history)
    history.add(tasks[cut:])
    revision, until_s = first["revision"]
    news = query(history, since=(revision, until_s))
    lines = dict(zip(first["at"], first["lines"].get("prefork", _nothing(first))["p95_s"]))  # noqa: B905
    lines |= dict(zip(news["at"], news["lines"].get("prefork", _nothing(news))["p95_s"]))  # noqa: B905
    whole = query(history)
    assert lines == dict(zip(whole["at"], whole["lines"].get("prefork", _nothing(whole))["p95_s"]))  # noqa: B905
    assert len(news["at"]) <= len(whole["at"])


def _nothing(found: dict[str, Any]) -> dict[str, list[None]]:
    return {"p95_s": [None] * len(found["at"])}


def test_a_response_without_changes_is_small() -> None:
    history = filled([task()])
    revision, until_s = query(history)["revision"]
    assert len(query(history, since=(revision, until_s))["at"]) <= 1


def test_a_second_is_forgotten_when_its_index_is_reused() -> None:
    history = filled([task()])
    history.advance(NOW_S + COARSE.kept_s + 5)
    assert query(history, NOW_S + COARSE.kept_s + 6)["finished"] == 0


@pytest.mark.parametrize("at_s", [NOW_S - COARSE.kept_s - 1, NOW_S + 60])
def test_tasks_from_outside_the_kept_range_are_counted_as_misdated(at_s: float) -> None:
    history = filled([task(at_s)])
    assert (history.misdated, query(history)["finished"]) == (1, 0)


def test_memory_is_bounded_for_any_number_of_tasks() -> None:
    history = filled([])
    tasks = [
        FinishedTask(
            key=SeriesKey(pool=f"pool-{n % 3}", node=f"node-{n % 400}", task=f"task-{n}"),
            at_s=NOW_S - 2.0,
            failed=False,
            latency_s=0.1,
            origin=0,
        )
        for n in range(2_000)
    ]
    history.add(tasks)
    assert len(history.series) <= MAX_FOLDED + 1
    assert query(history)["finished"] == 2_000


def test_gauges_of_a_pool_add_up_and_short_gaps_are_filled() -> None:
    history = filled([])
    for node in ("a@x", "b@x"):
        for at_s in (NOW_S - 5.0, NOW_S - 2.0):
            history.add_gauge(WorkerKey(pool="threads", node=node), at_s, gauge())
    found = query(history, range_s=60)
    by_second = dict(zip(found["at"], found["lines"]["threads"]["busy"], strict=True))
    assert [by_second[NOW_S - ago] for ago in (6, 5, 4, 3, 2)] == [None, 6, 6, 6, 6]
    [tile] = found["recent"]["pools"]
    assert (tile["busy"], tile["slots"], tile["workers"]) == (6, 8, 2)


def test_cpu_is_computed_from_two_consecutive_gauges() -> None:
    history = filled([])
    key = WorkerKey(pool="gevent", node="a@x")
    history.add_gauge(key, NOW_S - 3.0, gauge(cpu_s=1.0))
    history.add_gauge(key, NOW_S - 1.0, gauge(cpu_s=1.5, up_s=52.0))
    [worker] = query(history)["recent"]["workers"]
    assert worker["cpu_percent"] == 25


def test_a_pool_whose_workers_have_all_stopped_is_not_shown() -> None:
    history = filled([])
    key = WorkerKey(pool="gevent", node="a@x")
    history.add_gauge(key, NOW_S - 1.0, gauge())
    history.gauges.stop(key, NOW_S - 0.5)
    found = query(history)["recent"]
    assert found["workers"][0]["state"] == "stopped"
    assert found["pools"] == []
    assert found["workers"][0]["finished_per_s"] is None


def test_a_rate_is_unknown_if_no_worker_is_there_to_report_it() -> None:
    history = filled([])
    history.add_gauge(WorkerKey(pool="gevent", node="a@x"), NOW_S - 1.0, gauge())
    assert query(history)["recent"]["pools"][0]["finished_per_s"] == 0
    silent = query(history, NOW_S + 10)["recent"]
    assert silent["pools"][0]["finished_per_s"] is None
    assert silent["workers"][0]["finished_per_s"] is None


def test_queue_depths_are_those_last_measured() -> None:
    history = filled([])
    history.add_depths(NOW_S - 1.0, {"cpu": 3, "io": 4})
    found = query(history)
    assert found["recent"]["waiting"] == 7
    assert [depth for depth in found["queues"]["io"] if depth is not None] == [4]


def record(**changes: Any) -> Record:
    known: dict[str, Any] = {
        "run": None,
        "task_id": "1",
        "task": "cpu.burn",
        "node": "a@x",
        "pool": "prefork",
        "slot": "7",
        "due": 1.0,
        "sent": 2.0,
        "received": 3.0,
        "started": 4.0,
        "finished": 6.0,
        "outcome": "succeeded",
        "redelivered": False,
        "runtime": 2.0,
    }
    return Record(**{**known, **changes})


@pytest.mark.parametrize(
    ("known", "latency_s"),
    [
        ({}, 5.0),
        ({"due": None}, 4.0),
        ({"due": None, "sent": None}, 3.0),
        ({"started": None}, None),
    ],
)
def test_a_latency_starts_at_the_earliest_known_instant(
    known: dict[str, Any], latency_s: float | None
) -> None:
    assert finished_task(record(**known)).latency_s == latency_s


def test_a_worker_is_forgotten_with_the_last_of_its_history() -> None:
    history = filled([])
    gone, here = (WorkerKey(pool="prefork", node=node) for node in ("gone@x", "here@x"))
    history.add_gauge(gone, NOW_S - 1.0, gauge())
    for after_s in range(0, COARSE.kept_s, COARSE.step_s):
        history.advance(NOW_S + after_s)
        history.add_gauge(here, float(NOW_S + after_s), gauge())
    assert query(history, NOW_S + COARSE.kept_s)["choices"]["workers"] == ["gone@x", "here@x"]
    history.advance(NOW_S + COARSE.kept_s + COARSE.step_s)
    found = query(history, NOW_S + COARSE.kept_s + COARSE.step_s)
    assert found["choices"]["workers"] == ["here@x"]


def test_the_queues_of_which_something_is_kept_are_bounded() -> None:
    history = filled([])
    for number in range(3 * MAX_QUEUES):
        history.add_depths(float(NOW_S + number), {"lasting": 1, f"queue-{number}": 1})
    names = list(history.gauges.depths)
    assert len(names) == MAX_QUEUES
    assert {"lasting", f"queue-{3 * MAX_QUEUES - 1}"} <= set(names)


@pytest.mark.parametrize("back_s", [11, 60, 400, 3_000, 5_000])
def test_if_the_clock_is_set_back_the_history_goes_on_from_there(back_s: int) -> None:
    history = filled([task(NOW_S - ago_s - 0.5) for ago_s in range(1_000)])
    then_s = NOW_S - back_s
    history.advance(then_s)
    for after_s in range(1, 20):
        history.advance(then_s + after_s)
        history.add([task(then_s + after_s - 0.5)])
    found = query(history, then_s + 20, range_s=60)
    assert found["recent"]["finished_per_s"] == 1.0
    rates = dict(zip(found["at"], found["lines"]["prefork"]["finished_per_s"], strict=True))
    assert {rates[then_s + after_s] for after_s in range(5, 19)} == {1.0}
    assert max(rate for rate in rates.values() if rate is not None) == 1.0
    is_kept = any(rate == 1.0 for at_s, rate in rates.items() if at_s < then_s - COARSE.step_s)
    assert is_kept is (back_s < 1_000)
    assert history.misdated == 0


def test_a_clock_that_is_a_little_behind_changes_nothing() -> None:
    history = filled([task()])
    history.advance(NOW_S - BEHIND_S)
    assert history.newest_s == NOW_S
    assert query(history)["finished"] == 1


def test_if_the_clock_is_set_back_no_worker_is_there_longer_than_otherwise() -> None:
    history, then_s = filled([]), NOW_S - 600
    here, gone = (WorkerKey(pool="prefork", node=node) for node in ("here@x", "gone@x"))
    for key in (here, gone):
        history.add_gauge(key, NOW_S - 1.0, gauge(cpu_s=1.0))
    history.advance(then_s)
    shares = []
    for after_s, cpu_s in ((0.2, 2.0), (1.2, 2.5), (8.2, 6.0)):
        history.advance(then_s + after_s)
        history.add_gauge(here, then_s + after_s, gauge(cpu_s=cpu_s))
        shares.append(history.gauges.workers[here].cpu_now_percent)
    assert shares == [None, pytest.approx(50), pytest.approx(50)]
    rows = query(history, then_s + 9)["recent"]["workers"]
    assert {row["worker"]: row["state"] for row in rows} == {"gone@x": "silent", "here@x": "here"}
