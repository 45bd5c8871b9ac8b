"""Checks that this machine allows as many open files and threads as there are clients; pure."""

from __future__ import annotations

from typing import Final

from tasks.errors import MachineError

#: Files that a process has open in addition to its connections: logs, pipes, libraries, the broker.
OTHER_FILES: Final = 100
#: Threads and processes in addition to those that serve clients.
OTHER_THREADS: Final = 30
#: The fewest clients that the lesson accepts.
FEWEST: Final = 2


def check_limits(clients: int, *, processes: int, files: int) -> None:
    """Raise MachineError if one of the limits, `files` or `processes`, is too low for `clients`."""
    needed = clients + OTHER_FILES
    if files < needed:
        raise MachineError(
            f"{clients} clients need {needed} open files in a process, but the limit here is "
            f"{files}: raise it (ulimit -n {needed}){_or_fewer(files - OTHER_FILES)}"
        )
    if processes < clients + OTHER_THREADS:
        raise MachineError(
            f"{clients} clients need {clients + OTHER_THREADS} threads and processes, but only "
            f"{processes} more are allowed here: raise that limit (ulimit -u)"
            f"{_or_fewer(processes - OTHER_THREADS)}"
        )


def _or_fewer(clients: int) -> str:
    return f", or use --clients {clients}" if clients >= FEWEST else ""
