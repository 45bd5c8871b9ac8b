"""Defers signals during a step that must not be interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Signals that a user or a supervisor sends to stop a process.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Run the block without interruption; raise the first signal that arrived after it.

    Blocking signals in the kernel would be simpler, but a child started meanwhile would inherit the
    block and never receive them. Threads other than the main one are never interrupted anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    usual = {
        number: signal.signal(number, lambda n, _frame: arrived.append(n)) for number in ENDING
    }
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
