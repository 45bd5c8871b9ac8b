"""Real workers behave as the preflight findings on spellings, acks and settings say."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.integration.worker.conftest import StartWorker, stays_false


@pytest.mark.parametrize(
    ("flags", "settings", "env"),
    [
        (("-Pgevent",), {}, {}),
        ((), {"worker_pool": "gevent"}, {}),
        ((), {}, {"CELERY_WORKER_POOL": "gevent"}),
    ],
    ids=["attached", "setting", "environment"],
)
def test_gevent_without_monkey_patching_runs_nothing(
    flags: tuple[str, ...],
    settings: dict[str, Any],
    env: dict[str, str],
    start_worker: StartWorker,
) -> None:
    worker = start_worker(
        *flags, "-c", "1", "--include", "worker.startup", settings=settings, **env
    )
    assert "[not-monkey-patched]" in worker.log()
    tasks = [worker.send("whose") for _ in range(4)]
    worker.until(lambda: "received" in worker.log())
    assert stays_false(lambda: any(task.ready() for task in tasks), 0.6)


@pytest.mark.parametrize(
    ("setting", "governs"),
    [
        ({}, False),
        ({"broker_pool_limit": 200}, False),
        ({"broker_transport_options": {"max_connections": 110}}, True),
    ],
    ids=["default", "broker_pool_limit", "max_connections"],
)
def test_late_acks_of_many_greenlets(
    setting: dict[str, Any], governs: bool, start_worker: StartWorker
) -> None:
    worker = start_worker("-P", "gevent", "-c", "100", settings=setting)
    for _ in range(200):
        worker.send("late_nap", 0.3)
    if governs:
        worker.until(lambda: worker.unsettled() == 0, 15)
        assert "Couldn't ack" not in worker.log()
    else:
        # The error is raised in the consumer or in the greenlet that acknowledges.
        errors = ("MaxConnectionsError", "Couldn't ack")
        worker.until(lambda: all(words in worker.log() for words in errors), 15)


def test_a_full_gevent_worker_sleeps_unless_it_may_fetch_one_more(
    start_worker: StartWorker,
) -> None:
    def makespan_s(multiplier: int) -> float:
        flags = ("-P", "gevent", "-c", "4", f"--prefetch-multiplier={multiplier}")
        worker = start_worker(*flags)
        started_s = time.monotonic()
        for _ in range(12):
            worker.send("late_nap", 0.1)
        worker.until(lambda: worker.unsettled() == 0, 15)
        return time.monotonic() - started_s

    assert makespan_s(1) > 3 * makespan_s(2)


def test_threads_acknowledge_through_one_connection(start_worker: StartWorker) -> None:
    worker = start_worker("-P", "threads", "-c", "100")
    for _ in range(200):
        worker.send("late_nap", 0.3)
    worker.until(lambda: worker.unsettled() == 0, 15)
    assert "Couldn't ack" not in worker.log()


def test_a_setting_overrides_a_typed_prefork(start_worker: StartWorker) -> None:
    flags = "-P prefork -c 8 --autoscale 2,1 --prefetch-multiplier 0 --include worker.startup"
    worker = start_worker(*flags.split(), settings={"worker_pool": "solo"})
    [stats] = (worker.client.control.inspect(timeout=3, limit=1).stats() or {}).values()
    assert stats["pool"]["implementation"] == "celery.concurrency.solo:TaskPool"
    assert "[pool-overridden]" in worker.log()
    # --autoscale gives two slots, not eight; each fetches four, because the typed 0 is ignored.
    assert stats["prefetch_count"] == 2 * 4


def test_a_task_longer_than_the_visibility_timeout_runs_again(start_worker: StartWorker) -> None:
    options = {
        "visibility_timeout": 1,
        "unacked_restore_interval": 0.3,
        "unacked_restore_throttle": 1,
    }
    worker = start_worker(
        "-P", "threads", "-c", "2", settings={"broker_transport_options": options}
    )
    task = worker.send("late_nap", 8.0)
    worker.until(lambda: worker.log().count(f"[{task.id}] received") > 1)


def test_threads_cannot_cancel_when_the_connection_is_lost(start_worker: StartWorker) -> None:
    settings = {"worker_cancel_long_running_tasks_on_connection_loss": True}
    worker = start_worker("-P", "threads", "-c", "2", settings=settings)
    worker.send("late_nap", 8.0)
    worker.until(lambda: "received" in worker.log())
    number = worker.database.connection_pool.connection_kwargs["db"]
    for client in worker.database.client_list():
        if int(client["db"]) == number and client["cmd"] == "brpop":
            worker.database.client_kill_filter(_id=client["id"])
    worker.until(lambda: "Failed to cancel active request" in worker.log())


def test_celery_refuses_beat_inside_gevent(start_worker: StartWorker) -> None:
    worker = start_worker("-P", "gevent", "-B")
    assert worker.process.wait(timeout=5) == 1
    assert "-B option doesn't work with eventlet/gevent pools" in worker.log()


@pytest.mark.parametrize(
    ("pool", "sent", "options"),
    [("prefork", 3, {}), ("threads", 1, {"countdown": 5})],
    ids=["for a slot", "for their ETA"],
)
def test_messages_that_wait_are_redelivered_without_late_acks(
    pool: str, sent: int, options: dict[str, Any], start_worker: StartWorker
) -> None:
    transport = {"visibility_timeout": 2, "unacked_restore_interval": 1}
    settings = {"broker_transport_options": {**transport, "unacked_restore_throttle": 1}}
    worker = start_worker("-P", pool, "-c", "1", settings=settings)
    for _ in range(sent):
        worker.send("nap", 2.5, **options)
    worker.until(lambda: worker.log().count("succeeded") > sent, 30)


def test_a_soft_limit_above_the_hard_one_delays_it(start_worker: StartWorker) -> None:
    flags = ("-P", "prefork", "-c", "1", "--include", "worker.startup")
    swapped = start_worker(*flags, "--time-limit", "1", "--soft-time-limit", "4")
    result = swapped.send("tidy", 30.0)
    assert "[limits-swapped]" in swapped.log()
    assert stays_false(result.ready, 2.5)
    swapped.until(result.ready)


@pytest.mark.parametrize(
    ("setting", "ends"),
    [({"task_reject_on_worker_lost": True}, False), ({"task_retry_on_worker_lost": True}, True)],
    ids=["reject", "retry"],
)
def test_a_task_that_kills_its_process_circles_unless_it_is_retried(
    setting: dict[str, Any], ends: bool, start_worker: StartWorker
) -> None:
    worker = start_worker("-P", "prefork", "-c", "2", settings=setting)
    worker.send("die_again")
    if ends:
        worker.until(lambda: worker.log().count("received") == 3 and worker.unsettled() == 0, 20)
        assert stays_false(lambda: worker.log().count("received") > 3, 0.6)
    else:
        worker.until(lambda: worker.log().count("received") > 4, 30)


def test_a_multiplier_of_one_holds_a_message_per_slot_without_late_acks(
    start_worker: StartWorker,
) -> None:
    worker = start_worker("-P", "prefork", "-c", "2", "--prefetch-multiplier", "1")
    for _ in range(6):
        worker.send("nap", 3.0)
    worker.until(lambda: worker.log().count("received") == 4)
    assert worker.database.llen("celery") == 2
