"""Calls a function in several threads at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

THREADS: Final = 8


def at_once(ask: Callable[[], str]) -> set[str]:
    """Return all answers."""
    barrier = threading.Barrier(THREADS)

    def asked(_: int) -> str:
        barrier.wait(20)
        return ask()

    with ThreadPoolExecutor(THREADS) as threads:
        return set(threads.map(asked, range(THREADS)))
