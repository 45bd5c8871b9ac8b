"""Checks that this machine allows as many open files and threads as there are clients; pure."""

from __future__ import annotations

from typing import Final

from tasks.errors import MachineError

#: Files that a process has open in addition to its connections: logs, pipes, libraries, the broker.
OTHER_FILES: Final = 100
#: Threads and processes in addition to those that serve clients.
OTHER_THREADS: Final = 30


def check_limits(clients: int, *, processes: int, files: int) -> None:
    """Raise MachineError if one of the limits, `files` or `processes`, is too low for `clients`."""
    needed = clients + OTHER_FILES
    if files < needed:
        most = max(2, files - OTHER_FILES)
        raise MachineError(
            f"{clients} clients need {needed} open files in a process, but the limit here is "
            f"{files}: raise it (ulimit -n {needed}), or use --clients {most}"
        )
    if processes < clients + OTHER_THREADS:
        most = max(2, processes - OTHER_THREADS)
        raise MachineError(
            f"{clients} clients need as many threads, but only {processes} more are allowed here: "
            f"use --clients {most}"
        )
