"""A connection to Redis that can be slow, or fall silent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf

from cluster.ports import LOOPBACK


class Proxy:
    """A TCP proxy that can be slow, or stop passing bytes on without closing a connection."""

    def __init__(self, port: int, bytes_per_s: float = inf) -> None:
        self._target = port
        self._bytes_per_s = bytes_per_s
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                server = socket.create_connection((LOOPBACK, self._target))
                self._sockets.append(server)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
                time.sleep(len(data) / self._bytes_per_s)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Pass nothing on for a while."""
        self._open.clear()
        yield
        self._open.set()

    def close(self) -> None:
        """Close everything."""
        self._open.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # ends a thread that waits in `accept`
        self._accepting.join()
        for one in (self._listener, *self._sockets):
            one.close()
