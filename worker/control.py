"""What a worker of ours and whoever asks it say to each other; neither side is known here.

Names of remote-control commands, and replies as plain values that JSON can carry.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The command that changes the pool of a running worker.
SWITCH: Final = "poolwise_switch"
#: The command that tells what the worker is, and how far a switch has come.
WORKER_INFO: Final = "poolwise_about"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """What a worker says of itself."""

    start: str  # differs after every start, also where the pid stays
    ready: bool  # whether it consumes
    pid: int
    pool: str  # by our name, or the implementing module's
    concurrency: int
    host: str
    place: str  # where equal, a pid means the same process
    switching: bool = False
    running: int = 0  # tasks that a switch still waits for
    gave_up: str = ""  # why the last switch did not come about


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchReply:
    """What a worker says to a switch that it will carry out."""

    before: WorkerInfo
    pool: str
    concurrency: int
    already: bool = False  # it is so: nothing will happen
    command: str = ""  # the new command line
    warnings: tuple[str, ...] = ()  # what the new flags lose, two lines each


def place() -> str:
    """Name the boot and the process namespace; without Linux, the host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
