"""The IO models: the same delayed sockets read under each. It must not know what is measured."""

from __future__ import annotations

import asyncio
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self

from tasks.lessons.notebook import Notebook

#: Bytes that one `recv` takes at most; an answer is shorter and comes in one piece.
CHUNK_BYTES: Final = 4_096


class Sockets:
    """Connections to a server that answers each after a delay: opened, and not asked yet."""

    def __init__(self, port: int, delays_ms: Sequence[int], bound_s: float) -> None:
        """Connect; whatever waits for them is to give up after `bound_s` seconds."""
        self.bound_s = bound_s
        self.recvs = 0  # calls of `recv`, those that found nothing among them
        self.read_s = [0.0] * len(delays_ms)  # since start()
        self.left = len(delays_ms)
        self._delays_ms = delays_ms
        self._connections = [_connected(port, bound_s) for _ in delays_ms]
        self._began_s = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Take nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them all."""
        for connection in self._connections:
            connection.close()

    def __len__(self) -> int:
        """Count them."""
        return len(self._connections)

    def __getitem__(self, number: int) -> socket.socket:
        """Return a connection."""
        return self._connections[number]

    def start(self) -> None:
        """Begin: all are wanted from now on."""
        self._began_s = time.monotonic()

    def ask(self, number: int) -> None:
        """Ask for an answer; its delay begins."""
        self[number].send(self.request(number))

    def request(self, number: int) -> bytes:
        """Return what asks for an answer."""
        return b"%d\n" % self._delays_ms[number]

    def take(self, number: int) -> None:
        """Read an answer; raise BlockingIOError where there is none, and nobody is to wait."""
        self.recvs += 1
        self.took(number, len(self[number].recv(CHUNK_BYTES)))

    def took(self, number: int, length: int) -> None:
        """Enter that an answer is read; raise ConnectionError where it is empty."""
        if length <= 0:
            raise ConnectionError("the delay server closed a connection without an answer")
        self.read_s[number] = time.monotonic() - self._began_s
        with self._lock:
            self.left -= 1

    def non_blocking(self) -> None:
        """Have no call wait from now on."""
        for connection in self._connections:
            connection.setblocking(False)

    @property
    def late(self) -> bool:
        """Whether time is up."""
        return time.monotonic() - self._began_s > self.bound_s


def _connected(port: int, bound_s: float) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=bound_s)
    connection.settimeout(None)
    # The kernel's own time limit: Python's would ask `poll` before each call, which is counted.
    limit = struct.pack("@ll", int(bound_s) + 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    return connection


def _blocking(sockets: Sockets, notebook: Notebook) -> None:
    for number in range(len(sockets)):
        sockets.ask(number)
        with notebook.noting("waits", "recv"):
            sockets.take(number)


def _threads(sockets: Sockets, notebook: Notebook) -> None:
    def one(number: int) -> None:
        sockets.ask(number)
        sockets.take(number)

    many = [
        threading.Thread(target=one, args=(number,), daemon=True) for number in range(len(sockets))
    ]
    with notebook.noting("computes", "start"):
        for thread in many:
            thread.start()
    with notebook.noting("waits", f"{len(many)} threads, each in recv"):
        for thread in many:
            thread.join(sockets.bound_s)


def _polling(sockets: Sockets, notebook: Notebook) -> None:
    with notebook.noting("computes", "recv: not yet, recv: not yet, recv: …"):
        sockets.non_blocking()
        for number in range(len(sockets)):
            sockets.ask(number)
        waiting = list(range(len(sockets)))
        while waiting and not sockets.late:
            waiting = [number for number in waiting if not _taken(sockets, number)]


def _taken(sockets: Sockets, number: int) -> bool:
    try:
        sockets.take(number)
    except BlockingIOError:
        return False
    return True


def _multiplexed(kind: type[selectors.BaseSelector], name: str) -> Reading:
    def read(sockets: Sockets, notebook: Notebook) -> None:
        with kind() as selector:
            with notebook.noting("computes", "ask"):
                sockets.non_blocking()
                for number in range(len(sockets)):
                    sockets.ask(number)
                    selector.register(sockets[number], selectors.EVENT_READ, number)
            while sockets.left and not sockets.late:
                with notebook.noting("waits", name):
                    ready = selector.select(sockets.bound_s)
                with notebook.noting("computes", "read"):
                    for key, _ in ready:
                        selector.unregister(key.fileobj)
                        sockets.take(key.data)

    return read


def _asyncio(sockets: Sockets, notebook: Notebook) -> None:
    class Noting(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
        """What asyncio's loop waits in, with a note of each wait."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            with notebook.noting("waits", "await"):
                return super().select(timeout)

    async def one(number: int) -> None:
        sockets.ask(number)
        data = await asyncio.get_running_loop().sock_recv(sockets[number], CHUNK_BYTES)
        sockets.took(number, len(data))

    async def every() -> None:
        async with asyncio.timeout(sockets.bound_s):
            await asyncio.gather(*(one(number) for number in range(len(sockets))))

    sockets.non_blocking()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Noting())) as runner:
        runner.run(every())


#: Reads all of the sockets, and notes what it waits in.
Reading = Callable[[Sockets, Notebook], None]


def _models() -> Iterable[tuple[str, Reading]]:
    yield "blocking", _blocking
    yield "threads", _threads
    yield "polling", _polling
    yield "select", _multiplexed(selectors.SelectSelector, "select")
    if hasattr(selectors, "EpollSelector"):
        yield "epoll", _multiplexed(selectors.EpollSelector, "epoll_wait")
    elif hasattr(selectors, "KqueueSelector"):
        yield "kqueue", _multiplexed(selectors.KqueueSelector, "kevent")
    yield "asyncio", _asyncio


#: Every model that this system has, by name, the simplest first.
MODELS: Final[dict[str, Reading]] = dict(_models())
