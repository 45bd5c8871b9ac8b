"""Whether this machine lets a process open as many connections as there are clients; pure."""

from __future__ import annotations

from typing import Final

from tasks.errors import MachineError

#: Files that a process has open beside its connections: logs, pipes, libraries, the broker.
OTHER_FILES: Final = 100
#: Threads and processes beside those of the server's clients.
OTHER_THREADS: Final = 30


def check_openings(clients: int, processes: int, files: int) -> None:
    """Raise MachineError where `files` or `processes`, the limits, do not reach for `clients`."""
    needed = clients + OTHER_FILES
    if files < needed:
        most = max(2, files - OTHER_FILES)
        raise MachineError(
            f"{clients} clients need {needed} open files in a process, and the limit here is "
            f"{files}: raise it (ulimit -n {needed}), or take --clients {most}"
        )
    if processes < clients + OTHER_THREADS:
        most = max(2, processes - OTHER_THREADS)
        raise MachineError(
            f"{clients} threads do not fit beside what runs: {processes} more are allowed here; "
            f"take --clients {most}"
        )
