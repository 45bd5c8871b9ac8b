"""The tasks of the lesson `gil`: updates of a counter in the interpreter or in Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis.exceptions import LockError

from tasks.celery import app
from tasks.lessons.notebook import Notebook
from tasks.lessons.shared import number_at, shared, write

#: Seconds after which holding the lock in Redis, or waiting for it, counts as a failure.
LOCK_S: Final = 10.0

# The counters of this interpreter, one for each scene; each prefork process has its own.
_counters: dict[str, int] = {}
_mutex = threading.Lock()


@app.task(name="lessons.gil.take")
def take(counter: str, start: int, pause_s: float, guarded: bool) -> dict[str, Any]:
    """Subtract 1 from a counter of this interpreter: read it, pause, write it back.

    The counter begins at `start`; if `guarded`, a mutex is held throughout. Hands in the value
    written and when, in seconds on this machine's monotonic clock.
    """
    notebook = Notebook()
    if not guarded:
        return notebook.handed_in(_subtract(notebook, counter, start, pause_s))
    with notebook.noting("blocked", "mutex"):
        _mutex.acquire()
    try:
        return notebook.handed_in(_subtract(notebook, counter, start, pause_s))
    finally:
        _mutex.release()


def _subtract(notebook: Notebook, counter: str, start: int, pause_s: float) -> tuple[int, float]:
    read = _counters.get(counter, start)
    _pause(notebook, pause_s, f"read {read}")
    _counters[counter] = read - 1
    return read - 1, time.monotonic()


@app.task(name="lessons.gil.take_shared")
def take_shared(key: str, pause_s: float, method: str) -> dict[str, Any]:
    """Subtract 1 from the counter at `key` in Redis by one of `SHARED_METHODS`.

    Hands in the value written. Raises KeyError for an unknown method, LockError if the lock is
    not free within LOCK_S.
    """
    notebook = Notebook()
    return notebook.handed_in(SHARED_METHODS[method](notebook, key, pause_s))


def _get_and_set(notebook: Notebook, key: str, pause_s: float) -> int:
    read = number_at(key)
    _pause(notebook, pause_s, f"read {read}")
    write("SET", key, read - 1)
    return read - 1


def _locked(notebook: Notebook, key: str, pause_s: float) -> int:
    with _redis_lock(notebook, f"{key}.lock"):
        return _get_and_set(notebook, key, pause_s)


def _atomic(notebook: Notebook, key: str, pause_s: float) -> int:
    _pause(notebook, pause_s, "pauses, without reading")
    with notebook.noting("waits", "DECR"):
        return int(write("DECR", key))


#: How the counter in Redis is updated, by name.
SHARED_METHODS: Final[dict[str, Callable[[Notebook, str, float], int]]] = {
    "GET, SET": _get_and_set,
    "lock": _locked,
    "DECR": _atomic,
}


@contextmanager
def _redis_lock(notebook: Notebook, name: str) -> Iterator[None]:
    lock = shared().lock(name, timeout=LOCK_S, sleep=0.01, blocking_timeout=LOCK_S)
    with notebook.noting("blocked", "lock in Redis"):
        if not lock.acquire():
            raise LockError(f"{name} was not free within {LOCK_S:g} s")
    try:
        yield
    finally:
        lock.release()


def _pause(notebook: Notebook, pause_s: float, knowing: str) -> None:
    if pause_s:
        with notebook.noting("waits", knowing):
            time.sleep(pause_s)
