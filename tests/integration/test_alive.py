"""The file of a worker's health check stays fresh while the broker is away, on a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.broker import start_broker
from cluster.local import LocalCluster, WorkerSpec
from cluster.ports import free_port
from cluster.reaper import Reaper
from cluster.wait import wait_until
from worker import alive
from worker.pools import DEFAULT_POOLS, POOLS


@pytest.mark.parametrize("pool", DEFAULT_POOLS)
def test_a_worker_that_waits_for_its_broker_is_healthy(pool: str, tmp_path: Path) -> None:
    registry, port, file = Reaper(), free_port(), tmp_path / "alive"

    def touched_after(moment_ns: int) -> bool:
        return file.exists() and file.stat().st_mtime_ns > moment_ns

    try:
        broker, url = start_broker(tmp_path, registry, port)
        with LocalCluster(tmp_path, url) as cluster:
            spec = WorkerSpec(
                name=pool,
                pool=pool,
                concurrency=1,
                queues=(pool,),
                broker_url=url,
                flags=POOLS[pool].flags,
                env={alive.FILE_VARIABLE: str(file)},
                include=("worker.probe", "worker.startup", "worker.alive"),
            )
            [worker] = cluster.start_workers([spec])
            wait_until(file.exists, 20, lambda: AssertionError(worker.child.log_tail()))
            broker.kill()
            for _ in range(2):  # the first touch may still be one of the event loop
                moment_ns = file.stat().st_mtime_ns
                wait_until(
                    lambda: touched_after(moment_ns),  # noqa: B023 - called at once
                    4 * alive.INTERVAL_S,
                    lambda: AssertionError(worker.child.log_tail()),
                )
            broker, _ = start_broker(tmp_path, registry, port)
            moment_ns = file.stat().st_mtime_ns
            wait_until(
                lambda: touched_after(moment_ns),
                30,
                lambda: AssertionError(worker.child.log_tail()),
            )
            worker.child.kill()
            broker.kill()
    finally:
        registry.close()
