"""Does something regularly in the background, such as renewing what expires in Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis


@contextmanager
def renewed(renew: Callable[[], object], every_s: float) -> Iterator[None]:
    """Call `renew` every `every_s` seconds while the block runs; ignore Redis's errors."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(every_s):
            with suppress(redis.RedisError):
                renew()

    thread = threading.Thread(target=run, name="renewal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
