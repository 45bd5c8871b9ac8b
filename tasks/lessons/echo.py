"""The task of the lesson `echo`: clients that stay connected until all of them are there."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook

LOOPBACK: Final = "127.0.0.1"
#: Seconds that a client waits for the others, and, once it is served, for an echo.
RENDEZVOUS_S: Final = 10.0
#: Seconds over which a client spreads its messages.
TALK_S: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What all clients of a scene have in common."""

    rendezvous: str  # the name of the one they share
    clients: int  # of all tasks together
    port: int
    server_pid: int
    messages: int  # of each client
    patience_s: float  # how long a client waits for its first answer


class Rendezvous:
    """The point where the clients of one process wait for each other, served or not.

    In a gevent worker, waiting here lets the other greenlets run.
    """

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def arrive(self) -> bool:
        """Count one more client; return whether it was the last."""
        with self._lock:
            self._missing -= 1
            return self._missing == 0

    def release(self) -> None:
        """Let all waiting clients continue."""
        self._complete.set()

    def wait(self) -> None:
        """Wait until all clients are there, for at most RENDEZVOUS_S."""
        self._complete.wait(RENDEZVOUS_S)


# One for each scene of this process; the last client to arrive removes it.
_rendezvous: dict[str, Rendezvous] = {}


@app.task(name="lessons.echo.visit")
def visit(settings: dict[str, Any], first: int, count: int) -> dict[str, Any]:
    """Run `count` clients of the echo server at once, numbered from `first`.

    Each has its own thread, which in a gevent worker is a greenlet. Returns what each of `clients`
    hands in. If the last client to arrive was among them, `stock` holds the server's threads and
    memory at that instant. Raises TypeError unless `settings` has the fields of ClientSettings.
    """
    opened, common = Notebook(), ClientSettings(**settings)
    rendezvous = _rendezvous.setdefault(common.rendezvous, Rendezvous(common.clients))
    clients = [Client(number, common, rendezvous) for number in range(first, first + count)]
    threads = [threading.Thread(target=one.visit, args=(opened,), daemon=True) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * RENDEZVOUS_S)
    stocks = [one.stock for one in clients if one.stock]
    return {
        "clients": [one.handed_in() for one in clients],
        "stock": stocks[0] if stocks else None,
    }


class Client:
    """One client: it connects, says hello, waits for the others, exchanges messages, and leaves."""

    def __init__(self, number: int, settings: ClientSettings, rendezvous: Rendezvous) -> None:
        """Do not connect yet."""
        self._number = number
        self._settings = settings
        self._rendezvous = rendezvous
        self._notebook = Notebook()
        self._began_s = 0.0  # since its task started
        self._served = False
        # By the machine's monotonic clock; the connection was made between these two instants.
        self._asked_s = 0.0
        self._connected_s: float | None = None
        self._latencies_s: list[float] = []
        self.stock: dict[str, int] | None = None

    def handed_in(self) -> dict[str, Any]:
        """Return what the client saw, as JSON can carry it."""
        seen = {
            "number": self._number,
            "served": self._served,
            "asked_s": self._asked_s,
            "connected_s": self._connected_s,
            "latencies_s": self._latencies_s,
            "began_s": self._began_s,
        }
        return self._notebook.handed_in(seen)

    def visit(self, opened: Notebook) -> None:
        """Visit the server; a client that gets no answer in time gives up and was not served."""
        self._began_s, self._notebook = opened.elapsed_s, Notebook()
        self._asked_s = time.monotonic()
        settings, note, arrived = self._settings, self._notebook.noting, False
        try:
            with note("waits", "connect"):
                connection = socket.create_connection(
                    (LOOPBACK, settings.port), settings.patience_s
                )
            with connection:
                self._connected_s = time.monotonic()
                with note("blocked", "not accepted"):
                    self._served = _greeted(connection)
                arrived = True
                self._arrive()
                if self._served:
                    with note("waits", "waits for the others"):
                        self._rendezvous.wait()
                    with note("waits", f"{settings.messages} messages"):
                        self._latencies_s = _talk(connection, self._number, settings.messages)
        except OSError:
            # Refused, reset or never accepted: not served, or not until the end.
            self._served = False
        finally:
            if not arrived:
                self._arrive()

    def _arrive(self) -> None:
        """Arrive; the last client measures the server, then lets all others continue."""
        if not self._rendezvous.arrive():
            return
        _rendezvous.pop(self._settings.rendezvous, None)
        try:
            self.stock = _stock(self._settings.server_pid)
        finally:
            self._rendezvous.release()


def _stock(server_pid: int) -> dict[str, int]:
    """Return the server's threads and memory: PSS where the system reports it, else RSS."""
    # Imported here: a worker on another Python has Celery but may not have psutil.
    import psutil  # noqa: PLC0415

    server = psutil.Process(server_pid)
    memory = server.memory_full_info()
    memory_bytes = int(getattr(memory, "pss", memory.rss))
    return {"threads": server.num_threads(), "memory_bytes": memory_bytes}


def _greeted(connection: socket.socket) -> bool:
    connection.sendall(b"hello\n")
    try:
        greeted = connection.recv(64) == b"hello\n"
    except TimeoutError:
        return False
    connection.settimeout(RENDEZVOUS_S)
    return greeted


def _talk(connection: socket.socket, client: int, messages: int) -> list[float]:
    """Exchange messages at instants that differ from client to client; return the latencies."""
    latencies_s = []
    step_s = TALK_S / messages
    for number in range(messages):
        # Multiples of the golden ratio never cluster, so the clients spread out evenly.
        share = (client * 0.618_034 + number * 0.381_966) % 1
        time.sleep(step_s * share)
        message = b"%d says %d\n" % (client, number)
        sent_s = time.monotonic()
        connection.sendall(message)
        if connection.recv(64) != message:
            raise ConnectionError("the reply was not an echo of the message")
        latencies_s.append(time.monotonic() - sent_s)
        time.sleep(step_s * (1 - share))
    return latencies_s
