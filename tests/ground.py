"""One cluster for the session: an embedded broker, and a small worker of each pool asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection

from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from lab.measure.repeat import Bench
from tasks.celery import app, use_broker
from worker.pools import POOLS, Pool
from worker.probe import Clock

SLOTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What integration tests stand on."""

    cluster: LocalCluster
    bench: Bench
    connection: Connection
    app: Celery
    started: dict[str, RunningWorker] = field(default_factory=dict)  # by pool

    def worker(self, pool: str) -> RunningWorker:
        """Return the worker of a pool, which serves the queue of the pool's name."""
        if pool not in self.started:
            [self.started[pool]] = self.cluster.start_workers([_spec(POOLS[pool], self.cluster)])
        return self.started[pool]


def _spec(pool: Pool, cluster: LocalCluster) -> WorkerSpec:
    return WorkerSpec(
        name=pool.name,
        pool=pool.name,
        concurrency=1 if pool.fixed_concurrency else SLOTS,
        queues=(pool.name,),
        broker_url=cluster.broker_url,
        flags=pool.flags,
    )


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Start the broker once."""
    app.loader.import_default_modules()
    folder: Path = tmp_path_factory.mktemp("ground")
    with LocalCluster(folder) as cluster:
        use_broker(cluster.broker_url)
        with app.connection_for_write(cluster.broker_url) as connection:
            bench = Bench(
                app=app,
                connection=connection,
                records=cluster.redis,
                clock=Clock.read(cluster.redis),
                store_results=False,
            )
            yield Ground(
                cluster=cluster,
                bench=bench,
                connection=connection,
                app=app,
            )


@pytest.fixture(params=POOLS)
def pool_worker(request: pytest.FixtureRequest, ground: Ground) -> RunningWorker:
    """Return the worker of each pool in turn."""
    return ground.worker(str(request.param))
