"""The last minute: what is kept of it, for how long, and what is left out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from monitor.findings import recent
from monitor.findings.judge import SHARE, Judge
from monitor.findings.recent import GAP_S, SHORTEST_S, SILENT_S, WINDOW_S, Recent
from monitor.findings.window import Window
from monitor.history.gauge_history import MAX_WORKERS, WorkerKey
from monitor.reading.inspection import Delivery, delivery
from monitor.reading.supervisor import Health
from producer.observation.findings import findings
from producer.observation.seen import Attempt, Seen
from producer.records import Batch, Gauge, Record

BEGIN_S = 1_700_000_000.0


def gauge(**changes: Any) -> Gauge:
    known: dict[str, Any] = {
        "up_s": 5.0,
        "slots": 1,
        "busy": 0,
        "queues": ("celery",),
        "cpu_s": None,
        "memory_bytes": None,
        "memory": None,
        "held": 0,
    }
    return Gauge(**(known | changes))


def record(started_s: float, **changes: Any) -> Record:
    """Return a task of a second, which started so long after BEGIN_S."""
    known: dict[str, Any] = {
        "run": None,
        "task_id": f"id-{started_s}",
        "task": "shop.pay",
        "node": "a@x",
        "pool": "prefork",
        "slot": "1",
        "due": None,
        "sent": None,
        "received": BEGIN_S + started_s,
        "started": BEGIN_S + started_s,
        "finished": BEGIN_S + started_s + 1.0,
        "outcome": "succeeded",
        "redelivered": False,
        "runtime": 1.0,
    }
    return Record(**(known | changes))


def batch(at_s: float, node: str = "a@x", **changes: Any) -> Batch:
    known: dict[str, Any] = {
        "kind": "gauge" if "gauge" in changes else "rows",
        "node": node,
        "pool": "prefork",
        "slots": 1,
        "pid": 1,
        "seq": 0,
        "dropped": 0,
        "error_s": 0.0,
        "records": (),
        "entry_id": (round((BEGIN_S + at_s) * 1_000), 0),
    }
    return Batch(**(known | changes))


def heard(seconds: int, *, since_s: int = 0, **gauges: Gauge) -> Recent:
    """Return the last minute after `seconds` in which workers wrote these gauges every second."""
    found = Recent()
    hear(found, range(since_s, seconds + 1), **gauges)
    return found


def hear(found: Recent, seconds: range, **gauges: Gauge) -> None:
    for second in seconds:
        found.add_batches(
            [batch(second, f"{name}@x", gauge=one) for name, one in gauges.items()],
            BEGIN_S + second,
        )


def seen(found: Recent, at_s: float) -> Seen:
    window = found.window(BEGIN_S + at_s)
    assert window is not None
    return window.seen(lambda _: Delivery())


HOARDS, IDLE = gauge(busy=1, held=7), gauge()


def test_messages_held_beside_an_idle_worker_are_found() -> None:
    [found] = findings(seen(heard(10, a=HOARDS, b=IDLE), 10.0))
    assert (found.name, found.worker) == ("prefetch-hoarding", "a@x")
    assert "reserved up to 6 messages for" in found.evidence


def test_what_was_healed_is_forgotten_after_a_minute() -> None:
    found = heard(10, a=HOARDS, b=IDLE)
    hear(found, range(11, 61), a=IDLE, b=IDLE)
    assert findings(seen(found, 60.0)) != ()
    hear(found, range(61, 75), a=IDLE, b=IDLE)
    assert findings(seen(found, 74.0)) == ()
    assert seen(found, 74.0).span_s == WINDOW_S
    assert min(one.at_s for one in seen(found, 74.0).workers[0].samples) >= 0


def test_a_few_seconds_prove_nothing() -> None:
    assert heard(4, a=HOARDS, b=IDLE).window(BEGIN_S + SHORTEST_S - 0.1) is None
    assert Recent().window(BEGIN_S) is None


def test_times_count_from_the_beginning_of_the_window() -> None:
    found = heard(100, a=IDLE)
    found.add_batches([batch(100, records=(record(90.0),))], BEGIN_S + 100)
    found.add_depths({"celery": 5}, BEGIN_S + 100)
    known = seen(found, 100.0)
    [attempt] = known.workers[0].attempts
    assert (attempt.started_s, attempt.finished_s) == (50.0, 51.0)
    assert known.depths == {"celery": ((60.0, 5),)}
    assert known.workers[0].attempts_from_s == 0.0


def test_events_count_like_records() -> None:
    found = Recent()
    key = WorkerKey(pool="gevent", node="g@x")
    ended = Attempt(
        task_id="1",
        task="shop.pay",
        sent_s=None,
        received_s=BEGIN_S + 4.0,
        started_s=None,
        finished_s=BEGIN_S + 6.0,
        outcome="failed",
        redelivered=None,
    )
    for half in range(21):
        attempts = [("g@x", ended), ("unknown@x", ended)] if half == 20 else []
        found.add_unprobed(attempts, [(key, gauge(held=None))], BEGIN_S + half / 2)
    [worker] = seen(found, 10.0).workers
    assert (worker.source, worker.pool_name, len(worker.samples)) == ("events", "gevent", 10)
    [attempt] = worker.attempts
    assert (attempt.received_s, attempt.started_s, attempt.finished_s) == (4.0, None, 6.0)
    assert worker.samples[0].waiting is None


@pytest.mark.parametrize(
    ("finished_s", "kept"),
    [(-1.0, False), (5.0, True), (11.9, True), (13.0, False), (float("nan"), False)],
)
def test_attempts_of_another_time_are_left_out(finished_s: float, kept: bool) -> None:
    found = heard(10, a=IDLE)
    found.add_batches(
        [batch(10, records=(record(0.0, finished=BEGIN_S + finished_s),))], BEGIN_S + 10
    )
    assert bool(seen(found, 10.0).workers[0].attempts) is kept


def test_the_oldest_attempts_give_way_and_it_is_known_since_when_all_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recent, "MOST_ATTEMPTS", 6)
    found = heard(10, a=IDLE, b=IDLE)
    some = tuple(record(float(second)) for second in range(9))
    found.add_batches([batch(10, records=some)], BEGIN_S + 10)
    worker, other = seen(found, 10.0).workers
    assert [one.finished_s for one in worker.attempts] == [7.0, 8.0, 9.0]
    assert (worker.attempts_from_s, other.attempts_from_s) == (6.0, 0.0)


def stop(found: Recent) -> None:
    found.add_batches([batch(10, kind="stopped")], BEGIN_S + 10)


def restart(found: Recent) -> None:
    found.add_batches([batch(10, kind="ready"), batch(10.1, gauge=IDLE)], BEGIN_S + 10)


def switch(found: Recent) -> None:
    found.add_batches([batch(10, pool="threads", gauge=IDLE)], BEGIN_S + 10)


def be_silent(found: Recent) -> None:
    hear(found, range(11, 27), b=IDLE)


@pytest.mark.parametrize(
    ("change", "at_s"),
    [(stop, 10.0), (restart, 10.0), (switch, 10.0), (be_silent, 10.0 + SILENT_S)],
)
def test_a_worker_that_stopped_started_again_or_is_silent_is_not_judged_by_its_past(
    change: Callable[[Recent], None], at_s: float
) -> None:
    found = heard(10, a=HOARDS, b=IDLE)
    assert findings(seen(found, 10.0))
    change(found)
    assert findings(seen(found, at_s)) == ()


def test_after_a_time_without_records_everything_begins_again() -> None:
    found = heard(10, a=HOARDS, b=IDLE)
    later_s = int(10 + GAP_S + 2)
    hear(found, range(later_s, later_s + 3), a=HOARDS, b=IDLE)
    assert found.window(BEGIN_S + later_s + 3) is None
    hear(found, range(later_s + 3, later_s + 9), a=HOARDS, b=IDLE)
    assert seen(found, later_s + 8.0).span_s == 8.0


def test_there_is_room_for_a_bounded_number_of_workers() -> None:
    found = heard(10)
    found.add_batches(
        [batch(10, f"w{n}@x", gauge=IDLE) for n in range(MAX_WORKERS + 5)], BEGIN_S + 10
    )
    assert len(seen(found, 10.0).workers) == MAX_WORKERS


def judged(window: Window | None) -> dict[str, Any]:
    """Return the answer after one judgement."""
    judge, stop_now = Judge(lambda: window, lambda _: Delivery()), threading.Event()
    judge.follow(stop_now, stop_now.set)
    assert judge.answer(known=False)["found"] is None
    return judge.answer(known=True)


def test_an_answer_has_the_first_three_findings_and_counts_the_others() -> None:
    found = heard(10, a=HOARDS, b=IDLE, c=gauge(busy=1))
    for second in range(10):
        found.add_depths({"celery": 9}, BEGIN_S + second + 0.5)
    some = tuple(
        record(n / 10, task_id=f"{outcome}-{n}", outcome=outcome, redelivered=again)
        for outcome, again in (("failed", False), ("retried", False), ("succeeded", True))
        for n in range(5)
    )
    found.add_batches([batch(10, records=some)], BEGIN_S + 10)
    answer = judged(found.window(BEGIN_S + 10))
    assert answer["seconds"] == 10.0
    assert [one["name"] for one in answer["found"]] == [
        "prefetch-hoarding",
        "slots-full",
        "failures",
    ]
    assert set(answer["found"][0]) == {"name", "worker", "text", "evidence", "fix"}
    assert answer["more"] == 2


def test_a_healthy_cluster_has_no_findings_and_too_little_is_not_healthy() -> None:
    assert judged(heard(10, a=IDLE).window(BEGIN_S + 10)) == {
        "seconds": 10.0,
        "found": [],
        "more": 0,
    }
    assert judged(None)["found"] is None


def test_the_pause_after_a_costly_judgement_is_long_and_no_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu_s = count(0.0, 2.0)
    monkeypatch.setattr("monitor.findings.judge.time.thread_time", lambda: next(cpu_s))
    now_s = 0.0
    health = Health("findings", lambda: now_s, action="update")
    judged_at_s: list[float] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal now_s
            now_s += timeout or 0.0
            assert (health.trouble, health.is_stuck) == ("", False)
            if now_s > 250:
                self.set()
            return self.is_set()

    judge = Judge(lambda: judged_at_s.append(now_s), lambda _: Delivery())
    judge.follow(Waits(), health.delivered)
    assert judged_at_s == [0.0, 2 / SHARE, 4 / SHARE]


@pytest.mark.parametrize(
    ("reply", "known"),
    [
        ({}, (None, None)),
        (
            {
                "stats": {"prefetch_count": 4, "pool": {}},
                "conf": {"broker_transport_options": {"visibility_timeout": 30}},
            },
            (4, 30.0),
        ),
        ({"stats": {"prefetch_count": -1}}, (None, None)),
        ({"conf": {"broker_transport_options": "x"}}, (None, None)),
        ([], (None, None)),
    ],
)
def test_the_settings_of_a_worker_come_from_its_inspection(reply: Any, known: Any) -> None:
    found = delivery(reply)
    assert (found.prefetch_count, found.visibility_timeout_s) == known


def test_if_the_clock_is_set_back_the_last_minute_begins_again() -> None:
    found = heard(10, a=HOARDS, b=IDLE)
    for second in range(7):  # the server goes on with the number of its last entry
        entry_id = (round((BEGIN_S + 10) * 1_000), second + 1)
        some = [batch(0, f"{name}@x", gauge=IDLE, entry_id=entry_id) for name in "ab"]
        found.add_batches(some, BEGIN_S - 600 + second)
    known = seen(found, -594.0)
    assert known.span_s == 6.0
    assert [len(one.samples) for one in known.workers] == [6, 6]
    assert findings(known) == ()
