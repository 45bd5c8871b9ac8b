"""The current figures: one row for each worker, arrivals, and the queues that are in use."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.answer.response import Query, build_response
from monitor.history.gauge_history import WorkerKey
from monitor.history.history import History
from tests.unit.monitor.history.test_history import NOW_S, filled, gauge, query, task


def recent(history: History, now_s: float = NOW_S + 1, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = query(history, now_s, **how)["recent"]
    return found


def history_of(*pools: str, node: str = "a@x", **changes: Any) -> History:
    """Return the history of a worker that has been in `pools`, one after the other."""
    history = filled([])
    for pool, at_s in zip(pools, (NOW_S - 3.0, NOW_S - 2.0, NOW_S - 1.0), strict=False):
        history.add_gauge(WorkerKey(pool=pool, node=node), at_s, gauge(**changes))
    return history


def test_a_worker_that_switched_pools_is_one_row_and_counts_once() -> None:
    found = recent(history_of("prefork", "threads", "gevent"))
    [row] = found["workers"]
    assert (row["pool"], row["was"], row["state"]) == ("gevent", ["threads", "prefork"], "here")
    assert [(one["pool"], one["workers"]) for one in found["pools"]] == [("gevent", 1)]


def test_a_worker_is_not_in_the_pool_that_it_has_left() -> None:
    history = history_of("prefork", "threads")
    assert recent(history, pool="prefork")["workers"] == []
    assert len(recent(history, pool="threads")["workers"]) == 1


@pytest.mark.parametrize(
    ("depths", "lasting", "stopped", "shown", "unconsumed"),
    [
        ({"own": 0, "race": 0}, (), False, ["own"], []),
        ({"own": 0, "race": 0}, (), True, [], []),
        ({"own": 3, "race": 0}, (), True, ["own"], ["own"]),
        ({"own": 0, "race": 2}, (), False, ["own", "race"], ["race"]),
        ({"own": 0, "race": 0}, ("race",), False, ["own", "race"], []),
    ],
)
def test_a_queue_is_shown_while_somebody_uses_it(
    depths: dict[str, int],
    lasting: tuple[str, ...],
    stopped: bool,
    shown: list[str],
    unconsumed: list[str],
) -> None:
    history = history_of("prefork", queues=("own",))
    if stopped:
        history.gauges.stop(WorkerKey(pool="prefork", node="a@x"), NOW_S - 0.5)
    history.add_depths(NOW_S, depths)
    found = build_response(history, Query(), NOW_S + 1, lasting)["recent"]
    assert list(found["queues"]) == shown
    assert found["used_queues"] == shown
    assert found["unconsumed"] == unconsumed
    assert found["waiting"] == sum(depths.values())


def test_queues_are_in_use_even_while_nobody_can_measure_them() -> None:
    history = history_of("prefork", queues=("own",))
    history.add_depths(NOW_S, {"own": 0, "race": 0})
    found = recent(history, NOW_S + 60)
    assert (found["used_queues"], found["queues"], found["waiting"]) == (["own"], {}, None)


def flow(waiting: tuple[int, int], held: tuple[int | None, int | None], finished: int) -> History:
    """Return the history of four seconds in which `finished` tasks finished."""
    history = filled([])
    key = WorkerKey(pool="prefork", node="a@x")
    for at_s, depth, holds in zip((NOW_S - 5, NOW_S - 1), waiting, held, strict=True):
        history.add_gauge(key, float(at_s), gauge(held=holds))
        history.add_depths(float(at_s), {"cpu": depth})
    history.add([task(NOW_S - 3.0) for _ in range(finished)])
    return history


@pytest.mark.parametrize(
    ("waiting", "held", "finished", "arrived_per_s"),
    [
        ((0, 0), (4, 4), 40, 10.0),  # as many as finished
        ((0, 80), (4, 4), 40, 30.0),  # the queue grows
        ((80, 40), (4, 4), 40, 0.0),  # the queue empties
        ((80, 42), (2, 4), 40, 1.0),  # messages move from the queue to the worker
        ((80, 0), (4, 4), 40, 0.0),  # somebody purged the queue
        ((0, 0), (4, None), 40, None),  # a probe that does not know
    ],
)
def test_arrivals_are_what_finished_and_what_has_become_more(
    waiting: tuple[int, int],
    held: tuple[int | None, int | None],
    finished: int,
    arrived_per_s: float | None,
) -> None:
    found = recent(flow(waiting, held, finished))
    assert found["arrived_per_s"] == arrived_per_s
    assert found["finished_per_s"] == finished / found["seconds"]


def test_what_a_worker_holds_has_not_arrived_when_the_worker_becomes_known() -> None:
    history = filled([])
    one, other = (WorkerKey(pool="prefork", node=f"{name}@x") for name in "ab")
    for at_s in range(NOW_S - 5, NOW_S):  # the records are readable later than the queues
        for key, since_s in ((one, NOW_S - 4), (other, NOW_S - 3)):
            if at_s >= since_s:
                history.add_gauge(key, float(at_s), gauge(held=100))
        history.add_depths(at_s, {"cpu": 7})
    history.add([task(NOW_S - 2.0) for _ in range(20)])
    assert recent(history)["arrived_per_s"] == 10.0  # 20 in the last 2 s
    assert recent(history, NOW_S - 2)["arrived_per_s"] is None


def test_arrivals_are_unknown_for_a_part_of_the_workers_and_when_nothing_is_measured() -> None:
    history = flow((0, 0), (4, 4), 40)
    assert recent(history, pool="prefork")["arrived_per_s"] is None
    assert recent(history, NOW_S + 30)["arrived_per_s"] is None
    assert recent(history, NOW_S + 30)["finished_per_s"] is None


def test_a_pool_shows_its_waiting_messages_and_its_limit() -> None:
    history = filled([])
    key = WorkerKey(pool="gevent", node="a@x")
    for second in range(4):
        history.add_gauge(
            key, NOW_S - 3.5 + second, gauge(slots=200, held=4, machine_percent=97.0, up_s=second)
        )
    history.add_depths(NOW_S, {"cpu": 6_410, "io": 5})
    [pool] = recent(history)["pools"]
    assert pool["waiting"] == 6_410
    assert pool["limit"] == {"cause": "machine_cpu", "value": 97}
