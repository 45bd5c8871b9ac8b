"""The session that tests share: an embedded broker with one small worker per pool, on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from celery import Celery
from kombu import Connection

from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from cluster.machine import Machine
from lab.session.session import Session, open_session
from worker.pools import POOLS, Pool

SLOTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSession:
    """The session that tests share, with the workers started so far."""

    session: Session
    started: dict[str, RunningWorker] = field(default_factory=dict)  # by pool

    @property
    def cluster(self) -> LocalCluster:
        """Its cluster."""
        return self.session.cluster

    @property
    def connection(self) -> Connection:
        """Its connection to the broker."""
        return self.session.connection

    @property
    def app(self) -> Celery:
        """Its Celery app."""
        return self.session.app

    def worker(self, pool: str) -> RunningWorker:
        """Return the worker of a pool; its queue is named after the pool."""
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
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSession]:
    """Start the broker once for all tests."""
    with open_session(tmp_path_factory.mktemp("shared-session"), None, Machine.this()) as session:
        yield SharedSession(session=session)


@pytest.fixture(params=POOLS)
def pool_worker(request: pytest.FixtureRequest, shared: SharedSession) -> RunningWorker:
    """Return the worker of each pool in turn."""
    return shared.worker(str(request.param))
