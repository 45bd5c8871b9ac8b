"""The options of a race, checked against this machine before anything starts."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.machine import Machine
from lab.measure.selection import kinds
from lab.project.project import Project
from lab.session.protocols import PoolConfig
from lab.session.room import check_chosen, check_room
from producer.broker import EMBEDDED
from producer.plan import Work
from tasks.errors import WorkerError
from tasks.transport_options import TRANSPORTS
from worker.pools import Nature, Pool

#: Maximum default concurrency of a quick race, because Celery needs time to fork many processes.
QUICK_SLOTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceOptions:
    """What the user asked for."""

    pools: tuple[Pool, ...]
    transports: tuple[str, ...] = TRANSPORTS[:1]  # each pool runs with each of them
    concurrency: Mapping[str, int]  # by pool; pools not named here get the pool table's default
    workloads: tuple[str, ...]
    repeats: int
    seed: int
    quick: bool
    with_results: bool
    with_events: bool
    broker_url: str | None  # None: an embedded one
    broker_flags: str = ""  # the options that name the broker again, without a password
    broker_advice: str = EMBEDDED  # what to do if it does not answer
    on_running: bool = False  # race running workers instead of starting new ones
    pause_load: bool = False  # pause the producer of the light load meanwhile
    pools_typed: bool = False  # the user named the pools, so each of them must be running
    out: Path  # where the folder of the run is created
    out_typed: bool = False  # the user named it, so the command that repeats the race does too
    program: str = "poolwise"  # as the user types it
    name: str = ""  # the race's title
    calls: tuple[Work, ...] = ()  # of the user's own project; empty: race our own workloads
    project: Project | None = None  # whose calls they are
    project_flags: str = ""  # the options that name both again

    def contestants(self, slots: Mapping[Pool, int]) -> list[PoolConfig]:
        """Return each of the pools, at its concurrency, with each of the transports."""
        return [
            PoolConfig(pool=pool, concurrency=number, transport=transport)
            for pool, number in slots.items()
            for transport in self.transports
        ]

    def slots(self, pool: Pool, nature: Nature, cores: int) -> int:
        """Return the concurrency of `pool` for work of this nature."""
        default = pool.default_concurrency(nature, cores)
        if self.quick:
            default = min(default, max(QUICK_SLOTS, cores))
        return self.concurrency.get(pool.name, default)


def check(options: RaceOptions, machine: Machine) -> None:
    """Reject what this machine cannot hold; running workers are there already.

    Raises UsageError for the concurrency of a pool that does not race, MachineError if processes,
    threads or memory do not suffice, WorkerError if the module of a pool cannot be imported.
    """
    if options.on_running:
        return
    check_chosen(options.concurrency, options.pools)
    workers = len(options.transports)
    if options.project is not None:
        for pool in options.pools:
            check_room(pool, options.concurrency.get(pool.name, 1), machine, workers)
        return
    for pool in options.pools:
        _check_importable(pool)
        for nature in {kind.nature for kind in kinds(options.workloads)}:
            check_room(pool, options.slots(pool, nature, machine.cores), machine, workers)


def _check_importable(pool: Pool) -> None:
    if not pool.needs_module:
        return
    try:
        importlib.import_module(pool.needs_module)
    except ImportError as error:
        raise WorkerError(
            f"cannot import {pool.needs_module} ({error}): install it, or choose other pools with "
            "--pools"
        ) from error
