"""The type of a preflight rule, with the text by which rules name the pools that can do more."""

from __future__ import annotations

from collections.abc import Callable

from worker.finding import Finding
from worker.options import WorkerOptions
from worker.pools import POOLS, Pool

Rule = Callable[[Pool, WorkerOptions], Finding | None]


def pools_where(able: Callable[[Pool], bool]) -> str:
    """Name the pools that have a capability, as `prefork, threads or gevent`."""
    *front, last = (pool.name for pool in POOLS.values() if able(pool))
    return f"{', '.join(front)} or {last}" if front else last
