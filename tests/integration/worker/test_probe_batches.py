"""Tasks of celery-batches have a row for each message of a batch, which ends as without the probe.

The library does not allow the newest Celery, so these tests use a stand-in that makes the same
calls; `tests/old_celery/test_old_batches.py` uses the library itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.batches.size import RUN_S, SIZE
from tests.integration.worker.conftest import StartWorker, Worker
from tests.integration.worker.test_probe_faults import entries
from worker import probe
from worker.pools import POOLS, Pool

FOLDER = Path(__file__).with_name("batches")
OUTCOMES = {"fine": "succeeded", "fail": "failed"}


@pytest.fixture(scope="module", params=POOLS.values(), ids=lambda pool: pool.name)
def pool(request: pytest.FixtureRequest) -> Pool:
    return request.param  # type: ignore[no-any-return]


def start(pool: Pool, start_worker: StartWorker, *flags: str, **env: str) -> Worker:
    """Start a worker that fetches enough messages for several batches."""
    modules = ("-I", "batched,worker.probe", "--prefetch-multiplier", "10")
    given = {"PYTHONPATH": str(FOLDER), **env}
    return start_worker("-P", pool.name, "-c", "2", *modules, *flags, **given)


@pytest.fixture(scope="module")
def worker(pool: Pool, start_lasting_worker: StartWorker) -> Iterator[Worker]:
    worker = start(pool, start_lasting_worker)
    yield worker
    assert worker.process.poll() is None, worker.log()
    assert "an error in the probe" not in worker.log()


def send(worker: Worker, task: str, number: int = SIZE) -> set[str]:
    """Send a task `number` times and return the ids; nothing connects to wait for results."""
    name = f"batched.{task}"
    return {worker.client.send_task(name, ignore_result=True).id for _ in range(number)}


def rows_of(worker: Worker, ids: set[str]) -> list[dict[str, Any]]:
    rows = [
        dict(zip(probe.ROW, row, strict=True)) for one in entries(worker) for row in one["rows"]
    ]
    return [row for row in rows if row["task_id"] in ids]


def run(worker: Worker, task: str) -> list[dict[str, Any]]:
    """Run one batch and return its rows."""
    ids = send(worker, task)
    worker.until(lambda: len(rows_of(worker, ids)) >= SIZE)
    rows = rows_of(worker, ids)
    assert {row["task_id"] for row in rows} == ids
    return rows


@pytest.mark.parametrize("ack", ["early", "late"])
@pytest.mark.parametrize("body", OUTCOMES)
def test_each_message_of_a_batch_has_a_row(body: str, ack: str, worker: Worker) -> None:
    rows = run(worker, f"{body}-{ack}")
    assert len(rows) == SIZE
    assert {row["outcome"] for row in rows} == {OUTCOMES[body]}
    assert {row["task"] for row in rows} == {f"batched.{body}-{ack}"}
    for row in rows:
        assert row["received"] <= row["started"] <= row["finished"] - RUN_S * 1e6
    worker.until(lambda: worker.unsettled() == 0)


def test_the_messages_of_a_batch_share_a_slot(pool: Pool, worker: Worker) -> None:
    first, second = run(worker, "fine-early"), run(worker, "fine-late")
    for rows in (first, second):
        assert len({(row["slot"], row["started"], row["finished"]) for row in rows}) == 1
    if pool.slot == "greenlet":
        assert first[0]["slot"] != second[0]["slot"]


def test_a_batch_that_is_not_complete_has_no_rows_yet(worker: Worker) -> None:
    waiting = send(worker, "fine-early", SIZE - 1)
    run(worker, "fine-late")
    assert rows_of(worker, waiting) == []
    last = send(worker, "fine-early", 1)
    worker.until(lambda: len(rows_of(worker, waiting | last)) == SIZE)


@pytest.mark.parametrize("ack", ["early", "late"])
def test_a_batch_whose_process_dies_has_no_rows(ack: str, start_worker: StartWorker) -> None:
    """Nothing reports its end to the worker."""
    worker = start(POOLS["prefork"], start_worker)
    lost = send(worker, f"die-{ack}")
    worker.until(lambda: "exited" in worker.log())
    run(worker, "fine-early")
    assert rows_of(worker, lost) == []
    assert worker.unsettled() == (SIZE if ack == "late" else 0)


def test_fresh_interpreters_run_batches_too(start_worker: StartWorker) -> None:
    worker = start(POOLS["prefork"], start_worker, "--pool-start-method", "spawn")
    assert {row["outcome"] for row in run(worker, "fine-late")} == {"succeeded"}
    assert {row["outcome"] for row in run(worker, "fail-late")} == {"failed"}


@pytest.mark.parametrize("fault", ["call", "slot", "end"])
def test_errors_in_the_probe_do_not_reach_batches(
    fault: str, pool: Pool, start_worker: StartWorker
) -> None:
    modules = ("-I", "batched,worker.probe,faulty")
    worker = start(pool, start_worker, *modules, PROBE_FAULT=fault)
    sent = send(worker, "fine-late") | send(worker, "fail-late")
    worker.until(lambda: worker.unsettled() == 0)
    worker.until(lambda: "an error in the probe" in worker.log())
    assert "on purpose" in worker.log()  # the batch that raises has run
    assert rows_of(worker, sent) == []
