"""Starts one of Poolwise's own TCP servers, which prints its port once it listens."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.process import Child, ChildRegistry
from cluster.wait import wait_until
from tasks.errors import WorkerError

#: Seconds that a server may take until it listens.
START_S = 15.0


def start_server(
    name: str, command: Sequence[str], folder: Path, registry: ChildRegistry
) -> tuple[Child, int]:
    """Start `python -m COMMAND` and return the process with its port.

    Raises WorkerError, with the tail of its log, if it does not listen in time.
    """
    log = folder / f"{name.replace(' ', '-')}.log"
    # Without -P, modules in the user's folder would hide ours.
    child = Child(name, [sys.executable, "-P", "-m", *command], log=log, registry=registry)

    def failure() -> WorkerError:
        return WorkerError(child.failed_start(START_S))

    wait_until(lambda: _ports(log) or not child.alive, START_S, failure)
    if not child.alive:
        raise failure()
    return child, _ports(log)[-1]


def _ports(log: Path) -> list[int]:
    """Return the complete lines that are a port; a library may have written other lines."""
    lines = log.read_text(errors="replace").splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith("\n") and line.strip().isdigit()]
