"""The probe records the same with each Celery since 5.2, with the kombu and redis-py of its time.

Each version runs in an environment of its own, which `scripts/setup-old-celery` creates.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from producer.records import Batch, RecordReader
from tests.paths import ROOT

PINS = Path(__file__).parent / "pins"
VERSIONS = sorted(path.stem.removeprefix("celery-") for path in PINS.glob("celery-*.txt"))
CURRENT = "current"
#: Seconds that a worker may take to start and to run the tasks.
LIMIT_S = 60

#: The task whose message has expired when it is sent.
EXPIRED = "shop.expired"
#: What each task must be recorded as; after a retry, its second attempt.
ENDS = {
    ("shop.plain", "succeeded"): 1,
    ("shop.fail", "failed"): 1,
    ("shop.retry", "retried"): 1,
    ("shop.retry", "failed"): 1,
    ("shop.reject", "rejected"): 1,
    (EXPIRED, "revoked"): 1,
}
#: Only processes can be killed.
PROCESS_ENDS = {("shop.die", "slot-lost"): 1, ("shop.late", "time-limit"): 1}


@pytest.fixture(scope="module", params=[*VERSIONS, CURRENT])
def python(request: pytest.FixtureRequest) -> str:
    """Return an interpreter with each version of Celery in turn."""
    if request.param == CURRENT:
        return sys.executable
    setup = [str(ROOT / "scripts" / "setup-old-celery"), request.param]
    return subprocess.run(setup, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def worker(
    python: str, pool: str, cluster: LocalCluster, folder: Path, more: tuple[str, ...] = ()
) -> Iterator[Child]:
    """Run a worker of the shop with the probe as its only file of Poolwise."""
    (folder / "injected_probe.py").write_text((ROOT / "worker" / "probe.py").read_text())
    (folder / "shop.py").write_text((Path(__file__).parent / "shop.py").read_text())
    env = {"PYTHONPATH": str(folder), "SHOP_BROKER": cluster.broker_url}
    flags = ["-P", pool, "-c", "2", "-n", "old@shop", "-I", "injected_probe", *more]
    reaper = Reaper()
    command = [python, "-m", "celery", "-A", "shop", "worker", *flags]
    child = Child("worker", command, log=folder / "worker.log", registry=reaper, env=env)
    try:
        yield child
    finally:
        child.stop()
        reaper.close()


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_every_end_of_a_task_is_recorded(python: str, pool: str, tmp_path: Path) -> None:
    expected = ENDS | (PROCESS_ENDS if pool == "prefork" else {})
    with LocalCluster(tmp_path) as cluster, worker(python, pool, cluster, tmp_path) as child:
        reader = RecordReader(cluster.redis)
        send(cluster.broker_url, {task for task, _ in expected})
        found: list[Batch] = []

        def ends() -> Counter[tuple[str, str]]:
            found.extend(reader.read(0.1))
            rows = [row for batch in found for row in batch.records]
            return Counter((row.task, row.outcome) for row in rows)

        def failure() -> AssertionError:
            return AssertionError(f"{ends()}\n{child.log_tail()}")

        wait_until(lambda: ends() == expected or not child.alive, LIMIT_S, failure)
        child.ask_to_stop()
        wait_until(lambda: not child.alive, LIMIT_S, failure)
        assert ends() == expected, child.log_tail()
        assert child.exit_code == 0, child.log_tail()
        assert {batch.pool for batch in found} == {pool}
        assert {"ready", "gauge", "stopped"} <= {batch.kind for batch in found}
        assert reader.unreadable == reader.missed == 0


def send(broker_url: str, tasks: set[str]) -> None:
    """Send each task once; an expired message must not run."""
    with Celery(broker=broker_url, set_as_current=False) as app:
        for task in sorted(tasks):
            app.send_task(task, expires=-1 if task == EXPIRED else None)
