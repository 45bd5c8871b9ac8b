"""Errors in the probe do not reach the worker: its tasks run and end as without the probe."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.result import AsyncResult

from tests.integration.worker.conftest import StartWorker, Worker
from worker import probe
from worker.pools import POOLS, Pool

FAULTY = "tests.integration.worker.faulty_probe"
#: How each kind of task ends, according to Celery, and the outcomes of its attempts.
KINDS = {
    "fine": ("SUCCESS", ["succeeded"]),
    "fail": ("FAILURE", ["failed"]),
    "ignore": ("PENDING", ["ignored"]),
    "retry": ("SUCCESS", ["retried", "succeeded"]),
    "requeue": ("SUCCESS", ["requeued", "succeeded"]),
    "expired": ("REVOKED", ["revoked"]),
    "limited": ("FAILURE", ["time-limit"]),
    "lost": ("FAILURE", ["slot-lost"]),
    "lost again": ("FAILURE", ["retried", "slot-lost"]),
}
FAULTS = ("note", "outcome", "receipt", "fate", "subclass")


def kinds_of(pool: Pool) -> list[str]:
    """Return the kinds of tasks that end in this pool."""
    without = {
        "limited": not pool.hard_time_limit,
        "lost": not pool.survives_task_death,
        "lost again": not pool.survives_task_death,
    }
    return [kind for kind in KINDS if not without.get(kind)]


def outcomes_in(worker: Worker) -> dict[str, list[str]]:
    """Return the outcomes of the attempts at each task, by its id."""
    outcomes: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries(worker):
        for row in entry["rows"]:
            outcomes[row[probe.ROW.index("task_id")]].append(row[probe.ROW.index("outcome")])
    return outcomes


def entries(worker: Worker) -> list[dict[str, Any]]:
    """Return everything that the probe has written."""
    stream: Any = worker.database.xrange(probe.STREAM)
    return [json.loads(fields[b"b"]) for _, fields in stream]


def send(worker: Worker, task: str) -> AsyncResult[Any]:
    """Send a task that the faulty probe registers."""
    expires = datetime.now(UTC) - timedelta(seconds=5) if task.endswith("expired") else None
    return worker.client.send_task(task, expires=expires)


@pytest.fixture(scope="module", params=POOLS.values(), ids=lambda pool: pool.name)
def pool(request: pytest.FixtureRequest) -> Pool:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def worker(pool: Pool, start_lasting_worker: StartWorker) -> Iterator[Worker]:
    worker = start_lasting_worker("-P", pool.name, "-c", "2", *pool.flags, "-I", FAULTY)
    yield worker
    assert worker.process.poll() is None, worker.log()


@pytest.mark.parametrize("fault", ["sound", *FAULTS])
def test_tasks_end_as_without_the_probe(fault: str, pool: Pool, worker: Worker) -> None:
    tasks = {kind: send(worker, f"{fault}.{kind}") for kind in kinds_of(pool)}
    states = {kind: KINDS[kind][0] for kind in tasks}
    worker.until(lambda: {kind: task.state for kind, task in tasks.items()} == states, 20)
    worker.until(lambda: worker.unsettled() == 0)


def test_the_tasks_without_a_fault_are_recorded(pool: Pool, worker: Worker) -> None:
    sent = {kind: send(worker, f"sound.{kind}").id for kind in kinds_of(pool)}
    expected = {kind: KINDS[kind][1] for kind in sent}

    def recorded() -> dict[str, list[str]]:
        outcomes = outcomes_in(worker)
        return {kind: sorted(outcomes[task_id]) for kind, task_id in sent.items()}

    worker.until(lambda: recorded() == expected, 20)


def test_errors_are_counted_in_the_entries_and_logged_once(worker: Worker) -> None:
    worker.until(lambda: entries(worker))
    before = entries(worker)[-1]["errors"]
    for fault in FAULTS:
        send(worker, f"{fault}.requeue")
    worker.until(lambda: entries(worker)[-1]["errors"] >= before + len(FAULTS) - 1)
    assert worker.log().count("poolwise probe: an error in the probe") == 1


@pytest.mark.parametrize("kind", ["fine", "fail", "expired"])
def test_tasks_with_a_strategy_of_their_own_are_recorded(kind: str, worker: Worker) -> None:
    state, outcomes = KINDS[kind]
    task = send(worker, f"direct.{kind}")
    worker.until(lambda: task.state == state)
    worker.until(lambda: outcomes_in(worker)[task.id] == outcomes)
    worker.until(lambda: worker.unsettled() == 0)
