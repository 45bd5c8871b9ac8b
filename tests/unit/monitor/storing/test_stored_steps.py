"""A history that is stored and restored is the same one, whenever and however often."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.answer.points import STEPS_S
from monitor.answer.response import Query, build_response
from monitor.history.gauge_history import WorkerKey
from monitor.history.history import OTHERS, FinishedTask, History, SeriesKey
from monitor.history.tiers import COARSE, RANGE_S
from monitor.storing.archive import body_of, step_of
from monitor.storing.stored_step import MAX_BYTES, MAX_COUNT, EntryId, decode
from monitor.storing.stored_steps import StoredSteps
from producer.records import Gauge

NOW_S = 1_700_000_000
GAUGE = Gauge(
    up_s=50.0, slots=4, busy=3, queues=("q",), cpu_s=1.0, memory_bytes=1_000, memory="rss"
)


def task(at_s: float, name: str = "t", pool: str = "prefork", **changes: Any) -> FinishedTask:
    known: dict[str, Any] = {"failed": False, "latency_s": 0.1, "origin": 0}
    key = SeriesKey(pool=pool, node=f"{pool}@x", task=name)
    return FinishedTask(key=key, at_s=at_s, **{**known, **changes})


class Flower:
    """A history with its steps, as a running Flower has them, and the Redis that it shares."""

    def __init__(self, redis: dict[int, bytes], start_s: float, complete_from_s: float) -> None:
        self.redis = redis
        self.history = History(int(start_s))
        self.steps = StoredSteps(self.history, threading.Lock())
        stored = [decode(redis[at_s], at_s) for at_s in sorted(redis)]
        self.steps.restore([stored], start_s, complete_from_s)

    def read(self, entry: EntryId, tasks: list[FinishedTask], now_s: float) -> None:
        self.history.advance(now_s)
        self.steps.add([(one, entry) for one in tasks])
        self.steps.note_read([entry], now_s)

    def store(self) -> list[int]:
        stored = []
        while some := self.steps.take():
            self.redis.update({one.at_s: one.body for one in some})
            self.steps.note_stored(some)
            stored += [one.at_s for one in some]
        return stored

    def answer(self, now_s: float, range_s: int = RANGE_S, **how: Any) -> dict[str, Any]:
        self.history.advance(now_s)
        return build_response(self.history, Query(range_s=range_s, **how), now_s)


def by_step(flower: Flower) -> Counter[int]:
    """Count the finished tasks of each coarse step."""
    found: Counter[int] = Counter()
    for tiers in flower.history.series.values():
        for at_s in range(NOW_S - 100, NOW_S + 200, COARSE.step_s):
            found[at_s] += int(tiers[COARSE].finished[COARSE.row_of(at_s)])
    return +found


#: One entry for each second: how many tasks, and how many seconds ago they finished.
ENTRIES = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0, 8)), max_size=3), min_size=5, max_size=60
)


@given(ENTRIES, st.data())
def test_no_task_is_lost_or_counted_twice_whichever_flower_stored_it(
    entries: list[list[tuple[int, float]]], data: st.DataObject
) -> None:
    stream = [
        ((1_000 * (NOW_S + second), 0), [task(NOW_S + second - ago) for n, ago in groups] * n)
        for second, groups in enumerate(entries)
        for n in [sum(n for n, _ in groups)]
    ]
    redis: dict[int, bytes] = {}
    first_s = float(NOW_S - 10)
    flowers = [Flower(redis, NOW_S, first_s), Flower(redis, NOW_S, first_s)]
    for second, (entry, tasks) in enumerate(stream):
        for number, flower in enumerate(flowers):
            flower.read(entry, tasks, NOW_S + second + 0.5)
            if data.draw(st.booleans()):
                flower.store()
            if data.draw(st.integers(0, 9)) == 0:  # a restart; the stream has all entries
                flowers[number] = Flower(redis, NOW_S + second + 0.7, first_s)
                for again, more in stream[: second + 1]:
                    flowers[number].read(again, more, NOW_S + second + 0.8)
    expected = Counter(
        int(one.at_s) // COARSE.step_s * COARSE.step_s for _, tasks in stream for one in tasks
    )
    assert [by_step(flower) for flower in flowers] == [expected, expected]


def filled() -> Flower:
    """Make a history of 100 s with two tasks in each second, all stored."""
    flower = Flower({}, NOW_S, NOW_S)
    for second in range(100):
        at_s = float(NOW_S + second)
        flower.history.add_gauge(WorkerKey(pool="prefork", node="prefork@x"), at_s, GAUGE)
        flower.history.add_depths(at_s, {"q": 7})
        flower.read((1_000 * int(at_s), 0), [task(at_s), task(at_s, failed=True)], at_s + 0.1)
        flower.store()
    return flower


def test_a_whole_hour_is_shown_after_a_restart() -> None:
    before = filled()
    before.read((1_000 * (NOW_S + 110), 0), [], NOW_S + 110)  # the last step is over
    before.store()
    start_s = NOW_S + 3_590.0
    after = Flower(before.redis, start_s, start_s)
    assert after.answer(start_s, range_s=3_600)["finished"] == 2 * 100


@pytest.mark.parametrize("range_s", STEPS_S)
def test_a_gap_is_unknown_and_what_is_before_it_is_kept(range_s: int) -> None:
    before = filled()
    start_s = NOW_S + 150.0
    after = Flower(before.redis, start_s, start_s - 20)  # the stream begins 30 s after the end
    found = after.answer(start_s + 10, range_s)
    last_s = max(before.redis) + COARSE.step_s
    assert found["gaps"] == [[last_s, NOW_S + 130]]
    points = dict(zip(found["at"], found["lines"]["prefork"]["finished_per_s"], strict=True))
    assert [value for at_s, value in points.items() if last_s <= at_s < start_s - 25] == [
        None for at_s in points if last_s <= at_s < start_s - 25
    ]
    assert {value for at_s, value in points.items() if value is not None} <= {2.0}
    assert found["known_from"] == NOW_S
    if range_s > 60:
        assert found["finished"] == 2 * (last_s - NOW_S)
        assert 2.0 in points.values()
        assert found["lines"]["prefork"]["p50_s"] != [None] * len(points)
        assert 4.0 in found["lines"]["prefork"]["slots"]
        assert 7.0 in found["queues"]["q"]


def test_a_step_that_was_read_only_in_part_is_unknown_and_never_stored() -> None:
    redis: dict[int, bytes] = {}
    flower = Flower(redis, NOW_S + 3, NOW_S + 3)
    for second in range(3, 20):
        flower.read((1_000 * (NOW_S + second), 0), [task(NOW_S + second)], NOW_S + second + 0.1)
    flower.store()
    assert sorted(redis) == [NOW_S + 5, NOW_S + 10]
    assert flower.answer(NOW_S + 20.0)["known_from"] == NOW_S + 5


def test_a_step_is_stored_again_only_if_it_changed() -> None:
    flower = filled()
    assert flower.store() == []
    flower.read((1_000 * (NOW_S + 100), 0), [task(NOW_S + 12.0)], NOW_S + 100.0)
    assert NOW_S + 10 in flower.store()
    assert flower.store() == []
    flower.steps.note_lost()
    assert len(flower.store()) == len(flower.redis)


def test_the_stored_history_has_a_bounded_size() -> None:
    flower = Flower({}, NOW_S, NOW_S)
    tasks = [
        task(NOW_S + 1.0, f"task-{n}" * 20, f"pool-{n % 300}-" + "\u2603" * 300)
        for n in range(3_000)
    ]
    flower.read((1_000 * NOW_S, 0), tasks, NOW_S + 2.0)
    for n in range(600):
        key = WorkerKey(pool="p" * 900, node=f"node-{n}" * 100)
        flower.history.add_gauge(key, NOW_S + 1.0, GAUGE)
    flower.history.add_depths(NOW_S + 1.0, {f"queue-{n}" * 100: n for n in range(500)})
    body = body_of(flower.history, NOW_S, (1, 1))
    assert len(body) <= MAX_BYTES
    assert sum(one.finished for one in decode(body, NOW_S).series) == 3_000


def test_the_least_busy_tasks_of_a_pool_are_added_up_if_there_are_too_many() -> None:
    flower = Flower({}, NOW_S, NOW_S)
    busy = [task(NOW_S + 1.0, "busy") for _ in range(50)]
    rare = [task(NOW_S + 1.0, f"{n}-{'x' * 500}") for n in range(150)]
    flower.read((1_000 * NOW_S, 0), busy + rare, NOW_S + 2.0)
    series = decode(body_of(flower.history, NOW_S, (1, 1)), NOW_S).series
    assert (series[0].task, series[0].finished) == ("busy", 50)
    assert series[-1].pool == "prefork"
    assert series[-1].task == OTHERS
    assert sum(one.finished for one in series) == 200


def test_the_highest_counts_can_be_stored_and_restored() -> None:
    flower = Flower({}, NOW_S, NOW_S)
    flower.read((1, 0), [task(NOW_S + 1.0)], NOW_S + 1.0)
    [series] = flower.history.series.values()
    for counts in (series[COARSE].finished, series[COARSE].failed, series[COARSE].latencies):
        counts[COARSE.row_of(NOW_S)] = 2**16 - 1 if counts.ndim == 2 else 2**32 - 1
    step = decode(body_of(flower.history, NOW_S, (1, 0)), NOW_S)
    assert step.series[0].finished == MAX_COUNT
    again = Flower({NOW_S: body_of(flower.history, NOW_S, (1, 0))}, NOW_S + 9, NOW_S)
    assert step_of(again.history, NOW_S, (1, 0)) == step


def rows_of(flower: Flower, now_s: float) -> list[dict[str, Any]]:
    """Return the rows of the worker table."""
    found: list[dict[str, Any]] = flower.answer(now_s)["recent"]["workers"]
    return found


def with_stops() -> Flower:
    """Make a history of a worker that switched its pool, and of one that has stopped, all stored.

    The notices of stopping come after the steps of the last gauges were stored.
    """
    flower = Flower({}, NOW_S, NOW_S)
    switched, stopped = (
        WorkerKey(pool=pool, node=node) for pool, node in (("threads", "a@x"), ("gevent", "b@x"))
    )
    for second in range(40):
        at_s = NOW_S + second + 0.25
        flower.read((1_000 * int(at_s), 0), [task(at_s)], at_s + 0.1)
        if second < 13:
            flower.history.add_gauge(switched, at_s, GAUGE)
            flower.history.add_gauge(stopped, at_s, GAUGE)
        elif second == 20:
            flower.history.stop(switched, at_s)
            flower.history.stop(stopped, at_s)
        elif second > 20:
            flower.history.add_gauge(WorkerKey(pool="prefork", node="a@x"), at_s, GAUGE)
        flower.store()
    return flower


def test_stopped_workers_and_earlier_pools_are_still_shown_after_a_restart() -> None:
    before = with_stops()
    rows = rows_of(before, NOW_S + 40.0)
    assert [(one["worker"], one["state"], one["was"]) for one in rows] == [
        ("b@x", "stopped", []),
        ("a@x", "here", ["threads"]),
    ]
    after = Flower(before.redis, NOW_S + 41.0, NOW_S + 20.0)
    after.history.add_gauge(WorkerKey(pool="prefork", node="a@x"), NOW_S + 41.0, GAUGE)
    gone, here = rows_of(after, NOW_S + 42.0)
    assert gone == rows[0]
    assert (here["pool"], here["state"], here["was"]) == ("prefork", "here", ["threads"])


def test_a_stopped_worker_is_shown_as_long_as_its_history() -> None:
    last_s = NOW_S + 12.25
    for flower in (before := with_stops(), Flower(before.redis, NOW_S + 41.0, NOW_S + 20.0)):
        for after_s, count in ((RANGE_S - 1, 1), (RANGE_S + 1, 0)):
            rows = rows_of(flower, last_s + after_s)
            assert len([one for one in rows if one["worker"] == "b@x"]) == count


def test_a_worker_that_came_back_after_it_had_stopped_has_not_stopped() -> None:
    before = with_stops()
    for second in range(40, 52):
        at_s = float(NOW_S + second)
        before.history.add_gauge(WorkerKey(pool="gevent", node="b@x"), at_s, GAUGE)
        before.read((1_000 * int(at_s), 0), [], at_s + 0.1)
        before.store()
    after = Flower(before.redis, NOW_S + 60.0, NOW_S + 50.0)
    assert [one for one in rows_of(after, NOW_S + 60.0) if one["worker"] == "b@x"] == []


def restarted(before: Flower, away: range) -> Flower:
    """Return a Flower that was away and then read the records of that time."""
    after = Flower(before.redis, away.stop + 0.5, away.start - 20.0)
    for at_s in away:
        after.read((1_000 * at_s, 0), [task(float(at_s))], away.stop + 0.6)
    for at_s in range(away.stop + 1, away.stop + 12):
        after.history.add_depths(float(at_s), {"q": 7})
        after.read((1_000 * at_s, 0), [task(float(at_s))], at_s + 0.1)
        after.store()
    return after


def test_the_time_without_flower_is_a_gap_of_the_queues_alone() -> None:
    before = filled()
    last_s = max(before.redis) + COARSE.step_s
    after = restarted(before, range(NOW_S + 98, NOW_S + 131))
    found = after.answer(NOW_S + 143.0)
    assert found["gaps"] == []
    assert found["queue_gaps"] == [[last_s, NOW_S + 130]]
    unknown = [
        at_s for at_s, depth in zip(found["at"], found["queues"]["q"], strict=True) if depth is None
    ]
    assert unknown
    assert [at_s for at_s in unknown if at_s >= NOW_S and not last_s <= at_s < NOW_S + 131] == []
    assert after.answer(NOW_S + 143.0, 60)["queue_gaps"] == found["queue_gaps"]
    again = restarted(after, range(NOW_S + 142, NOW_S + 146))  # stored with the history
    assert again.answer(NOW_S + 160.0)["queue_gaps"] == [
        *found["queue_gaps"],
        [NOW_S + 140, NOW_S + 145],
    ]


@pytest.mark.parametrize("back_after_s", range(100, 110))
@pytest.mark.parametrize("range_s", STEPS_S)
def test_a_point_at_an_edge_of_a_queue_gap_shows_what_was_measured_beside_it(
    back_after_s: int, range_s: int
) -> None:
    away = range(NOW_S + back_after_s - 30, NOW_S + back_after_s)
    after = restarted(filled(), away)
    found = after.answer(away.stop + 14.0, range_s)
    [[from_s, to_s]] = found["queue_gaps"]
    length_s = found["step_s"]
    depths = dict(zip(found["at"], found["queues"]["q"], strict=True))
    within = [depth for at_s, depth in depths.items() if from_s <= at_s <= to_s - length_s]
    assert set(within) <= {None}
    assert within or range_s == RANGE_S
    [first_s, *_] = [at_s for at_s, depth in depths.items() if at_s > from_s and depth is not None]
    assert away.stop - length_s < first_s <= away.stop + 1


def test_before_its_first_measurement_and_while_the_broker_is_away_flower_was_not_away() -> None:
    flower = Flower({}, NOW_S, NOW_S - 60.0)  # workers ran before
    for second in [*range(1, 20), *range(60, 80)]:
        flower.history.add_depths(float(NOW_S + second), {"q": 7})
    assert flower.answer(NOW_S + 80.0)["queue_gaps"] == []


#: The entry of the stream with the records of the step.
ENTRY = (1_000 * NOW_S, 0)


def name_of(node: int) -> str:
    return f"worker-{node:04}@shop-backend-production"


def add_gauges(flower: Flower, workers: int) -> None:
    """Add the gauges of workers in three pools for one step."""
    for node in range(workers):
        key = WorkerKey(pool=f"pool-{node % 3}", node=name_of(node))
        for second in range(COARSE.step_s):
            flower.history.add_gauge(key, NOW_S + second + 0.5, GAUGE)


def many_tasks(workers: int) -> list[FinishedTask]:
    """Return tasks of workers in three pools that finished in one step."""
    return [
        FinishedTask(
            key=SeriesKey(pool=f"pool-{node % 3}", node=name_of(node), task=f"shop.tasks.{name}"),
            at_s=NOW_S + 1.0,
            failed=False,
            latency_s=0.01 * place,
            origin=0,
        )
        for node in range(workers)
        for name in ("deliver", "invoice")
        for place in range(1, 9)
    ]


def crowded(workers: int) -> Flower:
    """Make a history of one step with many workers, each of which runs some tasks."""
    flower = Flower({}, NOW_S, NOW_S)
    add_gauges(flower, workers)
    flower.read(ENTRY, many_tasks(workers), NOW_S + 6.0)
    return flower


def figures(flower: Flower) -> dict[str, tuple[float, float, int]]:
    """Return the busy slots, the slots and the finished tasks of each pool in the step."""
    now_s = NOW_S + 30.0
    lines = flower.answer(now_s)["lines"]
    return {
        pool: (
            max(value or 0.0 for value in line["busy"]),
            max(value or 0.0 for value in line["slots"]),
            flower.answer(now_s, pool=pool)["finished"],
        )
        for pool, line in lines.items()
    }


@pytest.mark.parametrize("workers", [120, 300, 500])
def test_the_figures_of_a_pool_survive_a_restart_however_many_workers_it_has(workers: int) -> None:
    before = crowded(workers)
    body = body_of(before.history, NOW_S, ENTRY)
    assert len(body) <= MAX_BYTES
    after = Flower({NOW_S: body}, NOW_S + 30.0, NOW_S + 20.0)
    assert figures(after) == figures(before)
    assert {"pool-0", "pool-1", "pool-2"} <= set(figures(after))
    again = Flower({NOW_S: body_of(after.history, NOW_S, ENTRY)}, NOW_S + 30.0, NOW_S + 20.0)
    assert figures(again) == figures(before)


def test_tasks_are_added_up_before_workers_are() -> None:
    step = decode(body_of(crowded(120).history, NOW_S, ENTRY), NOW_S)
    assert OTHERS in {one.node for one in step.series}
    assert len([one for one in step.workers if one.node != OTHERS]) == 120
    step = decode(body_of(crowded(500).history, NOW_S, ENTRY), NOW_S)
    assert 100 < len([one for one in step.workers if one.node != OTHERS]) < 500


def test_workers_that_were_added_up_do_not_count_again_with_their_gauges() -> None:
    before = crowded(500)
    body = body_of(before.history, NOW_S, ENTRY)
    after = Flower({NOW_S: body}, NOW_S + 6.0, NOW_S)  # the stream still has all gauges
    add_gauges(after, 500)
    for pool in ("pool-0", "pool-1", "pool-2"):
        assert figures(after)[pool][:2] == figures(before)[pool][:2]


def test_workers_that_were_added_up_are_no_worker_and_forgotten_with_the_rest() -> None:
    body = body_of(crowded(500).history, NOW_S, ENTRY)
    after = Flower({NOW_S: body}, NOW_S + 30.0, NOW_S + 20.0)
    found = after.answer(NOW_S + 30.0, by="worker")
    assert OTHERS not in found["workers"]
    assert found["recent"]["workers"] == []
    for after_s in range(30, COARSE.kept_s + 60, COARSE.step_s):
        after.history.advance(NOW_S + after_s)
    assert after.history.gauges.sums == {}
    assert after.history.gauges.workers == {}


@pytest.mark.parametrize("ahead_s", [5, 600, 5_000])
def test_a_history_begins_at_the_records_time_although_flowers_clock_is_ahead(ahead_s: int) -> None:
    before, now_s = filled(), NOW_S + 110.0
    before.read((1_000 * int(now_s), 0), [], now_s)  # the last step is over
    before.store()
    history = History(int(now_s) + ahead_s)
    steps = StoredSteps(history, threading.Lock())
    history.add_depths(now_s + ahead_s, {"q": 1})  # measured before the records could be read
    steps.restore([[decode(body, at_s) for at_s, body in before.redis.items()]], now_s, now_s - 5)
    assert history.newest_s == now_s
    steps.add([(task(now_s + 0.5), (1_000 * int(now_s), 1))])
    found = build_response(history, Query(range_s=300), now_s + 3.0)
    assert found["known_from"] == NOW_S
    assert (found["finished"], history.misdated) == (2 * 100 + 1, 0)
