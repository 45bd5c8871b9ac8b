"""Celery's own commands work with our app and our workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from tests.paths import ROOT
from tests.shared_session import SharedSession

CELERY = str(Path(sys.executable).with_name("celery"))


def celery(*arguments: str, broker_url: str) -> subprocess.CompletedProcess[str]:
    """Run one of Celery's commands from the checkout."""
    return subprocess.run(
        [CELERY, "-A", "tasks", *arguments],
        cwd=ROOT,
        env={**os.environ, "CELERY_BROKER_URL": broker_url, "CELERY_RESULT_BACKEND": broker_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


def test_celery_call_reaches_our_worker(shared: SharedSession) -> None:
    url = shared.cluster.broker_url
    queue = shared.worker("threads").spec.queues[0]
    called = celery("call", "cpu.burn", "--args=[1000]", "--queue", queue, broker_url=url)
    task_id = called.stdout.strip().splitlines()[-1]
    result = shared.app.AsyncResult(task_id)
    wait_until(result.ready, 10, lambda: AssertionError(f"{task_id} is {result.state}"))
    assert isinstance(result.result, int)


def test_a_worker_without_q_serves_cpu_and_io_tasks(tmp_path: Path) -> None:
    reaper = Reaper()
    with LocalCluster(tmp_path) as cluster:
        url = cluster.broker_url
        worker = Child(
            "plain",
            [CELERY, "-A", "tasks", "worker", "-P", "threads", "-c", "2"],
            log=tmp_path / "plain.log",
            registry=reaper,
            env={"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url, "PYTHONPATH": str(ROOT)},
        )
        try:
            done = [
                celery("call", task, f"--args={arguments}", broker_url=url).stdout.split()[-1]
                for task, arguments in (("cpu.burn", "[1000]"), ("io.sleep", "[0.01]"))
            ]
            wait_until(
                lambda: cluster.redis.exists(*(f"celery-task-meta-{task}" for task in done)) == 2,
                20,
                lambda: AssertionError(worker.log_tail()),
            )
            for task in done:
                result = celery("result", task, broker_url=url)
                assert result.stdout.strip()
        finally:
            worker.stop()
            reaper.close()
