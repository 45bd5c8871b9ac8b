"""Starts the delay server as a child process, without importing gevent into this one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cluster.process import Child, ChildRegistry
from cluster.server_process import start_server
from tasks.errors import PoolwiseError


def start_delay_server(folder: Path, registry: ChildRegistry) -> tuple[Child, int]:
    """Start the delay server and return it with its port once it listens.

    Raises PoolwiseError if gevent is not installed, and WorkerError, with the tail of the log, if
    the server does not listen in time.
    """
    if find_spec("gevent") is None:
        raise PoolwiseError(
            "the delay server needs gevent, which is not installed: pip install gevent"
        )
    return start_server("delay server", ["cluster.delay_server"], folder, registry)
