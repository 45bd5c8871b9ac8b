"""A task whose process is killed has failed, as Celery says too, unless it will run again."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from celery import Celery

from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from producer.records import Batch, RecordReader
from tests.paths import ROOT

#: A project whose tasks are killed, or exit, the first time that they run.
PROJECT = """
import os, signal
from celery import Celery

app = Celery("lost", broker=BROKER, backend=BROKER)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@app.task(name="early")
def early():
    die()

@app.task(name="exit")
def exit():
    raise SystemExit(1)

@app.task(name="late", acks_late=True)
def late():
    die()

@app.task(name="rejected", acks_late=True, acks_on_failure_or_timeout=False)
def rejected():
    die()

@app.task(name="again", bind=True, acks_late=True, reject_on_worker_lost=True)
def again(self):
    if not self.request.delivery_info["redelivered"]:
        die()

@app.task(name="retry", bind=True, acks_late=True, retry_on_worker_lost=True, max_retries=1,
          default_retry_delay=0)
def retry(self):
    if not self.request.retries:
        die()

@app.task(name="retry early", bind=True, retry_on_worker_lost=True, default_retry_delay=0)
def retry_early(self):
    if not self.request.retries:
        die()

@app.task(name="given up", acks_late=True, retry_on_worker_lost=True, max_retries=1,
          default_retry_delay=0)
def given_up():
    die()

@app.task(name="limited", time_limit=0.5, acks_late=True)
def limited():
    import time
    time.sleep(60)

@app.task(name="fine")
def fine():
    pass

if __name__ == "__main__":
    for task in (early, exit, late, rejected, again, retry, retry_early, given_up, limited, fine):
        print(task.delay().id)
"""
#: What becomes of the attempts at each task, and whether Celery stores it as a success.
TASKS = {
    "early": (["slot-lost"], "FAILURE"),
    "exit": (["slot-lost"], "FAILURE"),
    "late": (["slot-lost"], "FAILURE"),
    "rejected": (["slot-lost"], "FAILURE"),
    "again": (["requeued", "succeeded"], "SUCCESS"),
    "retry": (["retried", "succeeded"], "SUCCESS"),
    "retry early": (["retried", "succeeded"], "SUCCESS"),
    "given up": (["retried", "slot-lost"], "FAILURE"),
    "limited": (["time-limit"], "FAILURE"),
    "fine": (["succeeded"], "SUCCESS"),
}
ATTEMPTS = sum(len(outcomes) for outcomes, _ in TASKS.values())
BOUND_S = 60.0


class Lost:
    """What became of the tasks: by the records, by the result backend, and on the page."""

    def __init__(self, batches: list[Batch], states: Mapping[str, str], app: Celery) -> None:
        self.outcomes: defaultdict[str, list[str]] = defaultdict(list)
        for record in (one for batch in batches for one in batch.records):
            self.outcomes[record.task].append(record.outcome)
        self.states = states
        collector = Collector(app)
        # Flower would follow the records since before the first task.
        collector.begin(time.time(), time.time() - BOUND_S)
        collector.add_batches(batches, time.time())
        # The last second counts once it is over.
        wait_until(
            lambda: collector.respond(Query(range_s=60), None)["finished"] == len(TASKS),
            BOUND_S,
            lambda: AssertionError("not every task is counted"),
        )
        self.rates = collector.respond(Query(range_s=60), None)["lines"]["prefork"]


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    """Run every task of the project in a worker of its own."""
    folder: Path = tmp_path_factory.mktemp("lost")
    reaper = Reaper()
    with LocalCluster(folder) as cluster:
        (folder / "lost.py").write_text(PROJECT.replace("BROKER", repr(cluster.broker_url)))
        env = {"PYTHONPATH": f"{folder}:{ROOT}"}
        flags = ("--pool", "prefork", "--concurrency", "2", "-I", "worker.probe", "-Q", "celery")
        reader = RecordReader(cluster.redis)
        worker = Child(
            "worker",
            [sys.executable, "-m", "celery", "-A", "lost", "worker", *flags],
            log=folder / "worker.log",
            registry=reaper,
            env=env,
        )
        client = Child(
            "client",
            [sys.executable, str(folder / "lost.py")],
            log=folder / "client.log",
            registry=reaper,
            env=env,
        )
        try:
            batches = read(reader, worker)
            app = Celery(broker=cluster.broker_url, backend=cluster.broker_url)
            ids = dict(zip(TASKS, (folder / "client.log").read_text().split(), strict=True))
            states = {task: str(app.AsyncResult(one).state) for task, one in ids.items()}
            yield Lost(batches, states, app)
            app.close()
        finally:
            client.stop()
            worker.stop()
            reaper.close()


def read(reader: RecordReader, worker: Child) -> list[Batch]:
    """Read until every attempt has been recorded."""
    batches: list[Batch] = []
    deadline = time.monotonic() + BOUND_S
    while sum(len(batch.records) for batch in batches) < ATTEMPTS:
        batches += reader.read(0.1)
        if time.monotonic() > deadline:
            pytest.fail(f"{[batch.records for batch in batches]}\n{worker.log_tail()}")
    return batches


@pytest.mark.parametrize("task", TASKS)
def test_the_records_say_what_became_of_each_attempt(task: str, lost: Lost) -> None:
    assert (lost.outcomes[task], lost.states[task]) == TASKS[task]


def test_the_page_counts_each_task_once_as_the_result_backend_does(lost: Lost) -> None:
    states = list(lost.states.values())
    assert total(lost, "finished_per_s") == len(states)
    assert total(lost, "failed_per_s") == states.count("FAILURE")


def total(lost: Lost, field: str) -> int:
    return round(sum(value or 0.0 for value in lost.rates[field]))
