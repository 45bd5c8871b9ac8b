"""A link between one worker and the broker that can be cut, slowed down or made to forget."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cluster.ports import LOOPBACK
from cluster.process import Child, ChildRegistry
from cluster.server_process import start_server
from cluster.workers import WorkerSpec
from lab.chaos.network.link_server import NAMESPACE_FD
from lab.chaos.network.namespace import PROGRAMS
from lab.chaos.network.packets import State
from lab.chaos.once import once
from tasks.errors import WorkerError

#: The module of its process.
SERVER: Final = "lab.chaos.network.link_server"
#: Seconds that its process may take to answer, and to try whether it can work here.
ANSWER_S, TRY_S = 5.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A running link."""

    child: Child
    control_port: int

    @property
    def launcher(self) -> tuple[str, ...]:
        """What runs a program in its network namespace."""
        return ("nsenter", f"--net=/proc/{self.child.pid}/fd/{NAMESPACE_FD}")

    @property
    def address(self) -> str:
        """The broker's address in the namespace."""
        return self._told("address")[1]

    def become(self, state: State) -> int:
        """Change its state; return how many packets it has dropped or delayed so far."""
        return int(self._told(state)[0])

    def forget(self) -> int:
        """Drop the packets of all present connections for ever; return as `become` does."""
        return int(self._told("forget")[0])

    def around(self, spec: WorkerSpec) -> WorkerSpec:
        """Return `spec` with a worker that reaches its broker over the link only."""
        _, port = spec.broker_url.rsplit(":", 1)
        return replace(
            spec,
            broker_url=f"redis://{self.address}:{port}",
            launcher=(*self.launcher, *spec.launcher),
        )

    def _told(self, command: str) -> list[str]:
        """Send a command to its process; return the words of the answer.

        Raises WorkerError if it does not answer.
        """
        answer: list[str] = []
        with (
            suppress(OSError),
            socket.create_connection((LOOPBACK, self.control_port), ANSWER_S) as control,
        ):
            control.sendall(f"{command}\n".encode())
            answer = control.makefile().readline().split()
        if not answer:
            raise WorkerError(self.child.failure("does not answer"))
        return answer


def start_link(
    name: str,
    ports: tuple[int, int],
    folder: Path,
    registry: ChildRegistry,
    adopt: Callable[[Child], None],
) -> Link:
    """Start a link to the broker and the records server that listen at these ports of loopback.

    Raises WorkerError, with the tail of its log, if it does not start.
    """
    child, control_port = start_server(f"link {name}", [SERVER, *map(str, ports)], folder, registry)
    adopt(child)
    return Link(child=child, control_port=control_port)


@once
def why_no_links() -> str:
    """Return in one line why this machine allows no links; empty if it does."""
    if not sys.platform.startswith("linux"):
        return "network faults need Linux"
    if os.geteuid() != 0:
        return "network faults need root, to make a network namespace"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"network faults need the program {missing[0]}, which is not installed"
    try:
        tried = subprocess.run(
            [sys.executable, "-m", SERVER, "0", "0"],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TRY_S,
        )
    except subprocess.TimeoutExpired:
        return f"a network namespace could not be created here within {TRY_S:g} s"
    if tried.returncode:
        return f"cannot create a network namespace here: {tried.stderr.strip().splitlines()[-1]}"
    return ""
