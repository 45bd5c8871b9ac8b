"""What is asked of a race, checked against pool table and machine before anything starts."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.machine import Machine
from tasks.errors import MachineError, UsageError, WorkerError
from worker.pools import Nature, Pool

#: Memory of one process of a prefork pool, in bytes, of which forking shares the most; measured
#: as proportional set size, and rounded up.
BYTES_PER_PROCESS = 30_000_000
#: The same for a slot that is a thread or a greenlet, stack and task together.
BYTES_PER_LIGHT_SLOT = 200_000
#: Slots of a quick race at most, whatever is the default: Celery takes its time to fork many.
QUICK_SLOTS = 40
#: Share of the machine's processes and memory that a race may take.
SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceOptions:
    """A race, as asked for."""

    pools: tuple[Pool, ...]
    concurrency: Mapping[str, int]  # by pool; those not named get the pool table's default
    workloads: tuple[str, ...]
    repeats: int
    seed: int
    quick: bool
    with_results: bool
    with_events: bool
    broker_url: str | None  # None: an embedded one
    on_running: bool = False  # race workers that run already, and start none
    pools_typed: bool = False  # somebody said which; then each of them has to be there
    out: Path  # the run's folder is made in it

    def slots(self, pool: Pool, nature: Nature, cores: int) -> int:
        """Return the concurrency of `pool` for work of this nature."""
        default = pool.default_concurrency(nature, cores)
        if self.quick:
            default = min(default, max(QUICK_SLOTS, cores))
        return self.concurrency.get(pool.name, default)


def check(options: RaceOptions, machine: Machine, natures: set[Nature]) -> None:
    """Refuse what this machine cannot hold, before any of it is started.

    Raises UsageError for a concurrency of a pool that does not race, MachineError for more
    processes, threads or memory than there are, WorkerError for a pool that cannot be imported.
    """
    racing = {pool.name for pool in options.pools}
    for name in options.concurrency:
        if name not in racing:
            raise UsageError(f"--concurrency names {name}, but --pools leaves it out")
    for pool in options.pools:
        _check_importable(pool)
        for nature in natures:
            _check_room(pool, options.slots(pool, nature, machine.cores), machine)


def _check_importable(pool: Pool) -> None:
    if not pool.needs_module:
        return
    try:
        importlib.import_module(pool.needs_module)
    except ImportError as error:
        raise WorkerError(
            f"{pool.needs_module} cannot be imported here ({error}): install it, or leave the pool "
            "out with --pools"
        ) from error


def _check_room(pool: Pool, slots: int, machine: Machine) -> None:
    started = max(pool.processes(slots), pool.threads(slots))
    room = int(SHARE * machine.processes)
    if started > room:
        raise MachineError(
            f"{pool.name} with concurrency {slots:,} needs {started:,} processes and threads, and "
            f"this machine has room for {room:,}; ask for less with --concurrency {pool.name}=N"
        )
    heavy = pool.processes(slots)
    needed_bytes = (
        heavy * BYTES_PER_PROCESS + (slots if heavy < slots else 0) * BYTES_PER_LIGHT_SLOT
    )
    if needed_bytes > SHARE * machine.memory_bytes:
        raise MachineError(
            f"{pool.name} with concurrency {slots:,} needs about {needed_bytes / 1e9:.1f} GB, and "
            f"this machine has {machine.memory_bytes / 1e9:.1f} GB; "
            f"ask for less with --concurrency {pool.name}=N"
        )
