"""Connections to a server that answers after a delay; it must not know how they are read."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Final, Self

#: The most bytes that one `recv` takes; an answer is shorter and arrives in one piece.
CHUNK_BYTES: Final = 4_096


class Sockets:
    """Open connections that no request has been sent on yet."""

    def __init__(self, port: int, delays_ms: Sequence[int], bound_s: float) -> None:
        """Connect once for each delay; code that waits must give up after `bound_s` seconds."""
        self.bound_s = bound_s
        self.recvs = 0  # calls of `recv`, including those that found nothing
        self.read_s = [0.0] * len(delays_ms)  # when each answer was read, since start()
        self.left = len(delays_ms)  # answers not read yet
        self._delays_ms = delays_ms
        self._connections = [_connected(port, bound_s) for _ in delays_ms]
        self._began_s = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return self; the constructor has connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._connections)

    def __getitem__(self, number: int) -> socket.socket:
        """Return a connection."""
        return self._connections[number]

    def start(self) -> None:
        """Start the clock."""
        self._began_s = time.monotonic()

    def ask(self, number: int) -> None:
        """Send a request; the delay of its answer starts."""
        self[number].send(self.request(number))

    def request(self, number: int) -> bytes:
        """Return the bytes that ask for an answer."""
        return b"%d\n" % self._delays_ms[number]

    def take(self, number: int) -> None:
        """Read an answer; raise BlockingIOError if a non-blocking socket has none yet."""
        self.recvs += 1
        self.took(number, len(self[number].recv(CHUNK_BYTES)))

    def took(self, number: int, length: int) -> None:
        """Record that an answer was read; raise ConnectionError if it was empty."""
        if length <= 0:
            raise ConnectionError("the delay server closed a connection without an answer")
        self.read_s[number] = time.monotonic() - self._began_s
        with self._lock:
            self.left -= 1

    def non_blocking(self) -> None:
        """Make all connections non-blocking."""
        for connection in self._connections:
            connection.setblocking(False)

    @property
    def late(self) -> bool:
        """Whether `bound_s` has passed since start()."""
        return time.monotonic() - self._began_s > self.bound_s


def _connected(port: int, bound_s: float) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=bound_s)
    connection.settimeout(None)
    # The kernel's own time limit: Python's would call `poll` before each `recv`, and be counted.
    limit = struct.pack("@ll", int(bound_s) + 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    return connection
