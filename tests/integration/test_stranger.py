"""The probe's one file goes into a stranger's worker without installing anything there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import redis

from cluster.local import LocalCluster
from cluster.process import Child
from cluster.reaper import Reaper
from producer.records import RecordReader
from tests.paths import ROOT
from worker.probe import URL_VARIABLE

PROJECT = """
from celery import Celery
from celery.worker.request import Request

app = Celery("shop", broker=BROKER)

class Theirs(Request):
    seen = 0
    def on_success(self, result, **kwargs):
        Theirs.seen += 1
        return super().on_success(result, **kwargs)

@app.task(name="shop.plain")
def plain():
    return 1

@app.task(name="shop.special", Request=Theirs)
def special():
    return 2

if __name__ == "__main__":
    plain.delay()
    special.delay()
"""


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_project_that_knows_nothing_of_us_is_recorded_elsewhere_than_its_broker(
    pool: str, tmp_path: Path
) -> None:
    (tmp_path / "injected").mkdir()
    shutil.copy(ROOT / "worker" / "probe.py", tmp_path / "injected" / "guest_probe.py")
    (tmp_path / "records").mkdir()
    reaper = Reaper()
    with LocalCluster(tmp_path) as theirs, LocalCluster(tmp_path / "records") as ours:
        (tmp_path / "shop.py").write_text(PROJECT.replace("BROKER", repr(theirs.broker_url)))
        reader = RecordReader(ours.redis)
        env = {
            "PYTHONPATH": f"{tmp_path}:{tmp_path / 'injected'}",
            URL_VARIABLE: ours.broker_url,
        }
        flags = ["-P", pool, "-I", "guest_probe"]
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", *flags]
        worker = Child("theirs", command, log=tmp_path / "log", registry=reaper, env=env)
        client = Child(
            "client",
            [sys.executable, str(tmp_path / "shop.py")],
            log=tmp_path / "client.log",
            registry=reaper,
        )
        try:
            assert finished(reader, 2, worker) == {"shop.plain", "shop.special"}
            assert not _stream(theirs.redis)
        finally:
            client.stop()
            worker.stop()
            reaper.close()


def finished(reader: RecordReader, count: int, worker: Child) -> set[str]:
    """Wait for `count` successes and return the names of their tasks."""
    names: set[str] = set()
    for _ in range(300):
        for batch in reader.read(0.1):
            names |= {r.task for r in batch.records if r.outcome == "succeeded"}
        if len(names) >= count:
            return names
    pytest.fail(f"only {names}\n{worker.log_tail()}")


def _stream(server: redis.Redis) -> bool:
    return bool(server.exists("poolwise:records"))
