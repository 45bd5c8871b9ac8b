"""The workers of a race: started together, each on a queue of its own, replaced when one dies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from cluster.local import LocalCluster, WorkerSpec
from lab.session.protocols import StartedWorker, Worker
from worker.pools import Pool

#: (pool, concurrency): workloads of like needs share a worker.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """One worker that takes part."""

    pool: Pool
    slots: int

    @property
    def key(self) -> Key:
        """What the workers are told apart by."""
        return (self.pool.name, self.slots)


class StartedWorkers:
    """All workers of a race."""

    def __init__(self, cluster: LocalCluster, run: str, events: bool) -> None:
        self._cluster = cluster
        self._run = run
        self._events = events
        self._workers: dict[Key, StartedWorker] = {}
        self._started = 0

    def prepare(self, configs: Iterable[PoolConfig], progress: Callable[[int, int], None]) -> None:
        """Have a worker ready for each of `entries`, and none beside them.

        An idle worker still wakes up some twenty times a second, and what it takes of a core is
        missing from the one that is measured. Raises WorkerError for the first that does not start.
        """
        wanted = {config.key: config for config in configs}
        idle = [self._workers.pop(key) for key in self._workers.keys() - wanted.keys()]
        self._cluster.stop([started.child for started in idle], self._cluster.grace_s)
        self._start(
            [config for key, config in wanted.items() if key not in self._workers], progress
        )

    def _start(self, configs: Sequence[PoolConfig], progress: Callable[[int, int], None]) -> None:
        if not configs:
            return
        progress(0, len(configs))
        specs = [self._spec(config) for config in configs]
        workers = self._cluster.start_workers(specs, lambda ready: progress(ready, len(configs)))
        for config, worker in zip(configs, workers, strict=True):
            self._workers[config.key] = StartedWorker(worker)

    def __getitem__(self, config: PoolConfig) -> Worker:
        """Return the worker of `entry`, alive or dead."""
        return self._workers[config.key]

    @property
    def queues(self) -> list[str]:
        """The queues of all workers there have been."""
        return [f"{self._run}.{number}" for number in range(1, self._started + 1)]

    def replace_dead(self, config: PoolConfig) -> None:
        """Start another worker where that of `entry` has died.

        It gets a new queue: what the dead one held comes back to the old queue some time, and
        must not be run in the middle of another measurement.
        """
        if not self._workers[config.key].alive:
            self._start([config], lambda _ready, _of: None)

    def close(self) -> None:
        """Do nothing: the cluster ends the workers."""

    def _spec(self, config: PoolConfig) -> WorkerSpec:
        self._started += 1
        spec = WorkerSpec(
            name=f"{config.pool.name}-{config.slots}",
            pool=config.pool.name,
            concurrency=config.slots,
            queues=(f"{self._run}.{self._started}",),
            broker_url=self._cluster.broker_url,
            events=self._events,
            flags=config.pool.flags,
        )
        return spec if config.key not in self._workers else replace(spec, name=f"{spec.name}-again")
