"""A load of a foreign project's tasks is accounted for to the last task, under either protocol."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from producer.ledger import Ledger
from producer.plan import Plan, Work
from producer.queues import drain
from producer.records import RecordReader
from producer.submit import SubmitOptions, Submitter
from tests.paths import ROOT
from worker.probe import Clock

PROJECT = """
import celery

app = celery.Celery("market", broker=BROKER, set_as_current=False)
app.conf.task_protocol = PROTOCOL

class Tenant(celery.Task):
    def apply_async(self, *args, **options):
        options["headers"] = {**(options.get("headers") or {}), "tenant": "north"}
        return super().apply_async(*args, **options)

@app.task(name="market.add", shared=False)
def add(x, y):
    return x + y

@app.task(name="market.tenant", shared=False, base=Tenant, bind=True)
def tenant(self):
    return self.request.headers["tenant"]

@app.task(name="market.again", shared=False, bind=True, max_retries=1, default_retry_delay=0)
def again(self):
    if not self.request.retries:
        raise self.retry()
"""
LOAD = (
    Work(task="market.add", args=(1, 2)),
    Work(task="market.add", args=(1, 2), priority=6, headers={"x-shop": "9"}),
    Work(task="market.add", args=(1, 2), countdown_s=0.3, expires=60),
    Work(task="market.add", args=(1, 2), eta=datetime(2020, 1, 1, tzinfo=UTC)),
    Work(task="market.add", args=(1, 2), expires=datetime.now(UTC) + timedelta(hours=1)),
    Work(task="market.tenant"),
    Work(task="market.again"),
)


class Market:
    """A foreign project with one worker, which the probe was loaded into."""

    def __init__(self, app: Celery, cluster: LocalCluster, worker: Child) -> None:
        self.app = app
        self.cluster = cluster
        self.worker = worker


@pytest.fixture(scope="module", params=[1, 2], ids=["protocol 1", "protocol 2"])
def market(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    """Start a broker and a worker for each task protocol."""
    folder = tmp_path_factory.mktemp("market")
    reaper = Reaper()
    with LocalCluster(folder) as cluster, ExitStack() as stack:
        stack.callback(reaper.close)
        text = PROJECT.replace("BROKER", repr(cluster.broker_url))
        (folder / "market.py").write_text(text.replace("PROTOCOL", str(request.param)))
        command = [sys.executable, "-m", "celery", "-A", "market", "worker", "-P", "threads"]
        worker = Child(
            "worker",
            [*command, "-c", "4", "-Q", "stall", "-I", "worker.probe"],
            log=folder / "log",
            registry=reaper,
            env={"PYTHONPATH": f"{folder}:{ROOT}"},
        )
        stack.callback(worker.stop)
        yield Market(_app(folder / "market.py"), cluster, worker)


def _app(path: Path) -> Celery:
    spec = importlib.util.spec_from_file_location("market", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: Celery = module.app
    return app


def test_every_task_of_a_foreign_load_is_accounted_for(market: Market) -> None:
    reader, ledger = RecordReader(market.cluster.redis), Ledger("a load")
    with market.app.connection_for_write() as connection:
        submitter = Submitter(market.app, connection, Clock.read(market.cluster.redis))
        for work in LOAD:
            plan = Plan(work=work, due_s=(0.0, 0.0, 0.02))
            options = SubmitOptions(run=ledger.run, queue="stall")
            ledger.submit(submitter.submit(plan, options).ids)
    seen: list[Any] = []
    for _ in range(300):
        for batch in reader.read(0.1):
            seen += ledger.enter(batch.records)
        if not ledger.open:
            break
    totals = ledger.close(waiting=(), worker_alive=True)
    assert len(totals.finished) == totals.submitted == 3 * len(LOAD), market.worker.log_tail()
    assert all(record.due and record.sent and record.sent >= record.due for record in seen)
    delayed = [r for r in totals.finished if r.started and r.sent and r.started - r.sent >= 0.25]
    assert len(delayed) >= 3  # those with a countdown
    market.app.close()


def test_a_queue_is_drained_of_the_tasks_of_either_protocol(market: Market) -> None:
    with market.app.connection_for_write() as connection:
        submitter = Submitter(market.app, connection, Clock.read(market.cluster.redis))
        plan = Plan(work=LOAD[0], due_s=(0.0, 0.0))
        ids = submitter.submit(plan, SubmitOptions(run="r", queue="unserved")).ids
        assert tuple(drain(connection, "unserved")) == ids
    market.app.close()
