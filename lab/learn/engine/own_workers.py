"""Workers that a lesson starts for itself, next to those of the session."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.local import LocalCluster, WorkerSpec
from lab.format.lessons import OWN
from lab.session.protocols import OnReady
from lab.session.queues import Queues
from lab.session.started import StartedWorker, require_module
from worker.pools import POOLS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """One worker that a lesson asks for, on this machine."""

    name: str
    pool: str
    slots: int
    flags: Sequence[str] = ()  # further flags of `celery worker`
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable


class OwnWorkers:
    """The workers that one lesson has started."""

    def __init__(self, cluster: LocalCluster, queues: Queues, on_ready: OnReady) -> None:
        self._cluster = cluster
        self._queues = queues
        self._on_ready = on_ready
        self._workers: list[StartedWorker] = []

    def start(self, requests: Sequence[WorkerRequest]) -> list[StartedWorker]:
        """Start workers side by side, each on a queue of its own.

        Raises WorkerError for the first that does not start, and UsageError, before any is started,
        if a module is missing that one of them needs.
        """
        for request in requests:
            if request.python == sys.executable:
                require_module(POOLS[request.pool])
        specs = [self._spec(request) for request in requests]
        self._on_ready(0, len(specs))
        running = self._cluster.start_workers(
            specs, lambda ready: self._on_ready(ready, len(specs))
        )
        started = [StartedWorker(worker) for worker in running]
        self._workers += started
        return started

    def stop(self, workers: Sequence[StartedWorker]) -> None:
        """Stop some of them."""
        self._workers = [worker for worker in self._workers if worker not in workers]
        self._cluster.stop([worker.child for worker in workers], self._cluster.grace_s)

    def all(self) -> list[StartedWorker]:
        """Return those that have not been stopped."""
        return list(self._workers)

    def _spec(self, request: WorkerRequest) -> WorkerSpec:
        return WorkerSpec(
            name=f"{request.name}{OWN}",
            pool=request.pool,
            concurrency=request.slots,
            queues=(self._queues.new(),),
            broker_url=self._cluster.broker_url,
            flags=(*POOLS[request.pool].flags, *request.flags),
            env=request.env,
            launcher=(request.python, "-m", "celery"),
        )
