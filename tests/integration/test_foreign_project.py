"""The probe is loaded into a foreign project's worker as one file, with nothing installed there."""

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

class ShopRequest(Request):
    seen = 0
    def on_success(self, result, **kwargs):
        ShopRequest.seen += 1
        return super().on_success(result, **kwargs)

@app.task(name="shop.plain")
def plain():
    return 1

@app.task(name="shop.special", Request=ShopRequest)
def special():
    return 2

if __name__ == "__main__":
    plain.delay()
    special.delay()
"""


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_foreign_project_is_recorded_on_another_server_than_its_broker(
    pool: str, tmp_path: Path
) -> None:
    (tmp_path / "injected").mkdir()
    shutil.copy(ROOT / "worker" / "probe.py", tmp_path / "injected" / "injected_probe.py")
    (tmp_path / "records").mkdir()
    reaper = Reaper()
    with LocalCluster(tmp_path) as shop, LocalCluster(tmp_path / "records") as records:
        (tmp_path / "shop.py").write_text(PROJECT.replace("BROKER", repr(shop.broker_url)))
        reader = RecordReader(records.redis)
        env = {
            "PYTHONPATH": f"{tmp_path}:{tmp_path / 'injected'}",
            URL_VARIABLE: records.broker_url,
        }
        flags = ["-P", pool, "-I", "injected_probe"]
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", *flags]
        worker = Child("worker", command, log=tmp_path / "log", registry=reaper, env=env)
        client = Child(
            "client",
            [sys.executable, str(tmp_path / "shop.py")],
            log=tmp_path / "client.log",
            registry=reaper,
        )
        try:
            assert finished(reader, 2, worker) == {"shop.plain", "shop.special"}
            assert not _stream(shop.redis)
        finally:
            client.stop()
            worker.stop()
            reaper.close()


def finished(reader: RecordReader, count: int, worker: Child) -> set[str]:
    """Wait until `count` tasks have succeeded and return their names."""
    names: set[str] = set()
    for _ in range(300):
        for batch in reader.read(0.1):
            names |= {r.task for r in batch.records if r.outcome == "succeeded"}
        if len(names) >= count:
            return names
    pytest.fail(f"only {names}\n{worker.log_tail()}")


def _stream(server: redis.Redis) -> bool:
    return bool(server.exists("poolwise:records"))
