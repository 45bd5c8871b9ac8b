"""Holds signals back while something is done that must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: What a person or a supervisor may send to end us.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Let no ending signal interrupt the block; one that came is raised again after it.

    Blocking them in the kernel would be simpler, but a child started meanwhile would inherit that
    and never hear of them. Other threads than the main one are never interrupted anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    usual = {number: signal.signal(number, lambda n, _frame: came.append(n)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
