"""A TCP server that answers each request after the delay it asks for: something real to wait for.

Run as `python -m cluster.delay_server [PORT]`; it prints the port once it listens.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gevent
from gevent.server import StreamServer
from gevent.socket import socket

from cluster.ports import LOOPBACK
from cluster.process import Child, Leash
from cluster.wait import wait_until
from tasks.errors import PoolwiseError
from tasks.settings import LONGEST_TASK_S

#: What every request gets, in the end.
ANSWER = b"x" * 1_024
#: Connections waiting to be accepted; hundreds of tasks may ask at the same instant.
BACKLOG = 4_096


def answer(connection: socket, _address: object) -> None:
    """Read a delay in milliseconds and a newline, wait that long, and answer."""
    with connection, connection.makefile("rb") as lines:
        line = lines.readline(32)
        if not line.strip().isdigit() or int(line) > LONGEST_TASK_S * 1_000:
            return
        gevent.sleep(int(line) / 1_000)
        connection.sendall(ANSWER)


def main() -> None:
    """Serve on loopback until the process is ended."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = StreamServer((LOOPBACK, port), answer, backlog=BACKLOG)
    server.start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def start_delay_server(folder: Path, leash: Leash) -> tuple[Child, int]:
    """Start it as a process of its own and return it with its port once it listens.

    Raises PoolwiseError, with its log's tail, where it does not.
    """
    log = folder / "delay-server.log"
    child = Child("delay server", [sys.executable, "-m", __name__], log=log, leash=leash)

    def failure() -> PoolwiseError:
        return PoolwiseError(f"the delay server did not start; its log:\n{child.log_tail()}")

    wait_until(lambda: log.read_text().endswith("\n") or not child.alive, 15.0, failure)
    if not child.alive:
        raise failure()
    return child, int(log.read_text().split()[0])


if __name__ == "__main__":
    main()
