"""Asks the machine something once, although cells in several threads want to know it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable


def once(ask: Callable[[], str]) -> Callable[[], str]:
    """Return a function that calls `ask` once; threads that come meanwhile wait for its answer."""
    lock, cached = threading.Lock(), functools.cache(ask)

    @functools.wraps(ask)
    def answer() -> str:
        with lock:
            return cached()

    return answer
