"""Celery's own options for workers work as they do on kombu's transport."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.lease.farm import Farm

TASKS = 60
WAIT = "tests.lease.shop.wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A worker that is not started with the defaults."""

    pool: str = "threads"
    flags: tuple[str, ...] = ()
    conf: dict[str, Any] = field(default_factory=dict)  # Celery's settings
    options: dict[str, Any] = field(default_factory=dict)  # the transport's
    queues: tuple[str, ...] = ("celery",)


CASES = {
    "no prefetch in flags": Case(pool="prefork", flags=("--disable-prefetch",)),
    "no prefetch in settings": Case(pool="prefork", conf={"worker_disable_prefetch": True}),
    "no prefetch with threads": Case(conf={"worker_disable_prefetch": True}),
    "prefetch of one": Case(pool="prefork", conf={"worker_prefetch_multiplier": 1}),
    "unlimited prefetch": Case(conf={"worker_prefetch_multiplier": 0}),
    "autoscale": Case(pool="prefork", flags=("--autoscale", "4,1")),
    "autoscale without prefetch": Case(
        pool="prefork", flags=("--autoscale", "4,1", "--disable-prefetch")
    ),
    "new process after five tasks": Case(pool="prefork", flags=("--max-tasks-per-child", "5")),
    "acknowledged early": Case(pool="prefork", conf={"task_acks_late": False}),
    "rate limit": Case(conf={"task_annotations": {WAIT: {"rate_limit": "40/s"}}}),
    "three queues": Case(queues=("a", "b", "c")),
    "three queues in their order": Case(
        queues=("a", "b", "c"), options={"queue_order_strategy": "sorted"}
    ),
    "ten priorities": Case(options={"priority_steps": list(range(10))}),
    "another separator": Case(options={"sep": ":", "priority_steps": [0, 5]}),
    "one message a claim": Case(pool="gevent", options={"claim_limit": 1}),
    "no remote control": Case(pool="gevent", conf={"worker_enable_remote_control": False}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_task_runs_once(name: str, farm: Farm) -> None:
    case = CASES[name]
    flags = (*case.flags, "-Q", ",".join(case.queues))
    conf, options = json.dumps(case.conf), json.dumps(case.options)
    worker = farm.worker(case.pool, "lease", *flags, conf=conf, options=options)
    app = farm.app(**case.options)
    for mark in range(TASKS):
        queue = case.queues[mark % len(case.queues)]
        app.send_task(WAIT, (mark, 0.02), queue=queue, priority=mark % 10)
    farm.until_ran(TASKS)
    farm.until(lambda: not farm.held(), 5, what="messages are still in flight")
    assert set(farm.ran().values()) == {1}
    worker.stop(30)
    assert worker.exit_code == 0, worker.log_tail()


def test_disabled_prefetch_takes_no_more_than_there_are_slots(farm: Farm) -> None:
    farm.worker("prefork", "lease", "--disable-prefetch")
    farm.send(farm.app(), "wait", 8, 1)
    most = 0

    def watched() -> bool:
        nonlocal most
        most = max(most, len(farm.held()))
        return len(farm.ran()) == 8

    farm.until(watched, 30)
    assert most == 2


def test_high_priorities_run_first(farm: Farm) -> None:
    app = farm.app()
    for mark in range(40):
        app.send_task("tests.lease.shop.note", (mark,), priority=(9, 6, 3, 0)[mark % 4])
    farm.worker("solo", prefetch=1)
    farm.until_ran(40)
    noted: Any = farm.notes.lrange("ran", 0, -1)
    ranks = [3 - int(mark) % 4 for mark in noted]
    assert ranks == sorted(ranks)


def test_a_full_queue_does_not_hold_up_another(farm: Farm) -> None:
    app = farm.app()
    for mark in range(100):
        app.send_task("tests.lease.shop.note", (mark,), queue="full")
    for mark in range(100, 105):
        app.send_task("tests.lease.shop.note", (mark,), queue="short")
    farm.worker("solo", "lease", "-Q", "full,short", prefetch=2)
    farm.until_ran(105)
    noted: Any = farm.notes.lrange("ran", 0, -1)
    order = [int(mark) for mark in noted]
    assert max(order.index(mark) for mark in range(100, 105)) < 20


def test_a_task_that_waits_for_its_rate_keeps_its_lease(farm: Farm) -> None:
    limited = json.dumps({"task_annotations": {WAIT: {"rate_limit": "1/s"}}})
    worker = farm.worker("threads", lease_s=2, conf=limited)
    farm.worker("threads", "lease", "-Q", "another", lease_s=2)  # would return what has expired
    farm.send(farm.app(), "wait", 7, 0.01)
    farm.until_ran(7)
    assert set(farm.ran("began").values()) == {1}, worker.log_tail()


@pytest.mark.parametrize("end", ["revoked", "time limit"])
def test_a_task_that_is_terminated_does_not_run_again(end: str, farm: Farm) -> None:
    worker = farm.worker("prefork", lease_s=2)
    app = farm.app()
    limit_s = 2 if end == "time limit" else None
    doomed = app.send_task(WAIT, (0, 600), time_limit=limit_s)
    farm.until(lambda: farm.ran("began"), 20)
    if end == "revoked":
        app.control.revoke(doomed.id, terminate=True)
    farm.until(lambda: not farm.held(), 20, what="it is still in flight")
    farm.send(app, "note", 5)
    farm.until(lambda: sum(farm.ran().values()) == 5, 20)
    assert farm.ran("began") == {0: 1}, worker.log_tail()
    assert not farm.broker.client.llen("celery")
