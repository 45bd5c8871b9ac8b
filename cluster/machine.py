"""What this machine offers: cores, memory, and how many processes may be started."""

from __future__ import annotations

import os
import platform
import resource
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The share of a machine that this process may use."""

    name: str
    platform: str
    cores: int
    memory_bytes: int
    processes: int  # how many more processes and threads may be started

    @classmethod
    def this(cls) -> Machine:
        """Return this machine within the limits of our control group."""
        return cls(
            name=socket.gethostname(),
            platform=f"{platform.system()} {platform.machine()}",
            cores=_cores(),
            memory_bytes=_memory_bytes(),
            processes=_processes(),
        )


def _cores() -> int:
    """Return how many cores we may use, capped by the control group's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota, _, period = _read("cpu.max").partition(" ")
    granted = -(-int(quota) // int(period)) if quota.isdigit() else allowed
    return max(1, min(allowed or 1, granted or 1))


def _memory_bytes() -> int:
    limit = _read("memory.max")
    total: int = psutil.virtual_memory().total
    return min(total, int(limit)) if limit.isdigit() else total


def _processes() -> int:
    """Return the smallest limit (user, control group, kernel) less the processes that run."""
    own = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limits = [own] if own != resource.RLIM_INFINITY else []
    others = (_read("pids.max"), _text(Path("/proc/sys/kernel/pid_max")))
    limits += [int(limit) for limit in others if limit.isdigit()]
    return max(0, min(limits, default=32_768) - len(psutil.pids()))


def _read(name: str) -> str:
    return _text(_CGROUP / name)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
