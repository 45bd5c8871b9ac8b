"""Real workers have the capabilities that the pool table lists."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.worker.conftest import SAMPLE, StartWorker, Worker, stays_false
from worker.pools import POOLS, Pool

NO_LIMIT_S = 60.0


@pytest.fixture(scope="module", params=list(POOLS))
def pool(request: pytest.FixtureRequest) -> Pool:
    return POOLS[request.param]


@pytest.fixture(scope="module")
def worker(pool: Pool, start_lasting_worker: StartWorker) -> Worker:
    """Start a worker with two slots and a time limit that some pools ignore."""
    flags = "-c 2 --time-limit 0.4 --include worker.startup"
    return start_lasting_worker("-P", pool.name, *flags.split())


def replies(worker: Worker, command: str, **arguments: Any) -> list[str]:
    """Return the kinds of the worker's replies to a command: ok or error."""
    answers = worker.client.control.broadcast(
        command, arguments=arguments, reply=True, timeout=3, limit=1
    )
    return [next(iter(answer.values())).popitem()[0] for answer in answers or []]


@contextmanager
def occupied(worker: Worker, *, slots: int) -> Iterator[list[Any]]:
    """Fill slots with tasks that run until the end of the block."""
    gate = str(uuid4())
    running = [worker.send("hold", gate, time_limit=NO_LIMIT_S) for _ in range(slots)]
    try:
        worker.until(lambda: all(f"[{task.id}] received" in worker.log() for task in running))
        yield running
    finally:
        worker.database.rpush(gate, *("open" for _ in running))
    for task in running:
        worker.until(task.ready)


def test_the_worker_logs_its_findings_at_startup(worker: Worker, pool: Pool) -> None:
    log = worker.log()
    assert ("[time-limit-ignored]" in log) is not pool.hard_time_limit
    assert ("[terminate-unsupported]" in log) is not pool.terminate


def test_hard_time_limit(worker: Worker, pool: Pool) -> None:
    outcome = worker.outcome(worker.send("nap", 8.0 if pool.hard_time_limit else 0.7))
    assert outcome == ("FAILURE" if pool.hard_time_limit else "SUCCESS")


def test_soft_time_limit(worker: Worker, pool: Pool) -> None:
    duration_s = 8.0 if pool.soft_time_limit else 0.5
    result = worker.send("tidy", duration_s, soft_time_limit=0.2, time_limit=NO_LIMIT_S)
    worker.until(result.ready)
    assert result.result == ("tidied" if pool.soft_time_limit else "ran on")


def test_a_time_limit_on_a_task_that_never_waits(worker: Worker, pool: Pool) -> None:
    duration_s = 8.0 if pool.preemptive else 1.0
    computing = worker.send("compute", duration_s, time_limit=0.3)
    took_s = worker.until(lambda: computing.ready() and _age_s(worker, computing.id))
    assert (took_s < duration_s) is pool.preemptive


def _age_s(worker: Worker, task_id: str) -> float:
    """Return the time between the first and last line of the task in the log, in seconds."""
    stamps = [
        float(line.split(",")[1][:3]) / 1000 + float(line.split(":")[2][:2])
        for line in worker.log().splitlines()
        if task_id in line and line.startswith("[")
    ]
    return (stamps[-1] - stamps[0]) % 60


def test_terminate(worker: Worker, pool: Pool) -> None:
    if not pool.answers_while_busy:
        # It does not read commands while a task runs; the next test shows that.
        return
    with occupied(worker, slots=1) as [running]:
        assert replies(worker, "revoke", task_id=[running.id], terminate=True) == [
            "ok" if pool.terminate else "error"
        ]
        if pool.terminate:
            assert worker.outcome(running) == "REVOKED"
    assert running.state == ("REVOKED" if pool.terminate else "SUCCESS")


def test_remote_control_while_busy(worker: Worker, pool: Pool) -> None:
    with occupied(worker, slots=1):
        # Wait long for pools that answer; a short time is enough for those that do not.
        timeout_s = 10 if pool.answers_while_busy else 0.4
        assert (
            bool(worker.client.control.ping(timeout=timeout_s, limit=1)) is pool.answers_while_busy
        )


def test_revoking_a_fetched_task_that_has_not_started(worker: Worker, pool: Pool) -> None:
    with occupied(worker, slots=1 if pool.fixed_concurrency else 2):
        waiting = worker.send("tidy", 0.0)
        spare = worker.send("tidy", 0.0)
        # Some pools fetch nothing before a slot is free, so they read the revocation first. If the
        # pool runs revoked tasks, the spare task must be fetched before it is revoked.
        wanted = waiting if pool.revokes_fetched else spare
        if pool.answers_while_busy:
            worker.until(lambda: wanted.id in [task["id"] for task in _reserved(worker)])
        worker.client.control.revoke([spare.id])
        if pool.answers_while_busy:
            worker.until(lambda: f"Tasks flagged as revoked: {spare.id}" in worker.log())
    worker.until(waiting.ready)
    # Check the log, because the state of a revoked task is REVOKED even if the task then runs.
    worker.until(lambda: _discarded(worker, spare.id) or f"[{spare.id}] succeeded" in worker.log())
    assert _discarded(worker, spare.id) is pool.revokes_fetched


def _discarded(worker: Worker, task_id: str) -> bool:
    return f"Discarding revoked task: {SAMPLE}.tidy[{task_id}]" in worker.log()


def _reserved(worker: Worker) -> list[Any]:
    held = worker.client.control.inspect(timeout=3, limit=1).reserved() or {}
    return [task for tasks in held.values() for task in tasks]


def test_grow_and_shrink(worker: Worker, pool: Pool) -> None:
    expected = ["ok" if pool.grow_shrink else "error"]
    assert replies(worker, "pool_grow", n=1) == expected
    assert replies(worker, "pool_shrink", n=1) == expected


def test_a_task_that_kills_its_process(pool: Pool, start_worker: StartWorker) -> None:
    worker = start_worker("-P", pool.name, "-c", "2")
    worker.send("die")
    if not pool.survives_task_death:
        assert worker.process.wait(timeout=10) == 3
        assert worker.database.hlen("unacked") == 1
        return
    assert worker.send("whose").get(timeout=15)
    # `late-ack-lost`: the message is acknowledged although the task never finished.
    worker.until(lambda: worker.unsettled() == 0, 15)
    assert worker.process.poll() is None


def test_processes_are_replaced(pool: Pool, start_worker: StartWorker) -> None:
    after_each_task = ("--max-tasks-per-child", "--max-memory-per-child")
    workers = [start_worker("-P", pool.name, "-c", "1", flag, "1") for flag in after_each_task]
    running = [[worker.send("whose") for _ in range(2)] for worker in workers]
    by_tasks, by_memory = ({task.get(timeout=15)[0] for task in sent} for sent in running)
    assert (len(by_tasks) == 2) is pool.max_tasks_per_child
    assert (len(by_memory) == 2) is pool.max_memory_per_child


def test_autoscale(pool: Pool, start_worker: StartWorker) -> None:
    worker = start_worker("-P", pool.name, "--autoscale", "4,1")
    for _ in range(4):
        worker.send("nap", 0.6)
    if pool.answers_while_busy and not pool.autoscale:
        assert worker.process.wait(timeout=10) == 1
        assert "has no attribute 'grow'" in worker.log()
        return
    watch_s = 10 if pool.autoscale else 1
    grown = not stays_false(lambda: "Scaling up" in worker.log(), watch_s)
    assert grown is pool.autoscale


def test_cold_shutdown(pool: Pool, start_worker: StartWorker) -> None:
    busy = not pool.answers_while_busy  # so that only the task's state shows that it has started
    settings = {"task_reject_on_worker_lost": True, "task_track_started": busy}
    worker = start_worker("-P", pool.name, "-c", "2", settings=settings)
    task = worker.send("late_nap", 4.0)
    worker.until(lambda: f"[{task.id}] received" in worker.log())
    if pool.slot != "worker":  # solo receives the message only to run it at once
        worker.until(lambda: worker.database.hlen("unacked") == 1)
    worker.until(lambda: task.state == "STARTED" if busy else _is_active(worker, task.id))
    worker.process.send_signal(signal.SIGQUIT)
    worker.process.wait(timeout=30)
    if pool.cold_shutdown == "waits":  # its ack, and its exit code, depend on who is faster
        assert task.state == "SUCCESS"
        return
    outcome = {"requeues": (1, "PENDING"), "loses": (0, "PENDING"), "fails": (0, "FAILURE")}
    assert (worker.unsettled(), task.state) == outcome[pool.cold_shutdown]


def _is_active(worker: Worker, task_id: str) -> bool:
    replies = worker.client.control.inspect(timeout=1, limit=1).active() or {}
    return any(one["id"] == task_id for tasks in replies.values() for one in tasks)
