"""A TCP server that answers each request after the delay that the request asks for.

Run as `python -m cluster.delay_server [PORT]`; it prints the port once it listens.
"""

from __future__ import annotations

import sys

import gevent
from gevent.server import StreamServer
from gevent.socket import socket

from cluster.ports import LOOPBACK
from tasks.settings import LONGEST_TASK_S

#: The answer to every request.
ANSWER = b"x" * 1_024
#: Connections that may wait to be accepted; hundreds of tasks may connect at the same instant.
BACKLOG = 4_096


def answer(connection: socket, _address: object) -> None:
    """Read a delay in milliseconds and a newline, wait that long, then answer."""
    with connection, connection.makefile("rb") as lines:
        line = lines.readline(32)
        if not line.strip().isdigit() or int(line) > LONGEST_TASK_S * 1_000:
            return
        gevent.sleep(int(line) / 1_000)
        connection.sendall(ANSWER)


def main() -> None:
    """Serve on loopback until the process is stopped."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = StreamServer((LOOPBACK, port), answer, backlog=BACKLOG)
    server.start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
