"""The probe does not delay its worker, and does not fill its memory if it never gets ready."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from tests.hostile.resp_server import Act, always, serving
from tests.integration.worker.conftest import StartWorker
from tests.paths import ROOT
from worker import probe
from worker.pools import POOLS, Pool

TIMED = "tests.integration.worker.timed_probe"
#: How long Docker waits after the first signal before it kills a container, in seconds.
DOCKER_S = 10.0


@pytest.mark.parametrize("pool", POOLS.values(), ids=lambda pool: pool.name)
def test_a_records_server_that_never_answers_delays_neither_start_nor_shutdown(
    pool: Pool, start_worker: StartWorker
) -> None:
    with serving(always(Act.SILENCE)) as server:
        url = {probe.URL_VARIABLE: server.url}
        flags = ("-P", pool.name, "-c", "2", *pool.flags, "-I", TIMED)
        worker = start_worker(*flags, **url)
        assert worker.outcome(worker.send("nap", 0)) == "SUCCESS"
        worker.until(lambda: server.connections)
        asked_s = time.monotonic()
        worker.process.terminate()
        worker.process.wait(60)
        assert time.monotonic() - asked_s < DOCKER_S
    took_s = {name: float(s) for name, s in re.findall(r"(\w+) took ([\d.]+) s", worker.log())}
    assert took_s["worker_ready"] < 1
    assert took_s["worker_shutdown"] < probe.STOP_S + 1
    assert "the last records could not be written within 1 s" in worker.log()


def test_a_worker_that_is_never_ready_keeps_a_limited_number_of_rows(broker_port: int) -> None:
    program = f"""
from celery import Celery
from celery.contrib.testing.worker import start_worker
from worker import probe

url = "redis://127.0.0.1:{broker_port}/0"
app = Celery("embedded", broker=url, backend=url)
app.conf.task_default_queue = "embedded"

@app.task
def nothing():
    pass

with start_worker(app, perform_ping_check=False):
    for _ in range(probe.ROWS_PER_ENTRY + 50):
        nothing.apply_async(ignore_result=True)
    nothing.delay().get(timeout=60)
    print(len(probe._notes))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout.split() == [str(probe.ROWS_PER_ENTRY)], done.stderr
