"""Poolwise's own tasks as the subject of a race, on new workers or on running ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from celery import Celery

from cluster.discovery import DiscoveredWorker
from cluster.program import program
from lab.measure.calibrate import Bare, bare_cost
from lab.measure.scale import FULL, QUICK, Scale, fitted
from lab.measure.selection import check_reachable, kinds, workloads
from lab.measure.traits import Workload
from lab.race.race_options import RaceOptions
from lab.results.common import Versions
from lab.results.race import Calibration
from lab.session.borrowed import BorrowedWorkers
from lab.session.choose import BorrowRequest, choose_running
from lab.session.protocols import PoolConfig, Workers
from lab.session.session import Session
from lab.session.started import StartedWorkers
from lab.session.versions import versions
from producer.plan import Plan


class OwnTasks:
    """The workloads of the table; see `lab.race.subject`."""

    app: Celery | None = None

    def __init__(self, session: Session, options: RaceOptions, note: Callable[[str], None]) -> None:
        """Choose the running workers, if they are to be raced; `note` reports missing pools.

        Raises WorkerError or UsageError if there are none that can be.
        """
        self._session = session
        self._running = _running(session, options) if options.on_running else {}
        for pool in options.pools if self._running else ():
            if pool.name not in self._running:
                note(
                    f"{pool.name} is left out: no {pool.name} worker that can be raced answered; "
                    f"list the running ones with: {program()} workers {session.broker_flags}"
                )
        self.options = _with_running(options, self._running)
        self.nodes = tuple(worker.node for worker in self._running.values())

    def versions(self) -> Versions:
        """Return the versions here."""
        return versions(self._session.cluster)

    def workers(self) -> Workers:
        """Return the borrowed workers, or new ones."""
        session = self._session
        if self._running:
            return BorrowedWorkers(session.remote, session.queues, self._running)
        return StartedWorkers(session.cluster, session.queues, events=self.options.with_events)

    def workloads(self, speed: Calibration) -> Sequence[Workload]:
        """Return the workloads, sized for this machine; start the server that they need."""
        names = self.options.workloads
        needed = any(kind.needs_delay_server for kind in kinds(names))
        port = self._session.cluster.start_delay_server() if needed else 0
        return workloads(names, _scale(self.options), speed, port)

    def configs(self, workload: Workload) -> list[PoolConfig]:
        """Return the pools, each with the concurrency for work of this nature, and transports."""
        options, cores = self.options, self._session.machine.cores
        nature = workload.kind.nature
        slots = {pool: options.slots(pool, nature, cores) for pool in options.pools}
        if not self._running:
            return options.contestants(slots)
        return [
            PoolConfig(pool=pool, concurrency=n, transport=self._running[pool.name].transport)
            for pool, n in slots.items()
        ]

    def bare(self, workload: Workload) -> Bare:
        """Run one task body in this process."""
        plan = workload.plan()
        assert isinstance(plan, Plan), "ours are identical"  # noqa: S101
        return bare_cost(plan.work, _scale(self.options).bare_s)

    def tidy(self) -> None:
        """Do nothing: these tasks send no others."""


def _scale(options: RaceOptions) -> Scale:
    """Return how big the race is; borrowed workers may have few slots."""
    scale = QUICK if options.quick else FULL
    return fitted(scale, min(options.concurrency.values())) if options.on_running else scale


def _running(session: Session, options: RaceOptions) -> dict[str, DiscoveredWorker]:
    """Return the running workers to race, by pool."""
    pools = tuple(pool.name for pool in options.pools)
    request = BorrowRequest(
        user="the race",
        pools=pools,
        required=frozenset(pools if options.pools_typed else ()),
        tasks=frozenset(kind.task.name for kind in kinds(options.workloads)),
    )
    chosen = choose_running(session, request)
    check_reachable(options.workloads, all_here=all(worker.here for worker in chosen.values()))
    return chosen


def _with_running(options: RaceOptions, running: Mapping[str, DiscoveredWorker]) -> RaceOptions:
    """Return the options with what the running workers have, if there are any."""
    if not running:
        return options
    return replace(
        options,
        pools=tuple(pool for pool in options.pools if pool.name in running),
        transports=tuple(sorted({worker.transport for worker in running.values()} - {""})),
        concurrency={name: worker.concurrency for name, worker in running.items()},
    )
