"""However many workers and tasks there are, an answer has a bounded size and takes bounded work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from monitor.answer.lines import MAX_LINES
from monitor.answer.response import Query, build_response
from monitor.answer.snapshot import MAX_ROWS
from monitor.history.gauge_history import GONE_S, MAX_WORKERS, WorkerKey
from monitor.history.history import MAX_FOLDED, FinishedTask, History, SeriesKey
from monitor.history.tiers import COARSE
from monitor.storing.archive import body_of
from monitor.storing.stored_step import MAX_BYTES, decode
from producer.records import Gauge

NOW_S = 1_700_000_003
GAUGE = Gauge(
    up_s=50.0, slots=4, busy=3, queues=("q",), cpu_s=1.0, memory_bytes=1_000, memory="pss"
)
SECONDS = range(NOW_S - 20, NOW_S, 10)
#: Measured: 1.5 to 3. Without the bounds, adding many tasks took 300 times as long.
RATIO = 8.0


def tasks_of(at_s: int, workers: int, tasks: int, repeats: int = 1) -> list[FinishedTask]:
    return [
        FinishedTask(
            key=SeriesKey(pool=f"pool-{node % 3}", node=f"node-{node:04}", task=f"task-{name}"),
            at_s=float(at_s),
            failed=False,
            latency_s=0.1,
            origin=0,
        )
        for node in range(workers)
        for name in range(tasks)
        for _ in range(repeats)
    ]


def filled(workers: int, tasks: int) -> History:
    history = History(NOW_S - COARSE.kept_s)
    history.advance(NOW_S)
    for at_s in SECONDS:
        history.add(tasks_of(at_s, workers, tasks))
        for node in range(workers):
            key = WorkerKey(pool=f"pool-{node % 3}", node=f"node-{node:04}")
            history.add_gauge(key, float(at_s), GAUGE)
    return history


def ratio(many: Callable[[], object], few: Callable[[], object]) -> float:
    """Return how many times the work of `few` the work of `many` is, by CPU time.

    The two take turns, and the fastest turn of each counts, because the machine may be busy.
    """
    turns = [(_cpu_s(many), _cpu_s(few)) for _ in range(7)]
    return min(many_s for many_s, _ in turns) / min(few_s for _, few_s in turns)


def _cpu_s(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


@pytest.fixture(scope="module")
def crowd() -> History:
    """Make the history of 1,000 workers with 100 tasks each."""
    return filled(1_000, 100)


def answer(history: History, **how: Any) -> dict[str, Any]:
    return build_response(history, Query(**how), NOW_S + 1.0)


@pytest.mark.parametrize("range_s", [900, 3_600])
@pytest.mark.parametrize("by", ["pool", "worker"])
def test_an_answer_is_bounded_and_says_what_it_leaves_out(
    crowd: History, by: str, range_s: int
) -> None:
    found = answer(crowd, by=by, range_s=range_s)
    assert len(found["lines"]) <= MAX_LINES
    assert len(found["workers"]) == MAX_LINES
    assert len(found["recent"]["workers"]) == MAX_ROWS
    assert found["finished"] == 1_000 * 100 * len(SECONDS)
    out = found["left_out"]
    known = {key.node for key in crowd.series} | {key.node for key in crowd.gauges.workers}
    assert out["lines"] == (len(known) - MAX_LINES if by == "worker" else 0)
    assert out["workers"] == MAX_WORKERS - MAX_LINES
    assert out["rows"] == MAX_WORKERS - MAX_ROWS
    assert len(msgspec.json.encode(found)) < 1_000_000


def test_a_stored_step_is_bounded_and_complete(crowd: History) -> None:
    for at_s in SECONDS:
        step_s = at_s // COARSE.step_s * COARSE.step_s
        body = body_of(crowd, step_s, (0, 0))
        assert len(body) <= MAX_BYTES
        assert sum(one.finished for one in decode(body, step_s).series) == 1_000 * 100


def test_memory_is_bounded(crowd: History) -> None:
    assert len(crowd.series) <= MAX_FOLDED + 1
    assert len(crowd.gauges.workers) == MAX_WORKERS
    later_s = float(SECONDS[-1])
    assert crowd.gauges.left_out(later_s) == 1_000 - MAX_WORKERS
    assert crowd.gauges.left_out(later_s + GONE_S) == 0


def test_a_filter_brings_back_what_was_left_out(crowd: History) -> None:
    shown = answer(crowd, by="worker")["lines"]
    hidden = next(key.node for key in crowd.gauges.workers if key.node not in shown)
    found = answer(crowd, by="worker", worker=hidden)
    assert list(found["lines"]) == [hidden]
    assert not any(found["left_out"][name] for name in ("lines", "workers", "rows"))


def test_an_update_has_the_lines_of_the_whole_answer(crowd: History) -> None:
    whole = answer(crowd, by="worker")
    revision, until_s = whole["revision"]
    news = answer(crowd, by="worker", since=(revision, until_s))
    assert list(news["lines"]) == list(whole["lines"])
    assert list(news["workers"]) == list(whole["workers"])


def test_a_live_worker_keeps_its_place_and_a_gone_one_does_not() -> None:
    history = filled(MAX_WORKERS, 0)
    last_s = float(SECONDS[-1])
    late = WorkerKey(pool="late", node="late")
    history.add_gauge(late, last_s, GAUGE)
    assert late not in history.gauges.workers
    history.add_gauge(late, last_s + GONE_S, GAUGE)
    assert late in history.gauges.workers
    assert len(history.gauges.workers) == MAX_WORKERS


@pytest.mark.parametrize("range_s", [900, 3_600])
@pytest.mark.parametrize("by", ["pool", "worker"])
def test_an_answer_about_many_workers_takes_little_longer(
    crowd: History, by: str, range_s: int
) -> None:
    few = filled(MAX_LINES, 5)
    how = {"by": by, "range_s": range_s}
    assert ratio(lambda: answer(crowd, **how), lambda: answer(few, **how)) < RATIO


def test_adding_many_different_tasks_takes_little_longer() -> None:
    histories = [History(NOW_S - COARSE.kept_s), History(NOW_S - COARSE.kept_s)]
    for history in histories:
        history.advance(NOW_S)
    many, few = tasks_of(NOW_S - 2, 100, 100), tasks_of(NOW_S - 2, 10, 10, repeats=100)
    assert ratio(lambda: histories[0].add(many), lambda: histories[1].add(few)) < RATIO
