"""IO-bound tasks: one that sleeps, one that waits for a slow server."""

from __future__ import annotations

import socket
import time

from tasks.celery import app
from tasks.settings import LONGEST_TASK_S


@app.task(name="io.sleep")
def sleep(seconds: float) -> float:
    """Sleep for `seconds`.

    Returns `seconds`. Raises ValueError if it is not from 0 to LONGEST_TASK_S: a longer task
    would be redelivered while it still runs.
    """
    if not 0 <= seconds <= LONGEST_TASK_S:
        raise ValueError(f"seconds must be from 0 to {LONGEST_TASK_S}, not {seconds}")
    time.sleep(seconds)
    return seconds


@app.task(name="io.fetch")
def fetch(host: str, port: int, delay_ms: int) -> int:
    """Fetch an answer from the server at `host`:`port`, which sends it after `delay_ms`.

    The request is the delay and a newline; the answer ends when the server closes the connection.
    Returns the length of the answer in bytes. Raises OSError if the server does not answer.
    """
    with socket.create_connection((host, port), timeout=LONGEST_TASK_S) as connection:
        connection.sendall(b"%d\n" % delay_ms)
        received = 0
        while chunk := connection.recv(65_536):
            received += len(chunk)
    if not received:
        raise ConnectionError(f"{host}:{port} closed the connection without an answer")
    return received
