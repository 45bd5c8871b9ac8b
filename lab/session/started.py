"""Workers that a session starts as child processes, each on a queue of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec

from cluster.local import LocalCluster, RunningWorker, WorkerSpec
from lab.session.protocols import Key, OnReady, PoolConfig
from lab.session.queues import Queues
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS
from worker.pools import Pool


class StartedWorker:
    """A worker that runs as a child process of this one."""

    def __init__(self, worker: RunningWorker) -> None:
        self.child = worker.child
        [self.queue] = worker.spec.queues
        self.node = worker.spec.node
        self.pid: int | None = worker.child.pid
        self.same_machine = True
        self.start_up_s: float | None = worker.start_up_s

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.child.alive

    def how_it_ended(self) -> str:
        """Say how the process ended, such as "killed by SIGKILL"."""
        return self.child.how_it_ended()


class StartedWorkers:
    """The session's own workers, one for each pool configuration in use."""

    def __init__(
        self,
        cluster: LocalCluster,
        queues: Queues,
        *,
        events: bool = False,
        adapt: Callable[[WorkerSpec], WorkerSpec] = lambda spec: spec,
    ) -> None:
        """Start nothing yet.

        `events`: whether the workers send Celery's task events. `adapt` changes what is started,
        for example to run the tasks of another app.
        """
        self._adapt = adapt
        self._cluster = cluster
        self._queues = queues
        self._events = events
        self._workers: dict[Key, StartedWorker] = {}

    def prepare(self, configs: Iterable[PoolConfig], progress: OnReady) -> None:
        """Have a worker ready for each of `configs`, and stop all others, also those that died.

        An idle worker still wakes up some twenty times a second; the CPU time that this takes would
        be missing from the worker that is measured.
        """
        wanted = {config.key: config for config in configs}
        dead = {key for key, worker in self._workers.items() if not worker.alive}
        unwanted = self._workers.keys() - (wanted.keys() - dead)
        idle = [self._workers.pop(key) for key in unwanted]
        self._cluster.stop([worker.child for worker in idle], self._cluster.grace_s)
        self._start([wanted[key] for key in wanted if key not in self._workers], progress)

    def __getitem__(self, config: PoolConfig) -> StartedWorker:
        """Return the worker that runs `config`, alive or dead."""
        return self._workers[config.key]

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of all workers that were ever started."""
        return self._queues.names

    def replace_dead(self, config: PoolConfig) -> bool:
        """Start another worker if the one that runs `config` has died; return whether it has.

        It gets a new queue: what the dead worker held returns to the old queue at some time, and
        must not run in the middle of another measurement.
        """
        if self._workers[config.key].alive:
            return False
        self._start([config], lambda _ready, _of: None)
        return True

    def clear(self, config: PoolConfig, tasks: Collection[str]) -> None:  # noqa: ARG002
        """Stop the worker; what it held returns to its queue, which no other consumes."""
        self._workers[config.key].child.stop(self._cluster.grace_s)

    def close(self) -> None:
        """Do nothing: the session stops the workers."""

    def _start(self, configs: Sequence[PoolConfig], progress: OnReady) -> None:
        if not configs:
            return
        progress(0, len(configs))
        specs = [self._spec(config) for config in configs]
        workers = self._cluster.start_workers(specs, lambda ready: progress(ready, len(configs)))
        for config, worker in zip(configs, workers, strict=True):
            self._workers[config.key] = StartedWorker(worker)

    def _spec(self, config: PoolConfig) -> WorkerSpec:
        name = f"{config.pool.name}-{config.concurrency}"
        spec = WorkerSpec(
            name=name if config.transport in {"", TRANSPORTS[0]} else f"{name}-{config.transport}",
            pool=config.pool.name,
            concurrency=config.concurrency,
            queues=(self._queues.new(),),
            broker_url=self._cluster.broker_url,
            events=self._events,
            flags=config.pool.flags,
            transport=config.transport,
        )
        again = config.key in self._workers
        return self._adapt(replace(spec, name=f"{spec.name}-again") if again else spec)


def require_module(pool: Pool, otherwise: str = "") -> None:
    """Raise UsageError if a pool's worker cannot run here because a module is missing."""
    if pool.needs_module and find_spec(pool.needs_module) is None:
        raise UsageError(
            f"a {pool.name} worker needs {pool.needs_module}, which is not installed here: "
            f"pip install {pool.needs_module}{otherwise}"
        )
