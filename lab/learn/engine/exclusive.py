"""One lesson at a time on one cluster, so that no lesson measures another's load.

A lock in Redis, which expires by itself if its holder disappears.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import redis

from lab.session.renewal import renewed
from tasks.errors import PoolwiseError

KEY: Final = "poolwise:lesson"
#: Seconds after which the lock expires if its holder no longer renews it.
LEASE_S: Final = 15.0


@contextmanager
def exclusively(server: redis.Redis, lesson: str) -> Iterator[None]:
    """Hold the cluster's lock while the body runs.

    Raises PoolwiseError, which names the other lesson, if the lock is taken.
    """
    lock = server.lock(KEY, timeout=LEASE_S, blocking=False, thread_local=False)
    if not lock.acquire(token=f"{lesson} on {socket.gethostname()}, pid {os.getpid()}"):
        if holder := _holder(server):
            raise _taken(holder)
        raise PoolwiseError("another lesson on this cluster has just finished: try again")
    try:
        with renewed(lock.reacquire, LEASE_S / 3):
            yield
    finally:
        with suppress(redis.RedisError):
            lock.release()


def check_free(server: redis.Redis) -> None:
    """Raise PoolwiseError if `exclusively` would raise it now; take no lock."""
    if holder := _holder(server):
        raise _taken(holder)


def _taken(holder: str) -> PoolwiseError:
    return PoolwiseError(
        f"another lesson is running on this cluster ({holder}); try again when it has finished"
    )


def _holder(server: redis.Redis) -> str:
    token = server.get(KEY)
    return token.decode() if isinstance(token, bytes) else ""
