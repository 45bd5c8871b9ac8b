"""One cluster for the session: an embedded broker and a small worker of every pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection

from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from lab.measure import Bench
from tasks.celery import app, use_broker
from worker.pools import POOLS
from worker.probe import Clock

SLOTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What integration tests stand on."""

    cluster: LocalCluster
    workers: dict[str, RunningWorker]  # by pool
    bench: Bench
    connection: Connection
    app: Celery


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Start broker and workers once; each worker serves the queue of its pool's name."""
    app.loader.import_default_modules()
    folder: Path = tmp_path_factory.mktemp("ground")
    with LocalCluster(folder) as cluster:
        specs = [
            WorkerSpec(
                name=pool.name,
                pool=pool.name,
                concurrency=1 if pool.fixed_concurrency else SLOTS,
                queues=(pool.name,),
                broker_url=cluster.broker_url,
                flags=pool.flags,
            )
            for pool in POOLS.values()
        ]
        use_broker(cluster.broker_url)
        workers = cluster.start_workers(specs)
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
                workers={worker.spec.pool: worker for worker in workers},
                bench=bench,
                connection=connection,
                app=app,
            )


@pytest.fixture(params=POOLS)
def pool_worker(request: pytest.FixtureRequest, ground: Ground) -> RunningWorker:
    """Return the worker of each pool in turn."""
    name: str = request.param
    return ground.workers[name]
