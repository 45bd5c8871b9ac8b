"""Threads, waiting and waking that work while gevent's or eventlet's loop is blocked.

Both replace the standard library's functions; this module finds the originals when they are called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

#: What `select.POLLIN` is on all systems.
_POLLIN = 1


def original(module: str, name: str) -> Any:
    """Return a function of the standard library as it was before any monkey patch."""
    if gevent := sys.modules.get("gevent.monkey"):
        return gevent.get_original(module, name)
    if eventlet := sys.modules.get("eventlet.patcher"):
        return getattr(eventlet.original(module), name)
    return getattr(import_module(module), name)


def start_thread(run: Callable[[], None]) -> None:
    """Run a function in a thread of the operating system that does not keep the process alive."""
    _resolve_names_early()
    original("_thread", "start_new_thread")(run, ())


def is_readable(file: Any) -> bool:
    """Return at once whether there is something to read."""
    poller = original("select", "poll")()
    poller.register(file, _POLLIN)
    return bool(poller.poll(0))


def _resolve_names_early() -> None:
    """Make gevent import what it needs to find addresses, before another thread needs it too.

    If two threads import the same module at the same time, one waits for the other; gevent takes
    that for a deadlock if its loop has nothing else to do, and the worker would end (LoopExit).
    """
    hub: Any = sys.modules.get("gevent.hub")
    if hub is not None:
        _ = hub.get_hub().resolver


class Waker:
    """Wakes the thread that waits for `fd` to become readable; call `wake` from any thread."""

    def __init__(self) -> None:
        self.fd, self._writer = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._writer, False)

    def wake(self) -> None:
        """Make `fd` readable."""
        # A full pipe is readable already, and a closed one has nobody left to wake.
        with suppress(OSError):
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Make `fd` unreadable."""
        with suppress(OSError):
            while len(os.read(self.fd, 4096)) == 4096:
                pass

    def wait(self, timeout_s: float) -> None:
        """Block this thread of the operating system until `wake` is called."""
        poller = original("select", "poll")()
        poller.register(self.fd, _POLLIN)
        poller.poll(max(0, int(timeout_s * 1000)))
        self.clear()

    def __del__(self) -> None:
        # Only now: a thread that is about to write must not find another file under this number.
        for fd in (self.fd, self._writer):
            with suppress(OSError):
                os.close(fd)
