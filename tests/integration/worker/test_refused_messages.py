"""The probe also records messages that Celery refuses before a task exists."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.worker.conftest import SAMPLE, StartWorker, Worker
from tests.integration.worker.test_probe_faults import entries
from worker import probe


def row_of(worker: Worker, task_id: str) -> dict[str, Any]:
    """Return the only row of a task."""
    worker.until(lambda: task_id in str(entries(worker)))
    rows = [dict(zip(probe.ROW, row, strict=True)) for e in entries(worker) for row in e["rows"]]
    [row] = [row for row in rows if row["task_id"] == task_id]
    return row


@pytest.fixture(scope="module")
def worker(start_lasting_worker: StartWorker) -> Worker:
    return start_lasting_worker("-P", "solo", "-I", "worker.probe")


@pytest.mark.parametrize(
    ("task", "options", "protocol"),
    [
        ("no.such.task", {}, 2),
        ("no.such.task", {}, 1),
        (f"{SAMPLE}.whose", {"headers": {"eta": "never"}}, 2),
        (f"{SAMPLE}.whose", {"headers": {"expires": "never"}}, 2),
    ],
    ids=["unregistered", "unregistered-protocol-1", "eta", "expires"],
)
def test_a_refused_message_is_recorded_as_rejected(
    worker: Worker, task: str, options: dict[str, Any], protocol: int
) -> None:
    task_id = str(uuid4())
    worker.client.conf.task_protocol = protocol
    options = {"headers": {}, **options}
    options["headers"]["poolwise"] = {"run": "refused"}
    worker.client.send_task(task, task_id=task_id, **options)
    row = row_of(worker, task_id)
    assert (row["task"], row["outcome"]) == (task, "rejected")
    assert row["header"] == {"run": "refused"} or protocol == 1
    assert (row["slot"], row["started"], row["runtime"]) == (None, None, None)
    worker.until(lambda: worker.unsettled() == 0)


def test_a_message_without_a_task_makes_no_row_and_is_no_error(worker: Worker) -> None:
    with worker.client.connection_for_write() as connection, connection.Producer() as producer:
        producer.publish({"no": "task"}, routing_key="celery", exchange="", serializer="json")
    worker.until(lambda: "Received and deleted unknown message" in worker.log())
    task_id = worker.send("whose").id
    row_of(worker, task_id)
    assert all(row[1] for entry in entries(worker) for row in entry["rows"])
    assert entries(worker)[-1]["errors"] == 0
