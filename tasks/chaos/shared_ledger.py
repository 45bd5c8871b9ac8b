"""A ledger in a list on the broker, for processes that share no file.

It outlives every fault of a worker. A process that cannot reach the broker keeps its line and tries
again, as a task would whose result must be stored.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Final

from celery import Celery

from tasks.chaos.ledger import encoded

#: The lists are `poolwise:ledger:RUN`; each expires a day after its last line.
PREFIX: Final = "poolwise:ledger:"
EXPIRES_S: Final = 86_400
#: Seconds in which a line must be written, and between two attempts.
PATIENCE_S, AGAIN_S = 120.0, 0.5


def note(app: Celery, key: str, event: str, task_id: str, *, redelivered: bool = False) -> None:
    """Append an event of a task that happens now; raise the broker's error after `PATIENCE_S`."""
    line = encoded(event, task_id, place(), redelivered=redelivered)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with app.connection_for_write() as connection:
                append(connection, key, line)
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def append(connection: Any, key: str, line: bytes) -> None:
    """Append a line and renew the list's expiry."""
    with connection.default_channel.conn_or_acquire() as client:
        client.pipeline().rpush(key, line).expire(key, EXPIRES_S).execute()


def place() -> int:
    """Return the number of this container: its host name is its id, in hexadecimal."""
    return number(socket.gethostname())


def number(container_id: str) -> int:
    """Return the number of a container with this id; 0 for a name that is no id."""
    try:
        return int(container_id[:12], 16)
    except ValueError:
        return 0
