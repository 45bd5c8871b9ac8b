"""A TCP echo server that handles its clients in one of four ways.

Run as `python -m cluster.echo_server KIND [PORT]`. It prints the port once it listens and, on
SIGTERM, its counts as one line of JSON. It imports only what its kind needs, because its memory is
measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, NoReturn

from cluster.ports import LOOPBACK

#: Bytes read at once.
CHUNK_BYTES: Final = 1_024
#: Connections that may wait to be accepted; hundreds of clients may connect at the same instant.
BACKLOG: Final = 4_096


class ConnectionTally:
    """Counts connections and messages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = self._peak = self._accepted = self._messages = 0

    def __enter__(self) -> None:
        """Count a connection."""
        with self._lock:
            self._open += 1
            self._accepted += 1
            self._peak = max(self._peak, self._open)

    def __exit__(self, *_: object) -> None:
        """Note that it is closed."""
        with self._lock:
            self._open -= 1

    def echoed(self) -> None:
        """Count a message."""
        with self._lock:
            self._messages += 1

    def close(self, *_: object) -> NoReturn:
        """Print the counts and end the process; takes no lock, because it handles SIGTERM."""
        counts = {
            "accepted": self._accepted,
            "most_at_once": self._peak,
            "messages": self._messages,
        }
        os.write(1, f"{json.dumps(counts)}\n".encode())
        os._exit(0)


def talk(connection: socket.socket, tally: ConnectionTally) -> None:
    """Echo everything until the client closes the connection or is gone."""
    with tally, connection:
        try:
            while data := connection.recv(CHUNK_BYTES):
                connection.sendall(data)
                tally.echoed()
        except ConnectionError:
            return


def sequential(listener: socket.socket, tally: ConnectionTally) -> None:
    """Serve one client until it leaves, then accept the next."""
    while True:
        talk(listener.accept()[0], tally)


def threaded(listener: socket.socket, tally: ConnectionTally) -> None:
    """Give each client a thread."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection, tally), daemon=True).start()


def greenlets(listener: socket.socket, tally: ConnectionTally) -> None:
    """Give each client a greenlet; all of them share one thread."""
    # Imported here to keep the other kinds small.
    import gevent  # noqa: PLC0415
    from gevent import socket as cooperative  # noqa: PLC0415

    gevent.signal_handler(signal.SIGTERM, tally.close)
    waiting = cooperative.socket(fileno=listener.detach())
    while True:
        connection, _ = waiting.accept()
        gevent.spawn(talk, connection, tally)


def coroutines(listener: socket.socket, tally: ConnectionTally) -> None:
    """Give each client a coroutine; all of them share one thread."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with tally:
            try:
                while data := await reader.read(CHUNK_BYTES):
                    writer.write(data)
                    await writer.drain()
                    tally.echoed()
            except ConnectionError:
                return
            finally:
                writer.close()

    async def serve() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, tally.close)
        server = await asyncio.start_server(converse, sock=listener, backlog=BACKLOG)
        await server.serve_forever()

    asyncio.run(serve())


#: How each kind of server handles its clients.
KINDS: Final[dict[str, Callable[[Any, ConnectionTally], None]]] = {
    "sequential": sequential,
    "threaded": threaded,
    "gevent": greenlets,
    "asyncio": coroutines,
}


def main() -> None:
    """Serve on loopback until the process is stopped."""
    kind, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    tally = ConnectionTally()
    signal.signal(signal.SIGTERM, tally.close)
    listener = socket.create_server((LOOPBACK, port), backlog=BACKLOG)
    os.write(1, f"{listener.getsockname()[1]}\n".encode())
    KINDS[kind](listener, tally)


if __name__ == "__main__":
    main()
