"""Workers of the user's project: groups of identical ones that share a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from cluster.process import Child
from cluster.workers import RunningWorker, WorkerSpec
from lab.project.project import INCLUDED, Project
from lab.session.session import Session
from worker.pools import Pool, pool_named

#: The most messages per slot, beyond the running ones, that a worker is kept filled with: it may be
#: allowed to fetch more, but what it has fetched cannot be withdrawn.
MOST_FETCHED: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """Workers to start together: how many, and what each of them runs."""

    pool: Pool
    concurrency: int  # of each worker
    workers: int = 1
    flags: tuple[str, ...] = ()  # further ones of `celery worker`
    include: tuple[str, ...] = ()  # further modules to load
    env: dict[str, str] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return self.concurrency * self.workers


class Group:
    """Running workers that share one queue; it counts as dead as soon as one of them is."""

    start_up_s: float | None

    def __init__(
        self, spec: GroupSpec, queue: str, workers: Sequence[RunningWorker], fetched: int
    ) -> None:
        """`fetched` is how many messages each worker fetches per slot, beyond the running ones."""
        self.spec = spec
        self.queue = queue
        self.children: tuple[Child, ...] = tuple(worker.child for worker in workers)
        self.node = workers[0].spec.node
        self.pid: int | None = self.children[0].pid
        self.start_up_s = max(worker.start_up_s for worker in workers)
        self._fetched = fetched

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return self.spec.slots

    @property
    def held(self) -> int:
        """How many messages the workers fetch, with those that they run."""
        return self.spec.slots * (1 + self._fetched)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that they consume from."""
        return (self.queue,)

    @property
    def pids(self) -> tuple[int, ...]:
        """The main process of each worker."""
        return tuple(child.pid for child in self.children)

    @property
    def alive(self) -> bool:
        """Whether all of them run."""
        return all(child.alive for child in self.children)

    def how_it_ended(self) -> str:
        """Say how the first one ended that did."""
        dead = [child for child in self.children if not child.alive]
        return dead[0].how_it_ended() if dead else "still running"

    def failure(self) -> str:
        """Say how the first dead one ended, with the tail of its log."""
        dead = [child for child in self.children if not child.alive]
        return (dead or self.children)[0].failure()


class ProjectWorkers:
    """Starts and stops groups; the session stops those that are left."""

    def __init__(self, session: Session, project: Project) -> None:
        self._session = session
        self._project = project
        self._numbers = count(1)

    def start(self, spec: GroupSpec) -> Group:
        """Start a group and return it once all of its workers consume.

        Raises WorkerError, with the tail of the log, if one of them does not start.
        """
        queue = self._session.queues.new()
        number = next(self._numbers)
        specs = [self._spec(spec, queue, f"{number}-{one}") for one in range(1, spec.workers + 1)]
        workers = self._session.cluster.start_workers(specs)
        multiplier = self._project.description.prefetch_multiplier
        return Group(spec, queue, workers, fetched_per_slot(spec.pool, multiplier))

    def stop(self, group: Group, grace_s: float = 1.0) -> None:
        """Stop a group; its broker is private, so that nothing needs to be returned to it."""
        self._session.cluster.stop(group.children, grace_s)

    def _spec(self, spec: GroupSpec, queue: str, name: str) -> WorkerSpec:
        worker = WorkerSpec(
            name=f"{spec.pool.name}-{name}",
            pool=spec.pool.name,
            concurrency=spec.concurrency,
            queues=(queue,),
            broker_url=self._session.cluster.broker_url,
            transport=self._project.transport,
            flags=(*spec.pool.flags, *spec.flags),
            env=spec.env,
        )
        return of_project(self._project, worker, spec.include)


def fetched_per_slot(pool: Pool, multiplier: int) -> int:
    """Return how many messages a worker fetches per slot, beyond the running ones.

    `multiplier` is that of the app, which a pool's own flags override. Without a limit, as many are
    counted as the pool needs.
    """
    if pool.flags or not multiplier:
        return pool.prefetch_multiplier
    return min(multiplier, MOST_FETCHED)


def of_project(project: Project, spec: WorkerSpec, include: Sequence[str] = ()) -> WorkerSpec:
    """Return the same worker with the project's app and interpreter, away from its broker.

    It runs the pool of `spec` even if the project sets `worker_pool`. `include` are further modules
    to load.
    """
    return replace(
        spec,
        pool=pool_named(spec.pool).chosen_name,
        env={
            **project.environment(spec.broker_url),
            "POOLWISE_PRIVATE_TRANSPORT": spec.transport,
            **spec.env,
        },
        launcher=project.launcher,
        app=project.app,
        include=(*INCLUDED, *include),
        folder=project.folder,
        inherits=True,
    )
