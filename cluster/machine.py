"""What this machine offers: cores, memory, and how many processes may be started."""

from __future__ import annotations

import platform
import resource
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from worker.cores import usable_cores

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
            cores=usable_cores(),
            memory_bytes=_memory_bytes(),
            processes=_processes(),
        )


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
