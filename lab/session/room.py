"""Checks that this machine can hold the slots that the user asks for."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.machine import Machine
from tasks.errors import MachineError, UsageError
from worker.pools import Pool

#: Bytes of memory per process of a prefork pool: measured as proportional set size, because forked
#: processes share most of their memory, then rounded up.
BYTES_PER_PROCESS = 30_000_000
#: The same per thread or greenlet, with stack and task.
BYTES_PER_LIGHT_SLOT = 200_000
#: Share of the machine's processes and memory that a pool may take.
SHARE = 0.8


def check_chosen(concurrency: Iterable[str], pools: Iterable[Pool]) -> None:
    """Raise UsageError if `concurrency` names a pool that is not among the chosen `pools`."""
    chosen = {pool.name for pool in pools}
    for name in concurrency:
        if name not in chosen:
            raise UsageError(f"--concurrency names {name}, which is not in --pools")


def check_room(pool: Pool, slots: int, machine: Machine, workers: int = 1) -> None:
    """Raise MachineError if `pool` needs more processes, threads or memory than there are.

    `workers` is how many such workers run at the same time.
    """
    started = workers * max(pool.processes(slots), pool.threads(slots))
    room = int(SHARE * machine.processes)
    named = f"{pool.name} with concurrency {slots:,} needs"
    if workers > 1:
        named = f"{workers} {pool.name} workers with concurrency {slots:,} together need"
    if started > room:
        raise MachineError(
            f"{named} {started:,} processes and threads, but "
            f"this machine has room for only {room:,}; lower it with --concurrency {pool.name}=N"
        )
    heavy = pool.processes(slots)
    light = slots if heavy < slots else 0
    needed_bytes = workers * (heavy * BYTES_PER_PROCESS + light * BYTES_PER_LIGHT_SLOT)
    if needed_bytes > SHARE * machine.memory_bytes:
        raise MachineError(
            f"{named} about {needed_bytes / 1e9:.1f} GB, but Poolwise may use only "
            f"{SHARE * machine.memory_bytes / 1e9:.1f} GB of this machine's "
            f"{machine.memory_bytes / 1e9:.1f} GB; lower it with --concurrency {pool.name}=N"
        )
