"""The remote-control commands of Poolwise workers, and their replies as plain values.

Both sides, the worker and the caller, import it; it knows neither.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The command that changes the pool of a running worker.
SWITCH: Final = "poolwise_switch"
#: The command that reports what the worker runs and the progress of a switch.
WORKER_INFO: Final = "poolwise_about"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """What a worker reports about itself."""

    start: str  # changes with every start, even if the pid stays the same
    ready: bool  # whether it consumes messages
    pid: int
    pool: str  # its name in the pool table, or else the implementing module
    concurrency: int
    host: str
    place: str  # two equal places share their process ids
    switching: bool = False
    running: int = 0  # tasks that the switch still waits for
    gave_up: str = ""  # why the last switch was cancelled
    cannot_switch: str = ""  # why no switch is possible, whatever the pool


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchReply:
    """A worker's reply to a switch that it accepts."""

    before: WorkerInfo
    pool: str
    concurrency: int
    already: bool = False  # the worker already has this pool; nothing will happen
    command: str = ""  # the new command line, without addresses
    warnings: tuple[str, ...] = ()  # preflight warnings about the new flags, two lines each


def same_machine(one: str, other: str) -> bool:
    """Return whether two places are on one machine that has not been restarted in between."""
    return one.partition("/")[0] == other.partition("/")[0]


def place() -> str:
    """Identify the boot and the process namespace; on systems other than Linux, the host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
