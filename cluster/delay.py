"""The delay server as a child process; ours need not import what the server is made of."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cluster.process import Child, ChildRegistry
from cluster.server_process import start_server
from tasks.errors import PoolwiseError


def start_delay_server(folder: Path, registry: ChildRegistry) -> tuple[Child, int]:
    """Start it as a process of its own and return it with its port once it listens.

    Raises PoolwiseError where what it is made of is not installed, or, with its log's tail, where
    it does not listen.
    """
    if find_spec("gevent") is None:
        raise PoolwiseError("the delay server needs gevent, which is not here: pip install gevent")
    return start_server("delay server", ["cluster.delay_server"], folder, registry)
