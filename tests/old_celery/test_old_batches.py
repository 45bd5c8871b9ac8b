"""Tasks of celery-batches have a row for each message, with each Celery that the probe supports.

The library is installed without its requirements, because it does not allow the newest Celery.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cluster.local import LocalCluster
from cluster.wait import wait_until
from producer.records import Record, RecordReader
from tests.integration.worker.batches.size import RUN_S, SIZE
from tests.old_celery.test_old_celery import LIMIT_S, python, send, worker
from tests.paths import ROOT

PINS = "tests/old_celery/pins/batches.txt"
TASKS = Path(__file__).parents[1] / "integration" / "worker" / "batches"
OUTCOMES = {"fine": "succeeded", "fail": "failed"}
EXPECTED = {
    (f"batched.{body}-{ack}", outcome): SIZE
    for body, outcome in OUTCOMES.items()
    for ack in ("early", "late")
}

__all__ = ["python"]  # a fixture


@pytest.fixture(scope="module")
def library() -> Path:
    """Return the folder of the package celery_batches."""
    setup = [str(ROOT / "scripts/setup-pins"), sys.executable, ".venv-celery-batches", PINS]
    made = subprocess.run(setup, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    (folder,) = Path(made).parents[1].glob("lib/python*/site-packages/celery_batches")
    return folder


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_each_message_of_a_batch_has_a_row(
    python: str, library: Path, pool: str, tmp_path: Path
) -> None:
    (tmp_path / "celery_batches").symlink_to(library)
    for name in ("batched.py", "size.py"):
        (tmp_path / name).symlink_to(TASKS / name)
    flags = ("-I", "injected_probe,batched", "--prefetch-multiplier", "10")
    with (
        LocalCluster(tmp_path) as cluster,
        worker(python, pool, cluster, tmp_path, flags) as child,
    ):
        reader, rows = RecordReader(cluster.redis), list[Record]()
        for _ in range(SIZE):
            send(cluster.broker_url, {task for task, _ in EXPECTED})

        def ends() -> Counter[tuple[str, str]]:
            for batch in reader.read(0.1):
                rows.extend(batch.records)
            return Counter((row.task, row.outcome) for row in rows)

        def failure() -> AssertionError:
            return AssertionError(f"{ends()}\n{child.log_tail()}")

        wait_until(lambda: ends() == EXPECTED or not child.alive, LIMIT_S, failure)
        assert ends() == EXPECTED, child.log_tail()
        assert all(row.finished - (row.started or row.finished) >= RUN_S for row in rows)
        assert reader.unreadable == reader.missed == 0
        assert "an error in the probe" not in (tmp_path / "worker.log").read_text()
