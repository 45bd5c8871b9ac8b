"""The delay server as a child process; ours need not import what the server is made of."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.process import Child, Leash
from cluster.wait import wait_until
from tasks.errors import PoolwiseError

#: Seconds that it may take until it listens.
START_S = 15.0


def start_delay_server(folder: Path, leash: Leash) -> tuple[Child, int]:
    """Start it as a process of its own and return it with its port once it listens.

    Raises PoolwiseError, with its log's tail, where it does not.
    """
    log = folder / "delay-server.log"
    child = Child(
        "delay server", [sys.executable, "-m", "cluster.delay_server"], log=log, leash=leash
    )

    def failure() -> PoolwiseError:
        return PoolwiseError(f"the delay server did not start; its log:\n{child.log_tail()}")

    wait_until(lambda: log.read_text().endswith("\n") or not child.alive, START_S, failure)
    if not child.alive:
        raise failure()
    return child, int(log.read_text().split()[0])
