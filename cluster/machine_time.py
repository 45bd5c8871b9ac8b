"""The CPU time of the whole machine, and how much of it some process trees used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import psutil

from cluster.footprint import cpu_s

#: What psutil counts as work; its `user` includes the time of guests.
_WORK = ("user", "nice", "system", "irq", "softirq")
_IDLE = ("idle", "iowait")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineTime:
    """Seconds, summed over all cores since the machine started."""

    work_s: float
    idle_s: float
    stolen_s: float  # the hypervisor gave it to other virtual machines
    own_s: float  # the part of `work_s` that the trees of interest used

    @classmethod
    def read(cls, pids: frozenset[int]) -> Self:
        """Read all counters; the trees of interest are those under `pids`."""
        times = psutil.cpu_times()
        return cls(
            work_s=sum(getattr(times, name, 0.0) for name in _WORK),
            idle_s=sum(getattr(times, name, 0.0) for name in _IDLE),
            stolen_s=getattr(times, "steal", 0.0),
            own_s=sum(cpu_s(pid) for pid in pids),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineShares:
    """Shares of the machine's CPU time between two readings, from 0 to 1."""

    others: float  # used by processes outside the trees of interest
    stolen: float

    @classmethod
    def between(cls, before: MachineTime, after: MachineTime) -> Self | None:
        """Compare two readings; None if the machine's counters do not advance."""
        work_s = after.work_s - before.work_s
        stolen_s = max(0.0, after.stolen_s - before.stolen_s)
        total_s = work_s + stolen_s + (after.idle_s - before.idle_s)
        if total_s <= 0:
            return None
        others_s = work_s - (after.own_s - before.own_s)
        return cls(others=min(1.0, max(0.0, others_s / total_s)), stolen=stolen_s / total_s)


def separate_trees(*pids: int) -> frozenset[int]:
    """Return those of `pids` that are not below another of them, so that none counts twice."""
    return frozenset(pid for pid in pids if not _ancestors(pid) & set(pids))


def _ancestors(pid: int) -> set[int]:
    try:
        return {parent.pid for parent in psutil.Process(pid).parents()}
    except psutil.Error:
        return set()
