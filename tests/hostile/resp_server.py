"""A small server that speaks Redis's protocol by a script: it answers, lies, or says nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum

from cluster.ports import LOOPBACK

Words = list[bytes]


class Act(Enum):
    """What a server does instead of an answer of its own."""

    FORWARD = "pass the command on to a real server"
    SILENCE = "say nothing, and keep the connection"
    CLOSE = "close the connection"


#: Decides the answer to a command, given its number over all connections (from 1) and its words.
Script = Callable[[int, Words], bytes | Act]


def always(answer: bytes | Act) -> Script:
    """Answer every command alike."""
    return lambda _number, _words: answer


def after(count: int, then: Script) -> Script:
    """Pass on `count` commands to a real server, and follow `then` from there on."""
    return lambda number, words: Act.FORWARD if number <= count else then(number, words)


def echo(_number: int, words: Words) -> bytes:
    """Answer with an error that repeats what was sent, as Redis does with unknown commands."""
    return b"-ERR unknown command '" + words[0] + b"', with args: " + b" ".join(words) + b"\r\n"


class RespServer:
    """Serves connections until it is closed."""

    def __init__(self, script: Script, real_port: int | None = None) -> None:
        """Pass commands on to the server at `real_port` if the script says so."""
        self._script = script
        self._real_port = real_port
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listening = socket.create_server((LOOPBACK, 0))
        self.commands = 0
        self.connections = 0
        self._start(self._accept)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://{LOOPBACK}:{self._listening.getsockname()[1]}/0"

    def close(self) -> None:
        """Close every connection, and wait for the threads that served them."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            for one in self._open:
                _end(one)
        for thread in list(self._threads):
            thread.join(10)
        for one in self._open:
            one.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                self._keep(client)
                self._start(self._serve, client)

    def _keep(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.append(connection)

    def _serve(self, client: socket.socket) -> None:
        real: socket.socket | None = None
        with suppress(OSError, ValueError), client.makefile("rb") as stream:
            if self._real_port is not None:
                real = socket.create_connection((LOOPBACK, self._real_port))
                self._keep(real)
                self._start(_relay, real, client)
            while words := _command(stream.readline, stream.read):
                with self._lock:
                    self.commands += 1
                    number = self.commands
                answer = self._script(number, words)
                if answer is Act.CLOSE:
                    break
                if answer is Act.FORWARD and real is not None:
                    real.sendall(_written(words))
                elif isinstance(answer, bytes):
                    client.sendall(answer)
        for one in (client, real):
            if one is not None:
                _end(one)


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    _end(target)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _command(line: Callable[[], bytes], read: Callable[[int], bytes]) -> Words:
    """Read one command; an empty one at the end of the connection."""
    count = line()
    if not count.startswith(b"*"):
        return []
    words = []
    for _ in range(int(count[1:])):
        length = int(line()[1:])
        words.append(read(length + 2)[:-2])
    return words


def _written(words: Words) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


@contextmanager
def serving(script: Script, real_port: int | None = None) -> Iterator[RespServer]:
    """Run a server while the body runs."""
    server = RespServer(script, real_port)
    try:
        yield server
    finally:
        server.close()
