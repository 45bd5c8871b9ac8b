"""The lesson `echo`: clients that stay with a server until all of their kind are there."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from tasks.celery import app
from tasks.lessons.notebook import Notebook

LOOPBACK: Final = "127.0.0.1"
#: Seconds that a client waits for the others, and for an echo once it is served.
MEETING_S: Final = 10.0
#: Seconds over which a client spreads its messages.
TALK_S: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Visiting:
    """What all clients of a scene have in common."""

    meeting: str  # its name
    clients: int  # of all tasks together
    port: int
    server_pid: int
    messages: int  # of each client
    patience_s: float  # how long a client waits for its first answer


class Meeting:
    """Where the clients of one process wait for each other, however they fared.

    In a gevent worker the event is a cooperative one.
    """

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def arrive(self) -> bool:
        """Say that one more is there; return whether it is the last."""
        with self._lock:
            self._missing -= 1
            return self._missing == 0

    def begin(self) -> None:
        """Let all go on."""
        self._complete.set()

    def wait(self) -> None:
        """Wait until all are there, and no longer than MEETING_S."""
        self._complete.wait(MEETING_S)


# One for each scene of this process; the last to arrive takes it away.
_meetings: dict[str, Meeting] = {}


@app.task(name="lessons.echo.visit")
def visit(visiting: dict[str, Any], first: int, count: int) -> dict[str, Any]:
    """Be `count` clients of the echo server at once, numbered from `first`.

    Each has a thread of its own, which in a gevent worker is a greenlet. Returns what each of
    `clients` hands in, and, where the last of all to come was among them, the `stock` of the
    server's threads and memory at that instant. Raises TypeError where `visiting` is no Visiting.
    """
    opened, asked = Notebook(), Visiting(**visiting)
    meeting = _meetings.setdefault(asked.meeting, Meeting(asked.clients))
    clients = [Client(number, asked, meeting) for number in range(first, first + count)]
    threads = [threading.Thread(target=one.visit, args=(opened,), daemon=True) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * MEETING_S)
    stocks = [one.stock for one in clients if one.stock]
    return {
        "clients": [one.handed_in() for one in clients],
        "stock": stocks[0] if stocks else None,
    }


class Client:
    """One client: it connects, says hello, waits until all have come, talks, and leaves."""

    def __init__(self, number: int, visiting: Visiting, meeting: Meeting) -> None:
        """Do nothing yet."""
        self._number = number
        self._asked = visiting
        self._meeting = meeting
        self._notebook = Notebook()
        self._began_s = 0.0  # since its task began
        self._served = False
        # By a clock of this machine; the connection was made between the two.
        self._asked_s = 0.0
        self._connected_s: float | None = None
        self._latencies_s: list[float] = []
        self.stock: dict[str, int] | None = None

    def handed_in(self) -> dict[str, Any]:
        """Return what it has to tell, as JSON can carry it."""
        told = {
            "number": self._number,
            "served": self._served,
            "asked_s": self._asked_s,
            "connected_s": self._connected_s,
            "latencies_s": self._latencies_s,
            "began_s": self._began_s,
        }
        return self._notebook.handed_in(told)

    def visit(self, opened: Notebook) -> None:
        """Visit the server; whoever is not answered in time gives up, and was not served."""
        self._began_s, self._notebook = opened.elapsed_s, Notebook()
        self._asked_s = time.monotonic()
        asked, note, arrived = self._asked, self._notebook.noting, False
        try:
            with note("waits", "connect"):
                connection = socket.create_connection((LOOPBACK, asked.port), asked.patience_s)
            with connection:
                self._connected_s = time.monotonic()
                with note("blocked", "not accepted"):
                    self._served = _greeted(connection)
                arrived = True
                self._arrive()
                if self._served:
                    with note("waits", "stays until all are there"):
                        self._meeting.wait()
                    with note("waits", f"{asked.messages} messages"):
                        self._latencies_s = _talk(connection, self._number, asked.messages)
        except OSError:
            # Refused, reset, never accepted: not served, or not to the end.
            self._served = False
        finally:
            if not arrived:
                self._arrive()

    def _arrive(self) -> None:
        """Let all go on where this is the last, and take stock before."""
        if not self._meeting.arrive():
            return
        _meetings.pop(self._asked.meeting, None)
        try:
            self.stock = _stock(self._asked.server_pid)
        finally:
            self._meeting.begin()


def _stock(server_pid: int) -> dict[str, int]:
    """Return the server's threads and memory; what processes share counts once, where known."""
    # Here: a worker on another Python has Celery, and need not have this.
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
    connection.settimeout(MEETING_S)
    return greeted


def _talk(connection: socket.socket, client: int, messages: int) -> list[float]:
    """Exchange messages, at instants that differ from client to client; return the latencies."""
    latencies_s = []
    step_s = TALK_S / messages
    for number in range(messages):
        # Spread evenly: the golden ratio's multiples never cluster.
        share = (client * 0.618_034 + number * 0.381_966) % 1
        time.sleep(step_s * share)
        message = b"%d says %d\n" % (client, number)
        sent_s = time.monotonic()
        connection.sendall(message)
        if connection.recv(64) != message:
            raise ConnectionError("that was no echo")
        latencies_s.append(time.monotonic() - sent_s)
        time.sleep(step_s * (1 - share))
    return latencies_s
