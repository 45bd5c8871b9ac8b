"""What is fed into the history comes out of its answers, within a bounded memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.answer import Ask, answer
from monitor.gauges import Lane
from monitor.history import KEPT_S, MAX_FOLDED, RANGE_S, End, History, Key, end_of
from producer.records import Gauge, Record

NOW_S = 1_700_000_003
POOLS = ("prefork", "threads", "gevent")

ENDS = st.lists(
    st.builds(
        End,
        key=st.builds(
            Key,
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


def end(at_s: float = NOW_S - 1.5, task: str = "cpu.burn", **changes: Any) -> End:
    key = Key(pool="prefork", node="a@x", task=task)
    known: dict[str, Any] = {"failed": False, "latency_s": 0.1, "origin": 0}
    return End(key=key, at_s=at_s, **{**known, **changes})


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


def fed(ends: list[End]) -> History:
    history = History(NOW_S - KEPT_S)
    history.advance(NOW_S)
    history.add(ends)
    return history


def ask(history: History, now_s: float = NOW_S + 1, **how: Any) -> dict[str, Any]:
    return answer(history, Ask(**how), now_s)


def total(found: dict[str, Any], name: str, field: str = "finished_per_s") -> float:
    values: list[float | None] = found["lines"].get(name, {}).get(field, [])
    seconds = [
        min(at + found["step_s"], found["revision"][1])
        - max(at, found["revision"][1] - found["range_s"])
        for at in found["at"]
    ]
    return sum(float(value or 0) * int(n) for value, n in zip(values, seconds, strict=bool(values)))


@given(ENDS)
def test_the_sums_of_all_bins_are_what_was_fed(ends: list[End]) -> None:
    found = ask(fed(ends))
    kept = [one for one in ends if int(one.at_s) >= found["revision"][1] - RANGE_S]
    expected = Counter(one.key.pool for one in kept)
    assert found["finished"] == len(kept)
    for pool in POOLS:
        assert total(found, pool) == pytest.approx(expected[pool], abs=0.01 * len(found["at"]))
    failures = Counter(one.key.pool for one in kept if one.failed)
    for pool in POOLS:
        assert total(found, pool, "failed_per_s") == pytest.approx(
            failures[pool], abs=0.01 * len(found["at"])
        )


@given(ENDS)
def test_filters_take_the_whole_apart(ends: list[End]) -> None:
    history = fed(ends)
    whole = ask(history)["finished"]
    for field, names in (("pool", POOLS), ("worker", ("a@x", "b@x"))):
        narrowed: list[dict[str, Any]] = [{field: name} for name in names]
        parts = [ask(history, **one)["finished"] for one in narrowed]
        assert sum(parts) == whole


@given(ENDS, st.integers(0, 80))
def test_a_continued_answer_completes_the_one_before(ends: list[End], cut: int) -> None:
    history = fed(ends[:cut])
    first = ask(history)
    history.add(ends[cut:])
    revision, until_s = first["revision"]
    news = ask(history, since=(revision, until_s))
    lines = dict(zip(first["at"], first["lines"].get("prefork", _nothing(first))["p95_s"]))  # noqa: B905
    lines |= dict(zip(news["at"], news["lines"].get("prefork", _nothing(news))["p95_s"]))  # noqa: B905
    whole = ask(history)
    assert lines == dict(zip(whole["at"], whole["lines"].get("prefork", _nothing(whole))["p95_s"]))  # noqa: B905
    assert len(news["at"]) <= len(whole["at"])


def _nothing(found: dict[str, Any]) -> dict[str, list[None]]:
    return {"p95_s": [None] * len(found["at"])}


def test_nothing_new_is_a_small_answer() -> None:
    history = fed([end()])
    revision, until_s = ask(history)["revision"]
    assert len(ask(history, since=(revision, until_s))["at"]) <= 1


def test_an_old_second_is_forgotten_when_its_place_is_taken() -> None:
    history = fed([end()])
    history.advance(NOW_S + KEPT_S + 5)
    assert ask(history, NOW_S + KEPT_S + 6)["finished"] == 0


@pytest.mark.parametrize("at_s", [NOW_S - KEPT_S - 1, NOW_S + 60])
def test_what_comes_too_late_or_from_the_future_is_counted_as_that(at_s: float) -> None:
    history = fed([end(at_s)])
    assert (history.too_late, ask(history)["finished"]) == (1, 0)


def test_memory_is_bounded_however_many_tasks_there_are() -> None:
    history = fed([])
    ends = [
        End(
            key=Key(pool=f"pool-{n % 3}", node=f"node-{n % 400}", task=f"task-{n}"),
            at_s=NOW_S - 2.0,
            failed=False,
            latency_s=0.1,
            origin=0,
        )
        for n in range(2_000)
    ]
    history.add(ends)
    assert len(history.series) <= MAX_FOLDED + 1
    assert ask(history)["finished"] == 2_000


def test_gauges_of_a_pool_add_up_and_a_short_silence_is_filled() -> None:
    history = fed([])
    for node in ("a@x", "b@x"):
        for at_s in (NOW_S - 5.0, NOW_S - 2.0):
            history.gauge(Lane(pool="threads", node=node), at_s, gauge())
    found = ask(history, range_s=60)
    by_second = dict(zip(found["at"], found["lines"]["threads"]["busy"], strict=True))
    assert [by_second[NOW_S - ago] for ago in (6, 5, 4, 3, 2)] == [None, 6, 6, 6, 6]
    [tile] = found["recent"]["pools"]
    assert (tile["busy"], tile["slots"], tile["workers"]) == (6, 8, 2)


def test_cpu_is_what_was_used_between_two_gauges() -> None:
    history = fed([])
    lane = Lane(pool="gevent", node="a@x")
    history.gauge(lane, NOW_S - 3.0, gauge(cpu_s=1.0))
    history.gauge(lane, NOW_S - 1.0, gauge(cpu_s=1.5, up_s=52.0))
    [worker] = ask(history)["recent"]["workers"]
    assert worker["cpu_percent"] == 25


def test_a_worker_that_took_its_leave_has_no_slots_any_more() -> None:
    history = fed([])
    lane = Lane(pool="gevent", node="a@x")
    history.gauge(lane, NOW_S - 1.0, gauge())
    history.levels.stop(lane, NOW_S - 0.5)
    found = ask(history)["recent"]
    assert found["workers"][0]["state"] == "stopped"
    assert found["pools"][0]["slots"] == 0


def test_queues_are_as_deep_as_last_measured() -> None:
    history = fed([])
    history.queues(NOW_S - 1.0, {"cpu": 3, "io": 4})
    found = ask(history)
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
def test_a_latency_counts_from_the_earliest_instant_that_is_known(
    known: dict[str, Any], latency_s: float | None
) -> None:
    assert end_of(record(**known)).latency_s == latency_s
