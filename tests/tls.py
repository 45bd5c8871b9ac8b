"""Serves TLS in front of a server that has none, with a documented kind of certificate."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.ports import LOOPBACK
from tests.paths import ROOT

#: Seconds that the proxy may take to start and to stop.
LIMIT_S = 10


def make_secrets(folder: Path, *names: str) -> Path:
    """Make a certificate for these names and its authority in a new folder; return the folder."""
    subprocess.run(
        [ROOT / "scripts" / "make-secrets", *names],
        env={**os.environ, "SECRETS": str(folder)},
        check=True,
        capture_output=True,
        timeout=30,
    )
    return folder


@contextmanager
def tls_in_front_of(port: int, secrets: Path) -> Iterator[int]:
    """Serve TLS on a port of loopback, and pass everything on to the server at `port`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(secrets / "redis.crt", secrets / "redis.key")
    proxy = _Proxy(port, context)
    thread = threading.Thread(target=lambda: asyncio.run(proxy.run()))
    thread.start()
    try:
        yield proxy.port.result(LIMIT_S)
    finally:
        proxy.stop()
        thread.join(LIMIT_S)


class _Proxy:
    """Passes on what its clients and a server send to each other."""

    def __init__(self, behind: int, context: ssl.SSLContext) -> None:
        self.port: Future[int] = Future()
        self._behind = behind
        self._context = context
        self._writers: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Serve until `stop` is called."""
        self._loop = asyncio.get_running_loop()
        # A client that rejects the certificate is no news.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._serve, LOOPBACK, 0, ssl=self._context)
        self.port.set_result(server.sockets[0].getsockname()[1])
        await self._stopped.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        # Connections in the middle of the handshake have no writer yet.
        for transport in list(getattr(self._loop, "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    def stop(self) -> None:
        """End all connections, from another thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._behind)
        except OSError:
            writer.close()
            return
        both = {writer, back}
        self._writers |= both
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._writers -= both


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until either end is closed; close the other one then."""
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()
    with suppress(OSError):
        await sink.wait_closed()
